"""Tables of Parquet and Arrow, which know their types, and the Parquet that tables are stored as."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from service.lab.datasets.table import Asked, Table, assemble, check_names, check_wanted, tidy_names
from service.lab.errors import BadTable, TableTooLarge

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 50_000
#: Bytes of one value of a column, at least, when it is unpacked.
_VALUE_BYTES = 4


def read_parquet(path: Path, asked: Asked, max_bytes: int) -> Table:
    """Return the table of a Parquet file.

    Args:
        path: The file.
        asked: What is said of the table.
        max_bytes: That the table may have, unpacked.

    Raises:
        BadTable: The file is not Parquet, or the table cannot be learnt from.
        TableTooLarge: It has more bytes.
    """
    import pyarrow as pa  # noqa: PLC0415  # 40 MB of libraries, for those who bring tables
    import pyarrow.parquet as pq  # noqa: PLC0415  # as above

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            names = tidy_names(schema.names)
            check_names(names)
            check_wanted(names, asked)
            # A few bytes can say that a value is repeated a billion times: looked at before it is read.
            if file.metadata.num_rows * len(names) * _VALUE_BYTES > max_bytes:
                raise TableTooLarge(max_bytes)
        text = [field.name for field in schema if pa.types.is_string(field.type)]
        with pq.ParquetFile(path, read_dictionary=text) as file:
            return assemble(_gathered(file.iter_batches(_BATCH_ROWS), file.schema_arrow, max_bytes), asked)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable("Parquet", error) from None


def read_arrow(path: Path, asked: Asked, max_bytes: int) -> Table:
    """Return the table of a file or stream of Arrow's IPC format; arguments and errors as `read_parquet`."""
    import pyarrow as pa  # noqa: PLC0415  # as above

    try:
        with pa.OSFile(str(path)) as source:
            if source.read(6) == b"ARROW1":
                source.seek(0)
                file = pa.ipc.open_file(source)
                batches = (file.get_batch(number) for number in range(file.num_record_batches))
                return assemble(_gathered(batches, file.schema, max_bytes), asked)
            source.seek(0)
            stream = pa.ipc.open_stream(source)
            return assemble(_gathered(stream, stream.schema, max_bytes), asked)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable("Arrow", error) from None


def to_parquet(table: Table) -> bytes:
    """Return a table as it is stored."""
    import pyarrow.parquet as pq  # noqa: PLC0415  # as above

    sink = BytesIO()
    pq.write_table(table.data, sink, compression="zstd")
    return sink.getvalue()


def from_parquet(data: bytes, target: str) -> Table:
    """Return a table that `to_parquet` wrote."""
    import pyarrow as pa  # noqa: PLC0415  # as above
    import pyarrow.parquet as pq  # noqa: PLC0415  # as above

    return assemble(pq.read_table(pa.BufferReader(data)), Asked(target))


def to_csv(table: Table) -> bytes:
    """Return a table as CSV: missing values are empty, numbers are read back exactly."""
    import pyarrow.csv as pa_csv  # noqa: PLC0415  # as above

    sink = BytesIO()
    plain = table.data.cast(_without_dictionaries(table.data.schema))
    pa_csv.write_csv(plain, sink, pa_csv.WriteOptions(quoting_style="needed"))
    return sink.getvalue()


def _without_dictionaries(schema: pa.Schema) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415  # as above

    return pa.schema(
        [
            pa.field(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type)
            for field in schema
        ]
    )


def _gathered(batches: Iterable[pa.RecordBatch], schema: pa.Schema, max_bytes: int) -> pa.Table:
    """Return the batches together, once they are known to be sound and not too large."""
    import pyarrow as pa  # noqa: PLC0415  # as above

    kept, size = [], 0
    for batch in batches:
        size += batch.nbytes
        if size > max_bytes:
            raise TableTooLarge(max_bytes)
        batch.validate(full=True)  # text that is no UTF-8, indices beyond their dictionary
        kept.append(batch)
    return pa.Table.from_batches(kept, schema)


def _unreadable(what: str, error: Exception) -> BadTable:
    return BadTable(f"the file cannot be read as {what}: {' '.join(str(error).split())[:200]}")
