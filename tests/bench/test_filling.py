"""A store is filled with runs as a grid has them."""

from __future__ import annotations

import pytest

import migrations
from bench.filling import fill, probability
from service.lab import answers
from service.store.database import Database
from service.store.runs import Slice
from tombola.spec import ExperimentSpec

SPEC = ExperimentSpec.model_validate(
    {
        "name": "filled",
        "target": {"kind": "parity", "n": 50, "k": 3},
        "grid": {"width": [16, 64, 256], "samples": [300, 1000, None], "sparsity": [2, None]},
        "training": {"max_steps": 4000},
        "seeds": {"count": 200, "start": 7},
    }
)


@pytest.fixture
def store(sqlite_url):
    database = Database(sqlite_url)
    with database.write() as session:
        migrations.upgrade(session.connection())
    yield database
    database.close()


def test_the_experiment_has_every_run_and_counts_that_rise_with_width_and_samples(store):
    experiment_id = fill(store, SPEC, curves=False)
    with store.read() as session:
        experiment = answers.experiment(session, answers.known(session, experiment_id))
        table = {(c.width, c.samples, c.sparsity): c for c in answers.success_table(session, experiment_id)}
    assert experiment.status == "succeeded"
    assert experiment.progress.runs_done == experiment.progress.runs_reused == 18 * 200
    assert {cell.runs for cell in table.values()} == {200}
    for cell, configuration in zip(table.values(), SPEC.configurations(), strict=True):
        assert cell.probability == pytest.approx(probability(configuration), abs=0.2)
    ends = [table[16, 300, 2], table[64, 1000, 2], table[256, None, 2]]
    assert [cell.probability for cell in ends] == sorted(cell.probability for cell in ends)
    assert ends[0].probability < 0.2
    assert ends[2].probability > 0.8
    assert ends[2].median_steps % 500 == 0


def test_curves_end_with_their_runs(store):
    experiment_id = fill(store, SPEC, curves=True)
    with store.read() as session:
        for run in answers.run_page(session, experiment_id, Slice(1000, None, {"width": 64})):
            if run.seed == 150:
                where = {"width": 64, "samples": run.samples, "sparsity": run.sparsity}
                (curve,) = answers.curves(session, experiment_id, where=where, seeds=[150], limit=2)
                assert curve.steps == sorted(set(curve.steps))
                assert (curve.steps[-1], curve.train_error[-1], curve.test_error[-1]) == (
                    run.steps,
                    run.train_error,
                    run.test_error,
                )
