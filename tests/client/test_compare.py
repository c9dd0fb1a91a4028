"""`tombola compare` against the real stack, with real engines on a small table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from tombola import results
from tombola.cli import main

#: The smallest plan there is.
QUICK = ("--budget", 0.01)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A table of which one column tells the class, mostly."""
    rows = np.random.default_rng(5).random((80, 3))
    lines = [f"{a:.4f},{b:.4f},{'yes' if (a > 0.5) == (c < 0.9) else 'no'}" for a, b, c in rows]
    file = tmp_path_factory.mktemp("tables") / "halves.csv"
    file.write_text("\n".join(["signal,noise,class", *lines]) + "\n")
    return file


@pytest.fixture(autouse=True)
def _none_left(client):
    """Leave no experiment that trains, and no data set that other tests would meet."""
    yield
    for experiment in client.experiments.list():
        if experiment.name.startswith("compare "):
            if not experiment.status.finished:
                experiment.cancel()
            experiment.delete()
    for item in list(client.datasets.list()):
        client.datasets.delete(item.name)


def test_a_table_is_compared_from_its_file_to_the_report_and_again_from_the_store(tool, path, tmp_path):
    page = tmp_path / "report.html"
    code, out, err = tool("compare", path, *QUICK, "--json", "--html", page)
    assert code == 0, err
    assert "halves: " in err
    assert "runs in" in err
    found = json.loads(out)
    comparison = results.Comparison.model_validate(found["comparison"])
    assert not comparison.provisional
    assert comparison.equal_budgets
    assert {row.model for row in comparison.budgets} == {"mlp", "mlp-sparse", "mlp-dense", "forest"}
    read = results.Importances.model_validate(found["importance"])
    assert {model.model for model in read.models} >= {"forest", "mlp"}
    assert {model.columns[0].column for model in read.models} == {"signal"}
    networks = next(model for model in read.models if model.model == "mlp")
    assert 0 <= networks.columns[0].initial_support <= 1
    assert results.Quote.model_validate(found["quote"]).runs == comparison_runs(comparison)
    assert found["spec"]["target"]["datasets"] == ["halves"]
    text = page.read_text()
    assert text.count("<svg") == 1
    assert "Does a wide sparse network beat a tuned forest on halves?" in text

    code, again, err = tool("compare", "halves", *QUICK, "--quiet")
    assert code == 0, err
    assert found["answer"] in again
    assert "The forest (n_estimators 250" in again
    assert "reads most of all signal." in again
    assert "caution: 3 splits of one table" in again
    assert "in the store already" in err or "nothing to train" in err
    assert "of wall time" in again
    assert "runs that were there before" in again
    assert "caution: sparse networks are chosen from 1 setting, the forest from 2" in again

    for option in (("--delimiter", ";"), ("--name", "other"), ("--categorical", "noise")):
        code, out, err = tool("compare", "halves", *option)
        assert (code, out) == (2, "")
        assert f"the data set 'halves' is stored already: {option[0]} is for files" in err
        assert len(err.splitlines()) == 1


def comparison_runs(comparison):
    return sum(
        model.runs
        for row in comparison.datasets
        for model in row.models
        if model.model not in ("mlp-sparse", "mlp-dense")
    )


def test_bad_tables_and_options_are_one_line_and_exit_code_2(tool, path, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    for arguments, said in (
        ((bad,), "at least 10"),
        ((tmp_path / "gone.csv",), "cannot be read"),
        (("nowhere",), "there is neither a file nor a data set 'nowhere'"),
        ((path, "--target", "color"), "color"),
        ((path, "--html", tmp_path / "no" / "such.html"), "cannot write"),
        ((path, "--budget", 0), "--budget"),
    ):
        code, out, err = tool("compare", *arguments)
        assert (code, out) == (2, ""), arguments
        assert len(err.splitlines()) == 1, err
        assert err.startswith("tombola: ")
        assert said in err


def test_ctrl_c_cancels_and_says_how_to_go_on(url, client, tmp_path):
    rows = np.random.default_rng(6).random((6000, 20))
    large = tmp_path / "large.csv"
    lines = [",".join(f"{x:.5f}" for x in row) + f",{'pq'[number % 2]}" for number, row in enumerate(rows)]
    large.write_text("\n".join([",".join([f"x{i}" for i in range(20)] + ["y"]), *lines]) + "\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "tombola", "--url", url, "compare", str(large), "--budget", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # one thread here
    )
    first = ""
    while not first.startswith("compare large: "):
        first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    (experiment,) = [one for one in client.experiments.list() if one.name == "compare large"]
    assert experiment.status == "cancelled"
    assert f"cancelled {experiment.id}; it goes on with: tombola retry {experiment.id}" in err
    assert "Traceback" not in err


def test_without_a_server_anywhere_it_says_how_to_have_one(monkeypatch, capsys, path):
    from tombola._client import settings  # noqa: PLC0415  # beside its only use
    from tombola.cli import _own_stack  # noqa: PLC0415  # as above

    monkeypatch.setattr(_own_stack, "offer", lambda _: None)  # as where no server is installed
    monkeypatch.setattr(_own_stack, "_offered", [])
    monkeypatch.setattr(settings, "DEFAULT_URL", "http://127.0.0.1:9")
    code = main(["compare", str(path)])
    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert err.startswith("tombola: no server answers at http://127.0.0.1:9: name one with --url")
