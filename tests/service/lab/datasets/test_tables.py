"""A table is the same in whatever file it comes, and everything is said of its values that matters."""

from __future__ import annotations

import csv
import io

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from service.lab.datasets.columnar import from_parquet, to_csv, to_parquet
from service.lab.datasets.limits import MISSING
from service.lab.datasets.table import Asked, Table, assemble

FINITE = st.floats(allow_nan=False, allow_infinity=False)
WORD = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5
).filter(lambda word: word.strip() == word and word.strip() not in MISSING)


@st.composite
def tables(draw):
    """Return columns by name: lists of floats or of words, and `y` with two classes or more."""
    rows = draw(st.integers(10, 25))
    names = draw(st.lists(WORD.map("c {}".format), min_size=1, max_size=4, unique=True))
    columns = {}
    for name in names:
        values = draw(st.sampled_from([FINITE, st.integers(-9, 9).map(float), WORD]))
        column = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns[name] = column if any(value is not None for value in column) else [1.5] * rows
    labels = draw(st.lists(WORD, min_size=2, max_size=4, unique=True))
    columns["y"] = [labels[i % len(labels)] for i in range(rows)]
    return columns


def as_arrow(columns):
    return pa.table(columns)


def as_csv(columns, delimiter=","):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def as_parquet(columns):
    sink = io.BytesIO()
    pq.write_table(as_arrow(columns), sink, row_group_size=7)
    return sink.getvalue()


def as_stream(columns):
    sink = io.BytesIO()
    table = as_arrow(columns)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    return sink.getvalue()


def as_file(columns):
    sink = io.BytesIO()
    table = as_arrow(columns)
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def words_of(columns):
    return [name for name, column in columns.items() if any(isinstance(value, str) for value in column)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables())
def test_a_table_is_the_same_in_every_format(take, columns):
    words = words_of(columns)
    plain = take(as_csv(columns), categorical=words)
    copies = [
        take(as_csv(columns), categorical=words, gzipped=True),
        take(as_csv(columns, ";"), categorical=words, delimiter="semicolon"),
        take(as_csv(columns, "\t"), categorical=words, file_format="tsv"),
        take(as_parquet(columns), file_format="parquet"),
        take(as_stream(columns), file_format="arrow"),
        take(as_file(columns), file_format="arrow", gzipped=True),
        take(as_parquet(columns), file_format=None, gzipped=True),
        from_parquet(to_parquet(plain), "y"),
        take(to_csv(plain), categorical=words),
    ]
    for copy in copies:
        assert copy.content_hash() == plain.content_hash()
        assert copy.data.equals(plain.data)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.data())
def test_any_other_value_name_or_order_is_another_content(take, columns, data):
    words = words_of(columns)
    known = take(as_parquet(columns), file_format="parquet").content_hash()
    name = data.draw(st.sampled_from([name for name in columns if name != "y"]))
    row = data.draw(st.integers(0, len(columns["y"]) - 1))
    changed = list(columns[name])
    changed[row] = "something new" if name in words else 123.25 if changed[row] != 123.25 else 7.0
    renamed = {("new" if key == name else key): value for key, value in columns.items()}
    turned = dict(reversed(columns.items()))
    for other in ({**columns, name: changed}, renamed, turned):
        assert take(as_parquet(other), file_format="parquet").content_hash() != known


def test_the_target_and_the_kinds_belong_to_the_content(take, lines):
    content = lines("{i},{c},{c}")
    hashes = {
        take(content).content_hash(),
        take(content, "b").content_hash(),
        take(content, categorical=["a"]).content_hash(),
    }
    assert len(hashes) == 3


def test_values_and_kinds_are_these(take):
    rows = ["1, x,True,07,3.0", "+2.5,y ,False,8,4.0", " ? ,NA,,9,3.0", "-0.0,x,true,10,4"] * 4
    table = take("n,t,b,code,y\n" + "\n".join(rows), categorical=["code"])
    assert table.data.slice(0, 4).to_pydict() == {
        "n": [1.0, 2.5, None, 0.0],
        "t": ["x", "y", None, "x"],
        "b": ["true", "false", None, "true"],
        "code": ["07", "8", "9", "10"],
        "y": ["3", "4", "3", "4"],
    }
    assert str(table.data["n"][3].as_py()) == "0.0"
    assert table.data.schema.field("t").type == pa.dictionary(pa.int32(), pa.string())
    assert table.data.schema.field("n").type == pa.float64()


