"""A table in its one form, what it must have, and the hash of its content."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.lab.datasets.columns import from_typed, shown
from service.lab.datasets.limits import MAX_CLASSES, MAX_COLUMNS, MAX_NAME, MIN_ROWS, MIN_ROWS_PER_CLASS
from service.lab.errors import BadTable

if TYPE_CHECKING:
    import pyarrow as pa

#: Into the hash: another way to hash, or another form of columns, is another version.
_FORM = "tombola-table-1"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """What a table's owner says of it.

    Attributes:
        target: Column with the classes.
        categorical: Columns whose numbers are categories; text and truth values are in any case.
    """

    target: str
    categorical: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A checked table.

    Attributes:
        data: Columns of float64 and of dictionary<int32, string>; nulls where a value is missing.
        target: Column with the classes, which has no nulls.
    """

    data: pa.Table
    target: str

    @property
    def labels(self) -> pa.DictionaryArray:
        """The classes, one a row."""
        return one(self.data[self.target])

    def features(self) -> Iterator[tuple[str, Any]]:
        """Yield name and values of each column but the target, in their order."""
        for name in self.data.column_names:
            if name != self.target:
                yield name, one(self.data[name])

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each column's values, by name."""
        return {name: _digest(one(self.data[name])) for name in self.data.column_names}

    def content_hash(self, digests: dict[str, str] | None = None) -> str:
        """Return the SHA-256 of names, kinds and values of all columns, in their order, and of the target.

        Args:
            digests: Those of the columns, where they are at hand.
        """
        digests = self.digests() if digests is None else digests
        columns = [[name, kind_of(self.data[name].type), digests[name]] for name in self.data.column_names]
        return hashlib.sha256(json.dumps([_FORM, self.target, columns]).encode()).hexdigest()


