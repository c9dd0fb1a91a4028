"""What kind of file a table came as, and its way from there to a checked table."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.lab.datasets.columnar import read_arrow, read_parquet
from service.lab.datasets.table import Asked, Table
from service.lab.datasets.text import Delimiter, read_text
from service.lab.errors import BadTable, TableTooLarge

Format = Literal["csv", "tsv", "parquet", "arrow"]
_CHUNK = 2**20
_MAGIC: dict[bytes, Format] = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow"}
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class File:
    """A file with a table.

    Attributes:
        path: Where it is; its folder takes the unpacked file, too.
        file_format: What it is; None asks its first bytes, and text is CSV.
        gzipped: Whether it is packed.
        delimiter: Of text; None is that of the format.
    """

    path: Path
    file_format: Format | None = None
    gzipped: bool = False
    delimiter: Delimiter | None = None


def read(file: File, asked: Asked, max_bytes: int) -> Table:
    """Return the checked table of a file.

    Args:
        file: Which.
        asked: What is said of the table.
        max_bytes: That the file may have unpacked, and the table in memory.

    Raises:
        BadTable: It is no such file, or the table cannot be learnt from.
        TableTooLarge: It has more bytes.
    """
    if not file.gzipped:
        return _read(file.path, file, asked, max_bytes)
    unpacked = file.path.with_name(f"{file.path.name}.unpacked")
    try:
        _unpack(file.path, unpacked, max_bytes)
        return _read(unpacked, file, asked, max_bytes)
    finally:
        unpacked.unlink(missing_ok=True)


def _read(path: Path, file: File, asked: Asked, max_bytes: int) -> Table:
    with path.open("rb") as opened:
        begin = opened.read(8)
    if not begin:
        raise BadTable("the file is empty: it takes a table")
    found = next((name for magic, name in _MAGIC.items() if begin.startswith(magic)), None)
    wanted = file.file_format or found or "csv"
    if wanted in ("csv", "tsv"):
        if begin.startswith(_GZIP):
            raise BadTable("the file is gzip, not text: say so with Content-Encoding or Content-Type")
        if found is not None:
            raise BadTable(f"the file is {found.title()}, not text: say so with its Content-Type")
        return read_text(path, file.delimiter or ("tab" if wanted == "tsv" else "comma"), asked)
    if file.delimiter is not None:
        raise BadTable(f"{wanted.title()} has no delimiter: leave it out", parameter="delimiter")
    return (read_parquet if wanted == "parquet" else read_arrow)(path, asked, max_bytes)


def _unpack(path: Path, target: Path, max_bytes: int) -> None:
    size = 0
    try:
        with gzip.open(path) as packed, target.open("wb") as unpacked:
            while chunk := packed.read(_CHUNK):
                size += len(chunk)
                if size > max_bytes:
                    raise TableTooLarge(max_bytes)
                unpacked.write(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadTable(f"the file is not sound gzip: {error}") from None