@pytest.mark.parametrize("marker", MISSING)
def test_every_marker_of_a_missing_value_is_one_in_text_and_in_parquet(take, marker):
    content = as_csv({"a": [marker, *map(float, range(11))], "y": ["p", "q"] * 6})
    assert take(content).data["a"].null_count == 1
    words = as_parquet({"a": [marker, "x"] * 6, "y": ["p", "q"] * 6})
    assert take(words, file_format="parquet").data["a"].null_count == 6


def test_numbers_of_every_type_are_the_same_numbers(take):
    values = [1, 2, 3, None] * 3
    types = [
        pa.int8(),
        pa.uint64(),
        pa.float16(),
        pa.float32(),
        pa.decimal128(38, 2),
    ]
    columns = [pa.array(values, pa.int64()).cast(kind) for kind in types]
    columns.append(columns[0].dictionary_encode())
    hashes = {take(as_parquet_of(column), file_format="parquet").content_hash() for column in columns}
    text = "".join(f"{v or ''},{'pq'[i % 2]}\n" for i, v in enumerate(values))
    assert hashes == {take("a,y\n" + text).content_hash()}


def as_parquet_of(values):
    return as_parquet({"a": values, "y": ["p", "q"] * 6})


def test_whole_numbers_of_any_type_are_the_same_categories(take):
    wide = [10**15 + 1, 2, None] * 4
    hashes = {
        take(as_parquet_of(pa.array(wide, kind)), categorical=["a"], file_format="parquet").content_hash()
        for kind in (pa.int64(), pa.float64())
    }
    text = "".join(f"{'' if v is None else f'{v}.0'},{'pq'[i % 2]}\n" for i, v in enumerate(wide))
    assert hashes == {take("a,y\n" + text, categorical=["a"]).content_hash()}


def test_unused_categories_and_their_order_are_no_content(take):
    codes = pa.array([0, 1] * 6, pa.int32())
    tables = [
        pa.DictionaryArray.from_arrays(codes, pa.array(["x", "z", "unused"])),
        pa.DictionaryArray.from_arrays(pa.array([2, 1] * 6, pa.int32()), pa.array(["unused", "z", "x"])),
    ]
    first, second = (take(as_parquet_of(item), file_format="parquet") for item in tables)
    assert first.content_hash() == second.content_hash()
    assert first.data["a"].chunk(0).dictionary.to_pylist() == ["x", "z"]


def test_quotes_line_ends_and_a_byte_order_mark_are_read_as_they_should_be(take):
    rows = ['"a, ""b""\nc",1,p', "x,2,q"] * 6
    content = "\ufeff" + "\r\n".join(['"the name",b,y', "", *rows])
    table = take(content)
    assert table.data.column_names == ["the name", "b", "y"]
    assert table.data["the name"][0].as_py() == 'a, "b"\nc'
    assert table.data.num_rows == 12


def test_a_wide_table_is_read(take):
    names = [f"c{i}" for i in range(9_999)]
    rows = [",".join(["1.25"] * 9_999 + ["pq"[i % 2]]) for i in range(10)]
    table = take("\n".join([",".join([*names, "y"]), *rows]))
    assert (table.data.num_columns, table.data.num_rows) == (10_000, 10)


def test_columns_without_values_can_be_left_out_instead():
    raw = pa.table({"a": [1.0] * 12, "b": pa.nulls(12), "y": ["p", "q"] * 6})
    assert assemble(raw, Asked("y"), drop_empty=True).data.column_names == ["a", "y"]


def test_the_hash_of_a_known_table_does_not_change_between_versions(take, lines):
    table: Table = take(lines())
    assert table.content_hash() == "dd89b8c413c2192b2ab5d86f1f798522867e9d6cb3ba4815063aacaa46e37797"
