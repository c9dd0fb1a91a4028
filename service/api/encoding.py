"""Pages of columns as files: CSV, Parquet, and streams of Arrow's IPC format, piece by piece."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from service.lab.exports import Column, Page

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["csv", "parquet", "arrow"]
Columns = Sequence[Column]


def encode(file_format: Format, columns: Columns, pages: Iterable[Page]) -> Iterator[bytes]:
    """Yield a file in pieces; what was yielded is not kept.

    An error of the pages leaves a Parquet file or an Arrow stream without its end.
    """
    return _ENCODERS[file_format](columns, pages)


def arrow_schema(columns: Columns) -> pa.Schema:
    """Return the schema of Parquet and Arrow: 64-bit numbers, dictionaries of labels, microseconds in UTC."""
    import pyarrow as pa  # noqa: PLC0415  # 40 MB of libraries, for those who ask for these formats

    types = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "text": pa.string(),
        "label": pa.dictionary(pa.int32(), pa.string()),
        "time": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([pa.field(name, types[kind], nullable) for name, kind, nullable in columns])


def _csv(columns: Columns, pages: Iterable[Page]) -> Iterator[bytes]:
    """RFC 4180: CRLF, quotes where they are needed, null is empty; floats are read back exactly.

    Not `pyarrow.csv`, which quotes all text, writes 9500.0 as 9500, and ends lines with LF.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    for page in pages:
        yield _drained(text)
        shown = (
            map(_iso, values) if column.kind == "time" else values
            for column, values in zip(columns, page, strict=True)
        )
        writer.writerows(zip(*shown, strict=True))
    yield _drained(text)


def _parquet(columns: Columns, pages: Iterable[Page]) -> Iterator[bytes]:
    import pyarrow.parquet as pq  # noqa: PLC0415  # as above

    make = _Batches(columns)
    sink = _Sink()
    with pq.ParquetWriter(sink, make.schema, compression="zstd") as writer:
        for page in pages:
            yield sink.drained()
            writer.write_batch(make(page))
    yield sink.drained()


def _arrow(columns: Columns, pages: Iterable[Page]) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415  # as above

    make = _Batches(columns)
    sink = _Sink()
    with pa.ipc.new_stream(sink, make.schema) as writer:
        for page in pages:
            yield sink.drained()
            writer.write_batch(make(page))
    yield sink.drained()


_ENCODERS: dict[Format, Callable[[Columns, Iterable[Page]], Iterator[bytes]]] = {
    "csv": _csv,
    "parquet": _parquet,
    "arrow": _arrow,
}


class _Batches:
    """Makes record batches of pages; labels keep their numbers, so a stream has its dictionaries once."""

    def __init__(self, columns: Columns) -> None:
        self.schema = arrow_schema(columns)
        self._labels: dict[str, dict[str, int]] = {
            column.name: {} for column in columns if column.kind == "label"
        }

    def __call__(self, page: Page) -> pa.RecordBatch:
        import pyarrow as pa  # noqa: PLC0415  # as above

        arrays = []
        for field, values in zip(self.schema, page, strict=True):
            if field.name in self._labels:
                numbers = self._labels[field.name]
                for label in dict.fromkeys(values):
                    numbers.setdefault(label, len(numbers))
                indices = pa.array([numbers[label] for label in values], pa.int32())
                arrays.append(pa.DictionaryArray.from_arrays(indices, pa.array(list(numbers), pa.string())))
            else:
                arrays.append(pa.array(values, field.type))
        return pa.record_batch(arrays, schema=self.schema)


class _Sink(io.RawIOBase):
    """Takes what a writer writes, until it is fetched; keeps nothing but the position."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:  # noqa: ANN401  # anything with a buffer
        self._pieces.append(bytes(data))
        self._position += len(self._pieces[-1])
        return len(self._pieces[-1])

    def drained(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _drained(text: io.StringIO) -> bytes:
    data = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return data


def _iso(value: datetime) -> str:
    """Return a time as JSON has it."""
    return value.astimezone(UTC).isoformat()[: -len("+00:00")] + "Z"
