"""Tables of text: CSV and its relatives, read strictly, so that a wrong file is refused and not misread."""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from service.lab.datasets.columns import from_text, shown
from service.lab.datasets.limits import MAX_NAME
from service.lab.datasets.table import Asked, Table, assemble, check_names, check_wanted, tidy_names
from service.lab.errors import BadTable

if TYPE_CHECKING:
    import pyarrow as pa

Delimiter = Literal["comma", "semicolon", "tab", "pipe"]
DELIMITERS: dict[Delimiter, str] = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_CHUNK = 2**20
#: The longest row, in bytes: rows are read in blocks of this size.
_BLOCK = 2**25
_BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
#: What nobody calls a column: 5.1, -3, 1e-5. Whole numbers alone may be names.
_DATUM = re.compile(r"-?\d*\.\d+([eE][+-]?\d+)?|-\d+|-?\d+[eE][+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def read_text(path: Path, delimiter: Delimiter, asked: Asked) -> Table:
    """Return the table of a file of text with a header.

    Args:
        path: The file, unpacked.
        delimiter: What stands between its columns.
        asked: What is said of the table.

    Raises:
        BadTable: The file is not such a table, or the table cannot be learnt from.
    """
    check_encoding(path)
    header, _ = _first_rows(path, delimiter)
    names = tidy_names(header)
    _check_header(names, path, delimiter, asked)
    return assemble(_read(path, DELIMITERS[delimiter], header), asked, from_text)


def check_encoding(path: Path) -> None:
    """Raise BadTable unless a file is UTF-8, naming the line."""
    with path.open("rb") as file:
        begin = file.read(4)
        for mark, name in _BYTE_ORDER_MARKS.items():
            if begin.startswith(mark):
                raise BadTable(f"the file is {name}: save it as UTF-8")
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        lines, position = 1, 0
        while chunk := file.read(_CHUNK):
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as error:
                at = error.start - pending  # negative: in the chunk before
                line = lines + chunk[: max(at, 0)].count(b"\n")
                raise BadTable(
                    f"line {line} is not UTF-8 (byte {position + at + 1} of the file): save the file as UTF-8"
                ) from None
            if "\0" in text:
                line = lines + text[: text.index("\0")].count("\n")
                raise BadTable(f"line {line} has a NUL character: is this a file of text?")
            lines += text.count("\n")
            position += len(chunk)
        if decoder.getstate()[0]:
            raise BadTable(f"line {lines} is not UTF-8 (the file ends within a character)")


def _first_rows(path: Path, delimiter: Delimiter) -> tuple[list[str], list[str]]:
    """Return the header, and the row below it or nothing."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = (row for row in csv.reader(file, delimiter=DELIMITERS[delimiter]) if row)
        try:
            return next(rows), next(rows, [])
        except StopIteration:
            raise BadTable("the file is empty: it takes a header and rows") from None
        except csv.Error as error:
            raise BadTable(f"the header cannot be read: {error}") from None


def _check_header(names: list[str], path: Path, delimiter: Delimiter, asked: Asked) -> None:
    if len(names) == 1 or asked.target not in names:
        _suggest_delimiter(path, delimiter, asked)
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    data = [name for name in names if _DATUM.fullmatch(name)]
    if len(numbers) == len(names) or (2 * len(data) >= len(names) and len(names) > 1):
        raise BadTable(
            f"the first row is no header, {shown((numbers or data)[0])} is a number and no name: put "
            "a row of names in front"
        )
    check_names(names)
    try:
        check_wanted(names, asked)
    except BadTable as error:
        if not numbers:
            raise
        raise BadTable(
            f"{error}; or is the first row no header ({shown(numbers[0])})?", parameter=error.parameter
        ) from None


def _suggest_delimiter(path: Path, given: Delimiter, asked: Asked) -> None:
    """Raise BadTable where another delimiter fits."""
    for name in DELIMITERS:
        if name == given:
            continue
        try:
            header, first = _first_rows(path, name)
        except BadTable:
            continue
        if len(header) > 1 and len(header) == len(first) and asked.target in map(str.strip, header):
            raise BadTable(
                f"the columns are not divided by a {given}: by a {name} there are {len(header)}, "
                f"{shown(asked.target)} among them; give delimiter={name}",
                parameter="delimiter",
            )


def _read(path: Path, delimiter: str, header: list[str]) -> pa.Table:
    """Return all columns as text."""
    import pyarrow as pa  # noqa: PLC0415  # 40 MB of libraries, for those who bring tables
    import pyarrow.csv as pa_csv  # noqa: PLC0415  # as above

    ragged: list[BadTable] = []

    def note(row: Any) -> str:  # noqa: ANN401  # pyarrow's InvalidRow
        ragged.append(_ragged(row.number - 1, row.expected_columns, row.actual_columns, row.text))
        return "error"

    try:
        return pa_csv.read_csv(
            path,
            # In one thread, for only so rows have numbers.
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), check_utf8=False, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if ragged:
            raise ragged[0] from None
        raise BadTable(
            f"the file cannot be read as a table: {str(error)[:MAX_NAME]}; is a quotation mark not closed?"
        ) from None


def _ragged(row: int, wanted: int, found: int, text: str) -> BadTable:
    has = "1 value" if found == 1 else f"{found} values"
    hint = "a value with a delimiter in it stands in quotes"
    if "\n" in text.strip():
        hint = "is a quotation mark not closed?"
    return BadTable(
        f"row {row} has {has}, the header {wanted}: each row has one for each column ({hint})", row=row
    )
