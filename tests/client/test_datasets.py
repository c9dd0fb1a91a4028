"""Data sets with the Python clients and on the command line, against the real stack."""

from __future__ import annotations

import gzip
import io
import json
import os
import pty
import select
from pathlib import Path

import pandas as pd
import pytest

from tombola import AsyncClient
from tombola.cli import main
from tombola.errors import Conflict, InvalidRequest, NotFound

CSV = "a,b,y\n" + "".join(f"{i % 7},{'uvw'[i % 3]},{'pq'[i % 2]}\n" for i in range(30))
SHARED = Path(__file__).parents[3] / "shared" / "data" / "tabular"


@pytest.fixture(autouse=True)
def _none_left(client):
    yield
    for item in list(client.datasets.list()):
        client.datasets.delete(item.name)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "a table.csv"
    path.write_text(CSV)
    return path


def test_a_file_is_brought_listed_read_taken_back_and_deleted(client, table):
    made = client.datasets.create(table, target="y", licence="CC0", source="made up")
    assert (made.name, made.target, made.task, made.licence) == ("a-table", "y", "binary", "CC0")
    assert client.datasets.get("a-table") == client.datasets.get(made.id) == made
    (listed,) = client.datasets.list(page_size=1)
    assert listed == made.model_copy(update={"profile": None})
    frame = pd.read_parquet(io.BytesIO(client.datasets.data("a-table")))
    assert list(frame["b"].iloc[:3]) == ["u", "v", "w"]
    assert client.datasets.data("a-table", "csv").startswith(b'"a","b","y"\n0,"u","p"\n')
    client.datasets.delete("a-table")
    with pytest.raises(NotFound, match="there is no data set 'a-table'"):
        client.datasets.get("a-table")


def test_files_of_every_format_and_bytes_and_open_files_are_one_data_set(client, table, tmp_path):
    made = client.datasets.create(table, target="y")
    frame = pd.read_csv(table)
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_feather(tmp_path / "x.feather")
    frame.to_csv(tmp_path / "x.tsv.gz", sep="\t", index=False)
    frame.to_csv(tmp_path / "semicolon.csv", sep=";", index=False)
    for name in ("x.parquet", "x.feather", "x.tsv.gz"):
        assert client.datasets.create(tmp_path / name, target="y").id == made.id
    assert client.datasets.create(str(tmp_path / "semicolon.csv"), target="y", delimiter=";").id == made.id
    for content in (CSV.encode(), gzip.compress(CSV.encode()), io.BytesIO(CSV.encode())):
        assert client.datasets.create(content, target="y", name="n", format="csv") == made
    assert len(list(client.datasets.list())) == 1


def test_a_dry_run_stores_nothing(client, table):
    found = client.datasets.create(table, target="y", categorical=["a"], dry_run=True)
    assert found.created_at is None
    assert found.profile.columns[0].categories == ["0", "1", "2", "3", "4", "5", "6"]
    assert list(client.datasets.list()) == []


def test_columns_of_any_name_can_be_named_as_categorical(client):
    for name in ("auto", "a,b", 'say "so"', "plain"):
        quoted = '"' + name.replace('"', '""') + '"'
        content = f"{quoted},y\n" + "".join(f"{i % 5},{'pq'[i % 2]}\n" for i in range(20))
        found = client.datasets.create(
            content.encode(), target="y", name="n", format="csv", categorical=[name], dry_run=True
        )
        assert [(item.name, item.kind) for item in found.profile.columns] == [(name, "categorical")]


def test_what_is_wrong_is_an_error_that_names_the_place(client, table):
    with pytest.raises(InvalidRequest) as refused:
        client.datasets.create(
            CSV.replace("3,u,q", "inf,u,q", 1).encode(), target="y", name="n", format="csv"
        )
    (part,) = refused.value.errors
    assert (part.column, part.row) == ("a", 4)
    client.datasets.create(table, target="y")
    with pytest.raises(Conflict, match="the name 'a-table' is that of another table"):
        client.datasets.create(table, target="b")
    with pytest.raises(FileNotFoundError):
        client.datasets.create("nowhere.csv", target="y")
    with pytest.raises(ValueError, match="has no name: give one"):
        client.datasets.create(b"", target="y", format="csv")
    with pytest.raises(ValueError, match="give the format of x: one of csv, tsv, parquet, arrow"):
        client.datasets.create("x.dat", target="y")


def test_a_bundled_set_is_imported_by_the_worker(client):
    ended = client.datasets.wait(client.datasets.import_bundled("iris"), timeout=60)
    assert (ended.status, ended.reason) == ("succeeded", None)
    (item,) = ended.datasets
    assert client.datasets.get(item.dataset).name == "iris"
    begun = ended.model_copy(update={"status": type(ended.status)("running")})
    assert client.datasets.wait(begun) == ended
    with pytest.raises(TimeoutError, match=f"import {ended.id} is still running after 0 s; it goes on"):
        client.datasets.wait(begun, timeout=0)


@pytest.mark.anyio
async def test_the_async_client_does_the_same(url, table):
    async with AsyncClient(url) as client:
        made = await client.datasets.create(table, target="y")
        assert [item.id async for item in client.datasets.list(limit=1)] == [made.id]
        assert await client.datasets.get("a-table") == made
        assert (await client.datasets.data("a-table"))[:4] == b"PAR1"
        begun = await client.datasets.import_bundled("wine")
        assert (await client.datasets.wait(begun, timeout=60)).datasets[0].name == "wine"
        await client.datasets.delete("a-table")


