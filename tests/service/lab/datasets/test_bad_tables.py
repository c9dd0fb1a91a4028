"""Whatever is wrong with a table is said in one sentence that names the column or the row."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.lab.errors import BadTable, TableTooLarge

ROWS = "".join(f"{i},{i % 5},{'pq'[i % 2]}\n" for i in range(12))
EMPTY = "a,b,y\n" + "".join(f"{i},NA,{'pq'[i % 2]}\n" for i in range(12))
COMMAS = "a,b,y\n" + "".join(f'"{i},5",1,{"pq"[i % 2]}\n' for i in range(12))
WIDE = ",".join(map("c{}".format, range(100_000))) + ",y\n"


def with_value(value, row, column=0):
    """Return a sound table with one value changed; rows count from 1."""
    cells = [line.split(",") for line in ROWS.splitlines()]
    cells[row - 1][column] = value
    return "a,b,y\n" + "".join(",".join(line) + "\n" for line in cells)


@pytest.mark.parametrize(
    ("content", "said", "column", "row"),
    [
        ("", "the file is empty", None, None),
        ("a,b,y\n", "has 0 rows: it takes at least 10", None, None),
        ("a,b,y\n1,2,p\n3,4,q\n", "has 2 rows: it takes at least 10", None, None),
        ("a,b,y\n" + "1,2,p\n" * 12, "'y' is 'p' in every row: it takes two classes", "y", None),
        (with_value("", 7, 2), "target 'y' is missing in row 7: leave", "y", 7),
        (with_value("once", 3, 2), "class 'once' of the target 'y' has 1 row (row 3)", "y", 3),
        (EMPTY, "'b' has no value in any row", "b", None),
        (with_value("many", 5), "column 'a' has numbers, but 'many' in row 5", "a", 5),
        (with_value("inf", 4, 1), "column 'b' is infinite in row 4 ('inf')", "b", 4),
        (with_value("-1e999", 4, 1), "column 'b' is infinite in row 4", "b", 4),
        (with_value("1,2", 6), "row 6 has 4 values, the header 3", None, 6),
        (with_value("1", 1)[:-3], "row 12 has 2 values, the header 3", None, 12),
        ("0,1,2\n1,2,3\n" * 12, "the first row is no header, '0' is a number and no name", None, None),
        (ROWS, "columns 1 and 2 are both named '0': each", "0", None),
        ("7,1,p\n" + ROWS, "there are '7', '1', 'p'; or is the first row no header ('7')?", None, None),
        ("5.1,3.5,1.4,setosa\n" * 12, "the first row is no header, '5.1' is a number", None, None),
        ("p,x,x\n" * 12, "columns 2 and 3 are both named 'x'", "x", None),
        (",a,y\n" + ROWS, "column 1 has no name: give it one in the header; pandas", None, None),
        ("y\n" + "p\nq\n" * 6, "has the column 'y' only", None, None),
        ('a,b,y\n"1,2,p\n' + ROWS, "is a quotation mark not closed?", None, 1),
        (COMMAS, "with a comma ('0,5')", "a", None),
        ("a" * 201 + ",b,y\n" + ROWS, "must have at most 200 characters", None, None),
        (with_value("z" * 1001, 1, 2), "a text of 1001 characters", "y", None),
        (WIDE, "has 100001 columns: it may have 10000", None, None),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_naming_the_place(take, content, said, column, row):
    with pytest.raises(BadTable) as refused:
        take(content)
    assert said in str(refused.value)
    assert (refused.value.column, refused.value.row) == (column, row)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("written", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "pipe")])
def test_a_wrong_delimiter_is_answered_with_the_right_one(take, written, name):
    content = ("a,b,y\n" + ROWS).replace(",", written)
    with pytest.raises(
        BadTable, match=f"by a {name} there are 3, 'y' among them; give delimiter={name}"
    ) as error:
        take(content)
    assert error.value.parameter == "delimiter"
    assert take(content, delimiter=name).content_hash() == take("a,b,y\n" + ROWS).content_hash()


@pytest.mark.parametrize(
    ("target", "said"),
    [("Y", "did you mean 'y'"), ("label", "there is no column 'label'; there are 'a', 'b', 'y'")],
)
def test_a_target_that_is_not_there_is_answered_with_what_is(take, target, said):
    with pytest.raises(BadTable, match=said) as error:
        take("a,b,y\n" + ROWS, target)
    assert error.value.parameter == "target"


def test_categorical_columns_that_are_not_there_are_named(take):
    with pytest.raises(BadTable, match="there is no column 'c'") as error:
        take("a,b,y\n" + ROWS, categorical=["b", "c"])
    assert error.value.parameter == "categorical"


def test_numbers_to_be_predicted_are_no_classes(take):
    rows = "".join(f"{i % 7},{i / 7}\n" * 2 for i in range(1001))
    with pytest.raises(BadTable, match="1001 different values: it may have 1000 classes"):
        take("a,y\n" + rows)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (("a,b,y\n" + ROWS).encode("utf-16"), "the file is UTF-16: save it as UTF-8"),
        (b"a,b,y\n1,2,p\n3,4,caf\xe9\n", "line 3 is not UTF-8 (byte 20 of the file)"),
        (b"a,b,y\n1,\0,p\n", "line 2 has a NUL character"),
        (b"a,b,y\n" + b"1,2,p\n" * 200_000 + b"1,2,\xc3", "line 200002 is not UTF-8"),
        (b"a,b,y\n" + b"1,2,\xc3\xa9\n" * 200_000 + b"1,2,\xe9\n", "line 200002 is not UTF-8 (byte 1400011 "),
        (gzip.compress(b"a,b,y\n", mtime=0), "the file is gzip, not text"),
        (b"PAR1....", "the file is Parquet, not text"),
    ],
)
def test_a_wrong_encoding_is_named_with_its_place(take, data, said):
    with pytest.raises(BadTable) as error:
        take(data)
    assert said in str(error.value)


def test_a_character_cut_by_a_block_is_still_found_where_it_is(take):
    first = b"a,b,y\n" + b"1,2,p\n" * 174_762  # 1 048 578 bytes, two more than a block
    data = first[:-3] + b"\xe2\x82\n" + b"3,4,q\n"
    with pytest.raises(BadTable, match="line 174763 is not UTF-8"):
        take(data)


@pytest.mark.parametrize("cut", [10, 40])
def test_a_damaged_gzip_is_said_to_be_one(take, cut):
    data = gzip.compress(("a,b,y\n" + ROWS).encode())
    with pytest.raises(BadTable, match="not sound gzip"):
        take(data[:cut], gzipped="as it is")
    with pytest.raises(BadTable, match="not sound gzip"):
        take(b"a,b,y\n" + ROWS.encode(), gzipped="as it is")


def test_a_gzip_bomb_is_stopped_at_the_limit(take):
    with pytest.raises(TableTooLarge, match="at most 1000000 bytes, unpacked too"):
        take(b"a,b,y\n" + b"1,2,p\n" * 500_000, gzipped=True, max_bytes=1_000_000)


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_a_parquet_bomb_is_stopped_before_it_is_unpacked(take):
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), pa.array(["p"]))
    data = parquet(a=repeated, y=repeated)
    assert len(data) < 20_000
    with pytest.raises(TableTooLarge):
        take(data, file_format="parquet", max_bytes=1_000_000)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pa.array([[1]] * 12), "is of type list<element: int64>: a column has numbers, text or truth values"),
        (pa.array([0] * 12, pa.timestamp("ms")), r"is of type timestamp\[ms\]"),
        (pa.array([1.0] * 11 + [float("inf")]), "is infinite in row 12"),
        (pa.nulls(12), "has no value in any row"),
        (pa.array([float("nan")] * 12), "has no value in any row"),
        (pa.array(["x\0y"] * 12), "has text with a NUL character"),
    ],
)
def test_a_column_of_parquet_that_cannot_be_learnt_from_is_named(take, values, said):
    with pytest.raises(BadTable, match=f"column 'a' {said}"):
        take(parquet(a=values, y=["p", "q"] * 6), file_format="parquet")


@pytest.mark.parametrize(("file_format", "said"), [("parquet", "Parquet"), ("arrow", "Arrow")])
@pytest.mark.parametrize("data", [b"a,b,y\n1,2,p\n", parquet(a=[1] * 12, y=["p", "q"] * 6)[:-20]])
def test_a_file_that_is_something_else_or_cut_short_is_refused(take, file_format, said, data):
    with pytest.raises(BadTable, match=f"cannot be read as {said}"):
        take(data, file_format=file_format)


def test_text_of_arrow_that_is_no_utf8_is_refused(take):
    broken = pa.StringArray.from_buffers(
        12, pa.py_buffer(b"".join(i.to_bytes(4, "little") for i in range(13))), pa.py_buffer(b"\xff" * 12)
    )
    sink = io.BytesIO()
    table = pa.table({"a": broken, "y": ["p", "q"] * 6})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(BadTable, match="cannot be read as Arrow: In column 0: Invalid"):
        take(sink.getvalue(), file_format="arrow")
