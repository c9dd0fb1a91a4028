"""Experiments on tables through the client and the command line, against the real stack."""

from __future__ import annotations

import json

import pytest

from tombola.errors import InvalidRequest, InvalidSpec
from tombola.spec import TabularSpec

ROWS = "\n".join(f"{row % 10},{row * row % 17},{'no' if row % 10 < 4 else 'yes'}" for row in range(100))
SPEC = {
    "name": "small tables",
    "target": {"kind": "tabular", "datasets": ["client-table"]},
    "grid": {"fractions": [1.0], "splits": 2},
    "models": [{"kind": "logistic", "trials": 1}, {"kind": "mlp", "width": [8], "max_steps": 200}],
}


@pytest.fixture(scope="module")
def table(url):
    """Bring the table that the specs name."""
    from tombola import Client  # noqa: PLC0415

    with Client(url) as client:
        client.datasets.create(f"a,b,y\n{ROWS}\n".encode(), target="y", name="client-table", format="csv")
        yield
        for experiment in client.experiments.list():
            if experiment.name == SPEC["name"] and not experiment.status.finished:
                experiment.cancel()
        client.datasets.delete("client-table")


@pytest.mark.usefixtures("table")
def test_a_spec_on_tables_is_quoted(client):
    answer = client.experiments.quote(SPEC)
    assert isinstance(answer.spec, TabularSpec)
    assert (answer.quote.cells, answer.quote.runs) == (10, 10)


def test_wrong_specs_are_refused_before_and_by_the_server(client):
    with pytest.raises(InvalidSpec, match="/models/0/width/0"):
        client.experiments.create(SPEC | {"models": [{"kind": "mlp", "width": [0]}]})
    with pytest.raises(InvalidRequest, match="/target/datasets/0"):
        client.experiments.create(SPEC | {"target": {"kind": "tabular", "datasets": ["nowhere"]}})


@pytest.mark.usefixtures("table")
def test_the_command_line_submits_waits_and_shows(client, tool, tmp_path):
    for engines in ("worker.engine.mlp", "worker.tabular.estimators"):
        pytest.importorskip(engines)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(SPEC))
    assert tool("quote", path)[0] == 0
    code, out, err = tool("submit", path, "--wait")
    assert code == 0, err
    assert "succeeded, 10 of 10 runs have scores" in out
    assert "10/10 runs" in err
    assert "tombola comparison" in err
    code, out, _ = tool("ls")
    assert (code, SPEC["name"] in out) == (0, True)
    code, out, _ = tool("show", "latest")
    assert code == 0
    assert "target     kind tabular, datasets [client-table]" in out
    assert "models     kind logistic, trials 1" in out
    code, _, err = tool("table", "latest")
    assert (code, "/comparison" in err) == (2, True)