def one(column: pa.ChunkedArray) -> Any:  # noqa: ANN401  # an array of the column's type
    """Return a column in one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def kind_of(kind: pa.DataType) -> str:
    """Return the kind of a column, by its type in a checked table."""
    import pyarrow as pa  # noqa: PLC0415  # 40 MB of libraries, for those who bring tables

    return "categorical" if pa.types.is_dictionary(kind) else "number"


def assemble(
    raw: pa.Table, asked: Asked, read: Callable[..., pa.Array] = from_typed, *, drop_empty: bool = False
) -> Table:
    """Return the checked table of what was read from a file.

    Args:
        raw: As it was read.
        asked: What is said of it.
        read: How a column comes to its form: `columns.from_text` or `columns.from_typed`.
        drop_empty: Leave columns without any value out, instead of refusing them.

    Raises:
        BadTable: It cannot be learnt from.
    """
    import pyarrow as pa  # noqa: PLC0415  # as above

    raw = raw.rename_columns(tidy_names(raw.column_names))
    check_names(raw.column_names)
    check_wanted(raw.column_names, asked)
    if raw.num_rows < MIN_ROWS:
        raise BadTable(f"the table has {_rows(raw.num_rows)}: it takes at least {MIN_ROWS}")
    columns: dict[str, pa.Array] = {}
    labels = _classes(raw[asked.target], asked.target, read)
    for name in raw.column_names:
        if name == asked.target:
            columns[name] = labels
        elif not (drop_empty and _has_nothing(raw[name])):
            columns[name] = read(name, raw[name], categorical=name in asked.categorical)
    return Table(pa.table(columns), asked.target)


def tidy_names(names: Sequence[str]) -> list[str]:
    """Return names without the spaces around them."""
    return [name.strip() for name in names]


def check_names(names: Sequence[str]) -> None:
    """Raise BadTable unless columns can be told apart by their names, and are not too many."""
    if len(names) > MAX_COLUMNS:
        raise BadTable(f"the table has {len(names)} columns: it may have {MAX_COLUMNS}")
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name:
            hint = "; pandas writes no index with `index=False`" if number == 1 else ""
            raise BadTable(f"column {number} has no name: give it one in the header{hint}")
        if len(name) > MAX_NAME or "\0" in name:
            raise BadTable(
                f"the name of column {number} ({shown(name)}) must have at most {MAX_NAME} characters, no NUL"
            )
        if name in first:
            raise BadTable(
                f"columns {first[name]} and {number} are both named {shown(name)}: each column has a name of "
                "its own; where the first row is data, put a row of names in front",
                column=name,
            )
        first[name] = number


def check_wanted(names: Sequence[str], asked: Asked) -> None:
    """Raise BadTable unless all columns that are asked for are there, and one besides the target."""
    for parameter, wanted in (("target", (asked.target,)), ("categorical", asked.categorical)):
        for name in wanted:
            if name not in names:
                raise BadTable(
                    f"there is no column {shown(name)}; {_there_are(name, names)}", parameter=parameter
                )
    if len(names) == 1:
        raise BadTable(
            f"the table has the column {shown(names[0])} only: it takes the target and at least one more"
        )


def _there_are(wanted: str, names: Sequence[str]) -> str:
    close = [name for name in names if name.lower() == wanted.lower()]
    close = close or difflib.get_close_matches(wanted, names[:1000], 1)
    if close:
        return f"did you mean {shown(close[0])}?"
    listed = ", ".join(shown(name) for name in names[:_NAMED])
    return f"there are {listed}" + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _has_nothing(values: pa.ChunkedArray) -> bool:
    return bool(values.null_count == len(values))


def _classes(values: pa.ChunkedArray, target: str, read: Callable[..., pa.Array]) -> pa.DictionaryArray:
    import numpy as np  # noqa: PLC0415  # as above
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    labels = read(target, values, categorical=True)
    if labels.null_count:
        row = pc.index(pc.is_null(labels), True).as_py() + 1
        more = f" and {labels.null_count - 1} more" if labels.null_count > 1 else ""
        raise BadTable(
            f"the target {shown(target)} is missing in row {row}{more}: leave these rows out",
            column=target,
            row=row,
        )
    names = labels.dictionary
    if len(names) == 1:
        raise BadTable(
            f"the target {shown(target)} is {shown(names[0])} in every row: it takes two classes or more",
            column=target,
        )
    if len(names) > MAX_CLASSES:
        raise BadTable(
            f"the target {shown(target)} has {len(names)} different values: it may have {MAX_CLASSES} "
            "classes (numbers to be predicted as such are none)",
            column=target,
        )
    codes = labels.indices.to_numpy()
    counts = np.bincount(codes, minlength=len(names))
    if counts.min() < MIN_ROWS_PER_CLASS:
        label = int(counts.argmin())
        row = int(np.flatnonzero(codes == label)[0]) + 1
        raise BadTable(
            f"class {shown(names[label])} of the target {shown(target)} has {_rows(int(counts[label]))} "
            f"(row {row}): each class takes at least {MIN_ROWS_PER_CLASS}",
            column=target,
            row=row,
        )
    return labels


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _digest(values: Any) -> str:  # noqa: ANN401  # an array of a checked table
    import numpy as np  # noqa: PLC0415  # as above
    import pyarrow as pa  # noqa: PLC0415  # as above
    import pyarrow.compute as pc  # noqa: PLC0415  # as above

    digest = hashlib.sha256()
    if pa.types.is_dictionary(values.type):
        digest.update(json.dumps(values.dictionary.to_pylist()).encode())
        codes = pc.fill_null(values.indices, -1).to_numpy(zero_copy_only=False)
        digest.update(codes.astype("<i4", copy=False).tobytes())
    else:
        present = values.is_valid().to_numpy(zero_copy_only=False)
        digest.update(np.packbits(present).tobytes())
        digest.update(
            pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False).astype("<f8", copy=False).tobytes()
        )
    return digest.hexdigest()