def test_add_show_list_and_remove_on_the_command_line(tool, table):
    code, out, _ = tool("datasets", "add", table, "--licence", "CC0")
    assert code == 0
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert (lines["name"], lines["target"], lines["licence"]) == ("a-table", "y, binary", "CC0")
    assert lines["classes"] == "p 15 (50.0%), q 15 (50.0%)"
    assert lines["columns"] == "2: 1 of numbers, 1 of categories"
    assert tool("datasets", "show", "a-table")[1] == out
    code, out, _ = tool("datasets", "ls")
    assert out.splitlines()[1].split()[:3] == ["a-table", "y", "binary"]
    code, out, _ = tool("datasets", "ls", "--json")
    assert json.loads(out)[0]["name"] == "a-table"
    assert tool("datasets", "rm", "a-table") == (0, "a-table: deleted\n", "")
    code, _, err = tool("datasets", "show", "a-table")
    assert (code, "there is no data set 'a-table'" in err) == (2, True)
    code, out, err = tool("datasets", "ls")
    assert (code, out, "no data sets yet" in err) == (0, "", True)


def test_a_dry_run_on_the_command_line_says_that_nothing_is_stored(tool, table):
    code, out, _ = tool("datasets", "add", table, "--categorical", "a", "--categorical", "b", "--dry-run")
    assert code == 0
    assert "a-table (not stored)" in out
    assert "2: 0 of numbers, 2 of categories" in out


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (CSV.replace("3,u,q", "many,u,q", 1), [], "column 'a' has numbers, but 'many' in row 4"),
        (CSV.replace("\n3,u,q", "\n3,u", 1), [], "row 4 has 2 values, the header 3"),
        (CSV.replace(",", ";"), ["--target", "y"], "give delimiter=semicolon"),
        (CSV, ["--target", "z"], "there is no column 'z'; there are 'a', 'b', 'y'"),
        (CSV, ["--name", "a/b"], "must be 1 to 100 letters"),
        ("", [], "give --target: the first row has no name in its last column"),
    ],
)
def test_a_bad_table_is_one_line_and_exit_code_2(tool, table, content, options, said):
    table.write_text(content)
    code, out, err = tool("datasets", "add", table, *options)
    assert (code, out) == (2, "")
    assert err.startswith(f"tombola: {table}: ")
    assert said in err
    assert err.count("\n") == 1


def test_every_table_of_a_folder_is_imported_and_bad_ones_are_named(tool, client, tmp_path):
    (tmp_path / "README.md").write_text("no table")
    (tmp_path / "one.csv").write_text(CSV)
    (tmp_path / "two.tsv.gz").write_bytes(gzip.compress((CSV + "1,u,p\n").replace(",", "\t").encode()))
    (tmp_path / "bad.csv").write_text("a,b,y\n")
    code, out, err = tool("datasets", "import", tmp_path, "--source", "here")
    assert code == 2
    assert [line.split()[0] for line in out.splitlines()] == ["name", "one", "two"]
    assert err == f"tombola: {tmp_path / 'bad.csv'}: the table has 0 rows: it takes at least 10\n"
    assert [item.source for item in client.datasets.list()] == ["here", "here"]
    code, _, err = tool("datasets", "import", tmp_path / "one.csv")
    assert (code, "is no folder" in err) == (2, True)
    (tmp_path / "empty").mkdir()
    code, _, err = tool("datasets", "import", tmp_path / "empty")
    assert (code, "has no tables" in err) == (2, True)


def test_a_terminal_sees_a_bar_while_a_folder_is_imported(url, tmp_path, monkeypatch, capsys):
    (tmp_path / "one.csv").write_text(CSV)
    ours, theirs = pty.openpty()
    with open(theirs, "w", encoding="utf-8") as terminal:  # noqa: PTH123  # a file descriptor
        monkeypatch.setattr("sys.stderr", terminal)
        assert main(["--url", url, "datasets", "import", str(tmp_path)]) == 0
        seen = ""
        while "100%" not in seen and select.select([ours], [], [], 5)[0]:  # what is written comes in pieces
            seen += os.read(ours, 100_000).decode()
    os.close(ours)
    assert "tables" in seen
    assert "100%" in seen
    assert "one" in capsys.readouterr().out


def test_a_set_is_imported_by_the_worker_from_the_command_line(tool, client):
    code, out, err = tool("datasets", "import", "--bundled", "breast_cancer")
    assert (code, out) == (0, "sklearn breast_cancer: breast_cancer\n")
    assert "waiting for a worker" in err
    code, out, _ = tool("datasets", "import", "--bundled", "iris", "--no-wait", "--json")
    begun = json.loads(out)
    assert (code, begun["what"]) == (0, "iris")
    assert client.datasets.wait(client.datasets.get_import(begun["id"]), timeout=60).status == "succeeded"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give one of: a folder, --openml ID, --suite ID, --bundled NAME"),
        (["--openml", "1", "--suite", "2"], "give one of"),
        (["--openml", "1", "--target", "y"], "go with a folder"),
    ],
)
def test_imports_that_say_too_little_or_too_much_are_refused(tool, options, said):
    code, _, err = tool("datasets", "import", *options)
    assert (code, said in err) == (2, True)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the benchmark's tables are not beside the checkout")
def test_the_tables_of_the_benchmark_are_imported(tool, client):
    code, out, err = tool("datasets", "import", SHARED)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 8
    found = {item.name: item for item in client.datasets.list()}
    assert found["Diabetes130US"].rows == 71_090
    assert all((item.task, item.categoricals) == ("binary", 0) for item in found.values())
    assert client.datasets.get("Diabetes130US").profile.duplicate_rows == 7_720
