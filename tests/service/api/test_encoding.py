"""Files hold what was put in, in every format, and little memory while they are written."""

from __future__ import annotations

import csv
import io
import math
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.encoding import arrow_schema, encode
from service.lab import exports
from service.lab.exports import Column

FORMATS = ("csv", "parquet", "arrow")
COLUMNS = (
    Column("whole", "integer", nullable=True),
    Column("real", "number", nullable=True),
    Column("note", "text", nullable=True),
    Column("name", "label"),
    Column("at", "time"),
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Not all of Unicode: lone surrogates are no text for UTF-8, nor for the store.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
ROW = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | TEXT,
    TEXT,
    st.builds(
        lambda at, hours: (EPOCH + timedelta(microseconds=at)).astimezone(timezone(timedelta(hours=hours))),
        st.integers(-(10**15), 10**16),
        st.sampled_from([0, 2, -5]),
    ),
)


def read(file_format, content):
    source = io.BytesIO(content)
    if file_format == "parquet":
        return pq.read_table(source)
    with pa.ipc.open_stream(source) as stream:
        return stream.read_all()


def written(file_format, columns, pages):
    return b"".join(encode(file_format, columns, pages))


@pytest.mark.parametrize("file_format", ["parquet", "arrow"])
@settings(deadline=None)  # the first example loads libraries
@given(pages=st.lists(st.lists(ROW, min_size=1, max_size=5), max_size=4))
def test_any_values_are_read_back_as_they_were(file_format, pages):
    table = read(
        file_format, written(file_format, COLUMNS, [list(zip(*rows, strict=True)) for rows in pages])
    )
    assert table.schema == arrow_schema(COLUMNS)
    assert [tuple(row.values()) for row in table.to_pylist()] == [row for rows in pages for row in rows]


@settings(deadline=None)  # the first example loads libraries
@given(pages=st.lists(st.lists(ROW, min_size=1, max_size=5), max_size=4))
def test_csv_is_read_back_exactly_and_null_is_empty(pages):
    content = written("csv", COLUMNS, [list(zip(*rows, strict=True)) for rows in pages])
    head, *found = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    assert head == ["whole", "real", "note", "name", "at"]
    for row, (whole, real, note, name, at) in zip(
        found, [row for rows in pages for row in rows], strict=True
    ):
        assert row[0] == ("" if whole is None else str(whole))
        assert row[1] == "" if real is None else float(row[1]) == real
        assert math.copysign(1, float(row[1] or 0)) == math.copysign(1, 0 if real is None else real)
        assert row[2:4] == [note or "", name]
        assert row[4].endswith("Z")
        assert datetime.fromisoformat(row[4]) == at


def test_csv_quotes_what_needs_it_only():
    at = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    assert written("csv", COLUMNS, [[[1], [9500.0], ['a "b"'], ["x,y"], [at]]]) == (
        b'whole,real,note,name,at\r\n1,9500.0,"a ""b""","x,y",2026-01-02T03:04:05.678000Z\r\n'
    )


@pytest.mark.parametrize("columns", [exports.RUNS, exports.CURVES, exports.TABLE])
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_without_rows_is_valid_and_has_its_columns(file_format, columns):
    content = written(file_format, columns, [])
    if file_format == "csv":
        assert content.decode() == ",".join(column.name for column in columns) + "\r\n"
    else:
        table = read(file_format, content)
        assert (table.num_rows, table.schema) == (0, arrow_schema(columns))


def test_labels_of_later_pages_keep_the_numbers_of_earlier_ones():
    column = (Column("name", "label"),)
    content = written("arrow", column, [[["b", "a"]], [["a"]], [["c", "a"]]])
    with pa.ipc.open_stream(io.BytesIO(content)) as stream:
        batches = list(stream)
        sent = stream.stats
    assert [batch.column(0).dictionary.to_pylist() for batch in batches] == [
        ["b", "a"],
        ["b", "a"],
        ["b", "a", "c"],
    ]
    assert sent.num_dictionary_batches == 2, "the second page needs none"


class Pages:
    """Many pages, made as they are asked for."""

    def __init__(self, count, rows=2_000):
        self.asked = 0
        self._count, self._rows = count, rows

    def __iter__(self):
        for number in range(self._count):
            self.asked += 1
            yield [
                list(range(number, number + self._rows)),
                [index / 7 for index in range(self._rows)],
                [None] * self._rows,
                ["label"] * self._rows,
                [datetime(2026, 1, 1, tzinfo=UTC)] * self._rows,
            ]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_page_is_asked_for_when_the_one_before_has_gone(file_format):
    pages = Pages(5)
    sent = []
    for chunk in encode(file_format, COLUMNS, pages):
        sent.append(len(chunk))
        assert pages.asked <= len(sent)
    assert pages.asked == 5
    assert all(size > 1_000 for size in sent[1:5])


@pytest.mark.parametrize("file_format", FORMATS)
def test_ten_times_the_rows_take_no_more_memory(file_format):
    def peak(count):
        tracemalloc.start()
        by_arrow = [pa.total_allocated_bytes() for _ in encode(file_format, COLUMNS, Pages(count))]
        by_python = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return by_python + max(by_arrow)

    peak(2)  # what is kept from the first use on
    assert peak(40) < 1.5 * peak(4)


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_error_of_the_pages_comes_through_and_the_end_does_not(file_format):
    def broken():
        yield from Pages(2)
        raise LookupError("gone")

    received = []
    with pytest.raises(LookupError, match="gone"):
        received.extend(encode(file_format, COLUMNS, broken()))
    whole = written(file_format, COLUMNS, Pages(2))
    content = b"".join(received)
    assert len(content) < len(whole)
    if file_format == "parquet":
        with pytest.raises(pa.ArrowInvalid):
            read(file_format, content)
