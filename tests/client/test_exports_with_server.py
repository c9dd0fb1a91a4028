"""Exports against the real stack: what the files hold, through client and command line."""

from __future__ import annotations

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tombola import AsyncClient


def read(path):
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with pa.ipc.open_stream(path) as stream:
        return stream.read_all().to_pylist()


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
def test_files_hold_what_the_client_reads(client, done, tmp_path, suffix):
    experiment = client.experiments.get(done)
    exact = suffix != "csv"

    runs = read(experiment.export("runs", tmp_path / f"runs.{suffix}"))
    for row, run in zip(runs, experiment.runs(), strict=True):
        assert json.loads(row["versions"]) == run.versions
        assert float(row["flops"]) == run.flops
        assert (row["samples"] or None) == (run.samples if exact or run.samples is None else str(run.samples))
        if exact:
            assert row == run.model_dump(mode="python") | {"versions": row["versions"]}

    online = {"width": 32, "samples": None, "sparsity": 2}
    curves = read(experiment.export("curves", tmp_path / f"curves.{suffix}", **online))
    expected = [
        (seed, step, error)
        for seed in range(3)
        for curve in [experiment.curve(seed, **online)]
        for step, error in zip(curve.steps, curve.test_error, strict=True)
    ]
    assert [(int(row["seed"]), int(row["step"]), float(row["test_error"])) for row in curves] == expected
    assert {row["train_error"] or None for row in curves} == {None}

    table = read(experiment.export("success-table", tmp_path / f"table.{suffix}", level=0.8))
    for row, cell in zip(table, experiment.success_table(level=0.8), strict=True):
        assert (int(row["successes"]), float(row["low"])) == (cell.successes, cell.interval.low)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.anyio
async def test_the_async_client_writes_the_same_files(url, client, done, tmp_path):
    client.experiments.get(done).export("runs", tmp_path / "sync.parquet", outcome="success")
    async with AsyncClient(url) as other:
        experiment = await other.experiments.get(done)
        await experiment.export("runs", tmp_path / "async.parquet", outcome="success")
    assert (tmp_path / "sync.parquet").read_bytes() == (tmp_path / "async.parquet").read_bytes()


def test_the_command_line_writes_files_and_says_so(tool, done, tmp_path):
    for command, name, rows in (
        (["table", done, "--interval", "jeffreys"], "table.parquet", 8),
        (["runs", done, "--width", 32, "--samples", "online"], "runs.csv", 6),
        (["curves", done, "--sparsity", "dense", "--width", 8], "curves.arrow", None),
    ):
        target = tmp_path / name
        assert tool(*command, "-o", target) == (0, "", f"wrote {target}\n")
        found = read(target)
        assert len(found) == rows if rows else len(found) >= 6
    code, out, err = tool("runs", done, "-o", tmp_path / "again.parquet", "--json")
    size = (tmp_path / "again.parquet").stat().st_size
    assert (code, json.loads(out), err) == (0, {"file": str(tmp_path / "again.parquet"), "bytes": size}, "")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["runs", "ID", "-o", "runs.xlsx"], "ends in .csv, .parquet or .arrow; got 'runs.xlsx'"),
        (["table", "ID", "-o", "table"], "ends in .csv, .parquet or .arrow; got 'table'"),
        (["table", "ID", "-o", "table.csv", "--csv"], "give either --csv or --output"),
        (["runs", "ID", "-o", "runs.csv", "--limit", "3"], "a file has all runs"),
        (["curves", "ID"], "Missing option '--output'"),
        (["curves", "ID", "-o", "curves.csv", "--samples", "many"], "--samples takes a number or online"),
        (["curves", "ID", "-o", "/nowhere/curves.csv"], "cannot write /nowhere/curves.csv: No such file"),
        (["runs", "ID", "-o", "/dev/full", "--json"], "'/dev/full' is none"),
    ],
)
def test_wrong_options_are_one_line_and_exit_code_2(tool, done, args, message):
    code, out, err = tool(*(done if arg == "ID" else arg for arg in args))
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
