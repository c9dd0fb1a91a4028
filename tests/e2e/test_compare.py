"""`tombola compare` on a planted parity, where no server runs: from a file to what the winners read."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

PLANTED, COLUMNS, ROWS = ("x2", "x7"), 10, 600


@pytest.fixture
def planted(tmp_path):
    """A table of ten signs, of which the product of two is the class."""
    signs = np.random.default_rng(0).choice([-1, 1], size=(ROWS, COLUMNS))
    names = [f"x{number}" for number in range(COLUMNS)]
    odd = signs[:, [names.index(name) for name in PLANTED]].prod(axis=1) > 0
    lines = [
        ",".join(map(str, row)) + (",odd" if label else ",even")
        for row, label in zip(signs, odd, strict=True)
    ]
    path = tmp_path / "planted.csv"
    path.write_text("\n".join([",".join([*names, "parity"]), *lines]) + "\n")
    return path


@pytest.fixture
def alone(tmp_path):
    """Return a function that runs a command where no server runs, in a folder of its own."""
    with socket.socket() as asked:
        if asked.connect_ex(("127.0.0.1", 8000)) == 0:
            pytest.skip("something listens at the default address")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOMBOLA_")}

    def run(*arguments):
        command = [sys.executable, "-m", "tombola", *map(str, arguments)]
        found = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert found.returncode == 0, found.stderr
        return found

    return run


def test_where_no_server_runs_one_is_started_and_the_networks_read_the_planted_columns(
    planted, alone, tmp_path
):
    found = alone("compare", planted, "--budget", "0.05", "--json")
    assert "no server answers at http://127.0.0.1:8000: starting one for this command" in found.stderr
    answer = json.loads(found.stdout)
    assert answer["answer"]
    last = answer["comparison"]["datasets"][-1]
    accuracy = {model["model"]: model["accuracy"]["value"] for model in last["models"]}
    assert accuracy["mlp-sparse"] > 0.8
    read = {model["model"]: model["columns"] for model in answer["importance"]["models"]}
    network = read["mlp"]
    assert {column["column"] for column in network[:2]} == set(PLANTED)
    support = sum(column["support"] for column in network[:2])
    assert support > sum(column["initial_support"] for column in network[:2]), "the first layer turns to them"
    assert [path.name for path in tmp_path.iterdir()] == ["planted.csv"], "nothing is left behind"


def test_what_is_kept_is_there_for_the_next_time(planted, alone, tmp_path):
    first = alone("compare", planted, "--budget", "0.01", "--keep", "--json")
    assert "kept in tombola-data: tombola serve --data-dir tombola-data has it all" in first.stderr
    assert (tmp_path / "tombola-data").is_dir()
    again = alone("compare", "planted", "--budget", "0.01", "--keep", "--json")
    assert "nothing to train" in again.stderr or "in the store already" in again.stderr
    comparisons = [json.loads(one.stdout)["comparison"]["datasets"] for one in (first, again)]
    assert comparisons[0] == comparisons[1]
