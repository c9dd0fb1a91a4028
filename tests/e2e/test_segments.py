"""A long run on a real stack: it lets others in, and a killed worker costs it a segment and no bit."""

from __future__ import annotations

import tombola
from service.store.database import Database
from service.store.models import Checkpoint
from tombola.results import ExperimentStatus
from worker.engine import Run, select_engine

#: Too few samples to learn from: it goes to the end of its budget, some ten segments of half a second.
LONG = tombola.ExperimentSpec.model_validate(
    {
        "name": "long",
        "target": {"kind": "parity", "n": 30, "k": 3},
        "grid": {"width": [1000], "samples": [40], "sparsity": [2]},
        "training": {"max_steps": 250_000, "eval_every": 10_000, "test_samples": 512},
        "seeds": {"count": 1},
    }
)
SHORT = LONG.model_copy(
    update={
        "name": "short",
        "training": LONG.training.model_copy(update={"max_steps": 500, "eval_every": 500}),
    }
)


def uncut():
    finished = []
    (configuration,) = LONG.configurations()
    assert select_engine("auto", "cpu").train([Run(configuration, 0)], finished.append, lambda _: False)
    return finished[0]


def test_a_long_run_lets_others_in_and_survives_its_worker(new_stack, eventually):
    stack = new_stack(TOMBOLA_SHARD_SECONDS="0.5", TOMBOLA_DEVICE="cpu")
    client = stack.client()
    database = Database(stack.database_url)

    def held():
        with database.read() as session:
            return [row.steps for row in session.query(Checkpoint)]

    long = client.experiments.create(LONG)
    eventually(held, what="a checkpoint")
    short = client.experiments.create(SHORT).wait(progress=False, timeout=60)
    assert short.status == ExperimentStatus.SUCCEEDED
    assert long.refresh().status == ExperimentStatus.RUNNING, "the short one did not wait for the long one"
    before = held()
    eventually(
        lambda: held() > before and any(worker.shard for worker in client.workers.list()),
        what="the next segment",
    )
    assert 0 < long.refresh().progress.fraction < 1
    stack.kill("worker")
    log = stack.data_dir.parent / "stack.log"
    said = len(log.read_text())
    long = long.wait(progress=False, timeout=120)
    assert long.status == ExperimentStatus.SUCCEEDED
    assert "1 runs, 1 of them begun" in log.read_text()[said:], "the next worker went on"

    expected = uncut()
    (run,) = long.runs()
    assert (run.outcome, run.steps) == (expected.outcome, expected.steps)
    assert (run.train_error, run.test_error) == (expected.train_error, expected.test_error)
    curve = long.curve(0)
    assert (curve.steps, curve.train_error, curve.test_error) == (
        expected.curve.steps,
        expected.curve.train_error,
        expected.curve.test_error,
    )
    assert not held(), "a run that is recorded keeps no checkpoint"
    database.close()
