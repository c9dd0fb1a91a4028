"""Columns in their one form: numbers in 64-bit floating point, or categories sorted by text.

The form depends on the values alone, not on the file they came in: missing values are null (so are NaN, and
text that is a marker of `limits.MISSING`), there is no negative zero, and where all categories are whole
numbers 2.0 is 2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from service.lab.datasets.limits import MAX_LABEL, MISSING
from service.lab.errors import BadTable

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DECIMAL_COMMA = r"^[+-]?\d*,\d+$"
_WHOLE = re.compile(r"([+-]?\d+)(?:\.0*)?", re.ASCII)
#: A column with more numbers than this is one of numbers, and its other values are mistakes.
_MOSTLY = 0.5
_SHOWN = 40


def shown(value: object) -> str:
    """Return a value as messages have it: quoted, and cut where it is long."""
    text = str(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def from_text(name: str, values: pa.ChunkedArray, *, categorical: bool) -> pa.Array:
    """Return the column that text stands for: numbers where all of it are, else categories.

    Args:
        name: For messages.
        values: Strings of a file of text.
        categorical: Whether the values are categories in any case.

    Raises:
        BadTable: It has no value, or numbers and text, or numbers that are infinite.
    """
    import pyarrow as pa  # noqa: PLC0415  # 40 MB of libraries, for those who bring tables
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    if categorical:
        return _labels(name, values)
    tidy = _without_markers(pc.utf8_trim_whitespace(values))
    if tidy.null_count < len(tidy):
        try:
            return _numbers(name, tidy)
        except pa.ArrowInvalid:
            _refuse_mixed(name, tidy)
    return _labels(name, tidy)


def from_typed(name: str, values: pa.ChunkedArray, *, categorical: bool) -> pa.Array:
    """Return the column that typed values stand for: text and truth values are categories.

    Args:
        name: For messages.
        values: Of a column of Parquet or Arrow.
        categorical: Whether numbers are categories, too.

    Raises:
        BadTable: It has no value, is infinite, or of a type that is neither number nor text.
    """
    import pyarrow as pa  # noqa: PLC0415  # as above

    kind = values.type
    if pa.types.is_dictionary(kind):
        if _is_text(kind.value_type):
            return _labels(name, values)
        values = values.cast(kind.value_type)
        kind = values.type
    if _is_text(kind) or pa.types.is_boolean(kind):
        return _labels(name, values.cast(pa.string()))
    if pa.types.is_null(kind):
        raise _empty(name)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise BadTable(
            f"column {shown(name)} is of type {kind}: a column has numbers, text or truth values", column=name
        )
    numbers = _numbers(name, values)
    if not categorical:
        return numbers
    # Whole numbers keep all their digits; 1e6 is written 1000000, as it would be in a file of text.
    whole = values if pa.types.is_integer(kind) else _as_whole(numbers)
    return _labels(name, (numbers if whole is None else whole).cast(pa.string()))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa  # noqa: PLC0415  # as above

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _as_whole(numbers: pa.Array) -> pa.Array | None:
    import pyarrow as pa  # noqa: PLC0415  # as above

    try:
        return numbers.cast(pa.int64())
    except pa.ArrowInvalid:
        return None


def _without_markers(values: Any) -> Any:  # noqa: ANN401  # an array, chunked or not
    import pyarrow as pa  # noqa: PLC0415  # as above
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    marker = pc.is_in(values, value_set=pa.array(MISSING, values.type))
    return pc.if_else(marker, pa.scalar(None, values.type), values)


def _numbers(name: str, values: pa.ChunkedArray) -> pa.Array:
    """Return 64-bit floats; raises ArrowInvalid for text that is no number."""
    import pyarrow as pa  # noqa: PLC0415  # as above
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    numbers = pc.cast(values, pa.float64(), safe=False)
    if isinstance(numbers, pa.ChunkedArray):
        numbers = numbers.combine_chunks()
    numbers = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    if numbers.null_count == len(numbers):
        raise _empty(name)
    infinite = pc.fill_null(pc.is_inf(numbers), False)
    row = pc.index(infinite, True).as_py()
    if row >= 0:
        raise BadTable(
            f"column {shown(name)} is infinite in row {row + 1} ({shown(values[row])}): "
            "give a finite number, or leave the value out",
            column=name,
            row=row + 1,
        )
    return pc.add(numbers, 0.0)  # makes -0.0 into 0.0


def _refuse_mixed(name: str, values: pa.ChunkedArray) -> None:
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    present = len(values) - values.null_count
    with_comma = pc.sum(pc.match_substring_regex(values, _DECIMAL_COMMA)).as_py()
    if with_comma == present:
        raise BadTable(
            f"column {shown(name)} has numbers with a comma ({shown(pc.drop_null(values)[0])}): "
            "write 1.5, not 1,5",
            column=name,
        )
    is_number = pc.fill_null(pc.match_substring_regex(values, _NUMBER), True)
    numbers = pc.sum(is_number).as_py() - values.null_count
    if numbers > _MOSTLY * present:
        row = pc.index(is_number, False).as_py()
        raise BadTable(
            f"column {shown(name)} has numbers, but {shown(values[row])} in row {row + 1}: give a number, "
            "leave the value out, or name the column in `categorical`",
            column=name,
            row=row + 1,
        )


def _labels(name: str, values: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return categories, sorted, with their numbers; raises BadTable where there are none."""
    import numpy as np  # noqa: PLC0415  # as above
    import pyarrow as pa  # noqa: PLC0415  # as above
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    if not pa.types.is_dictionary(values.type):
        values = pc.dictionary_encode(values)
    if isinstance(values, pa.ChunkedArray):
        values = values.unify_dictionaries().combine_chunks()
    given = pc.fill_null(values.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    used = np.unique(given[given >= 0])
    raw = values.dictionary.cast(pa.string())
    words = _without_markers(pc.utf8_trim_whitespace(raw)).take(pa.array(used)).to_pylist()
    tidy = _tidy(words)
    categories = sorted({word for word in tidy if word is not None})
    if not categories:
        raise _empty(name)
    _check_labels(name, categories)
    numbers = {word: number for number, word in enumerate(categories)}
    new = np.full(len(raw) + 1, -1, np.int32)  # the last one is that of -1
    new[used] = [-1 if word is None else numbers[word] for word in tidy]
    codes = new[given]
    indices = pa.array(codes, pa.int32(), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(categories, pa.string()))


def _tidy(words: list[str | None]) -> list[str | None]:
    """Return truth values in lower case, and whole numbers without decimals."""
    present = [word for word in words if word is not None]
    if all(word.lower() in ("true", "false") for word in present):
        return [None if word is None else word.lower() for word in words]
    if all(_WHOLE.fullmatch(word) for word in present):
        return [None if word is None else _WHOLE.sub(r"\1", word) for word in words]
    return words


def _check_labels(name: str, categories: list[str]) -> None:
    for word in categories:
        if len(word) > MAX_LABEL:
            raise BadTable(
                f"column {shown(name)} has a text of {len(word)} characters ({shown(word)}): "
                f"a category has at most {MAX_LABEL}",
                column=name,
            )
        if "\0" in word:
            raise BadTable(f"column {shown(name)} has text with a NUL character ({shown(word)})", column=name)


def _empty(name: str) -> BadTable:
    return BadTable(f"column {shown(name)} has no value in any row: leave it out", column=name)
