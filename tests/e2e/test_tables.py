"""An experiment on tables outlives its worker: every run once, and the scores of an undisturbed engine."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from service.lab.asked import by_hash as asked_by
from service.lab.work import kind_of
from service.settings import Settings
from service.store.database import Database
from service.store.models import Configuration, Run, Score
from tombola.spec import TabularSpec
from worker.engine.seam import TabularRun
from worker.tabular.engines import TableEngines

for engines in ("worker.engine.mlp", "worker.tabular.estimators"):
    pytest.importorskip(engines)

ROWS = "\n".join(
    f"{row % 10},{row * row % 17},{'red' if row % 3 else 'blue'},{'no' if row % 10 < 4 else 'yes'}"
    for row in range(400)
)
SPEC = {
    "name": "killed",
    "target": {"kind": "tabular", "datasets": ["survivors"]},
    "grid": {"fractions": [0.2, 1.0], "splits": 3},
    "models": [
        {"kind": "mlp", "width": [16], "learning_rate": [0.1], "max_steps": 400},
        {"kind": "forest", "trials": 2},
        {"kind": "logistic", "trials": 1},
    ],
}


def stored(stack):
    """Return what every stored run scored, by configuration's hash and seed."""
    database = Database(stack.database_url)
    with database.read() as session:
        rows = session.execute(
            select(Configuration, Run, Score)
            .join(Run, Run.configuration_id == Configuration.id)
            .join(Score, Score.run_id == Run.id)
        ).all()
    database.close()
    return {
        (configuration.hash, run.seed): (
            run.outcome,
            run.steps,
            score.validation_accuracy,
            score.test_accuracy,
        )
        for configuration, run, score in rows
    }


def undisturbed(stack):
    """Return the same of engines in this process, on the table in the store."""
    database = Database(stack.database_url)
    engines = TableEngines(database, Settings(), "cpu")
    with database.read() as session:
        asked = asked_by(session, TabularSpec.model_validate(SPEC))
    finished = []
    for kind in ("networks", "estimators"):
        runs = [TabularRun(item, 0) for item in asked.values() if kind_of(item) == kind]
        assert engines.engine(kind).train(runs, finished.append, lambda _: False)
    database.close()
    return {
        (item.run.configuration.hash(), item.run.seed): (
            item.outcome,
            item.steps,
            item.score.validation.accuracy,
            item.score.test.accuracy,
        )
        for item in finished
    }


def test_a_worker_killed_in_the_middle_of_tables_loses_no_run_and_changes_no_score(stack, eventually):
    client = stack.client()
    client.datasets.create(f"a,b,c,y\n{ROWS}\n".encode(), target="y", name="survivors", format="csv")
    experiment = client.experiments.create(SPEC)
    eventually(lambda: experiment.refresh().progress.runs_done > 0, what="a run that is recorded")
    stack.kill("worker")
    experiment.wait(progress=False, timeout=120)
    assert experiment.progress.runs_done == experiment.progress.runs_total == experiment.spec.run_count
    assert 0 < experiment.refresh().actual.run_steps <= experiment.quote.run_steps
    found = stored(stack)
    assert len(found) == experiment.spec.run_count
    assert found == undisturbed(stack)
