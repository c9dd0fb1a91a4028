"""Shards on tables in a worker: with an engine of nearest centroids on a real store."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import accuracy_score
from sklearn.neighbors import NearestCentroid
from sqlalchemy import select

from service.lab import answers
from service.lab.datasets import storing
from service.lab.datasets.storing import About
from service.lab.datasets.table import Asked, assemble
from service.lab.experiments import Lab
from service.settings import Settings
from service.store import shards
from service.store.database import now
from service.store.models import Environment, Run, Score, Shard, Speed
from service.store.models import Worker as WorkerRow
from tombola.results import Outcome
from tombola.spec import TabularSpec
from worker import heartbeat, recording
from worker.engine.seam import Curve, FinishedRun, Metrics
from worker.engine.seam import Score as EngineScore
from worker.hardware import processor
from worker.member import Member
from worker.training import train_shard

TABLE = pa.table(
    {
        "a": [float(row % 10) for row in range(100)],
        "b": [float(row * row % 17) for row in range(100)],
        "y": ["no" if row % 10 < 4 else "yes" for row in range(100)],
    }
)
SPEC = TabularSpec.model_validate(
    {
        "name": "on a table",
        "target": {"kind": "tabular", "datasets": ["table"]},
        "grid": {"fractions": [1.0], "splits": 4},
        "models": [{"kind": "logistic", "trials": 2}],
    }
)


class NearestCentroids:
    """Trains every run from the table in the store, whatever model it asks for."""

    name, device, detail, lanes, versions = "centroids", "cpu", "scikit-learn", 1, {"metric": "euclidean"}

    def __init__(self, database, in_the_middle=lambda: None):
        self.database = database
        self.in_the_middle = in_the_middle
        self.trained = []

    def train(self, runs, on_finished, should_stop):
        for number, run in enumerate(runs):
            if number == len(runs) // 2:
                self.in_the_middle()
            if should_stop(number / len(runs)):
                return False
            self.trained.append(run)
            on_finished(self._finished(run))
        return True

    def _finished(self, run):
        task = run.configuration.target
        with self.database.read() as session:
            table = storing.load(session, task.dataset).data
        features = np.column_stack([table.column(name).to_numpy() for name in ("a", "b")])
        classes = np.array(table.column("y").to_pylist())
        order = np.random.default_rng(task.split).permutation(task.rows)
        fitted = NearestCentroid().fit(
            features[order[: run.configuration.samples]], classes[order[: run.configuration.samples]]
        )
        test = order[70:]
        accuracy = accuracy_score(classes[test], fitted.predict(features[test]))
        metrics = Metrics(accuracy, None, 0.5)
        score = EngineScore(metrics, metrics, 21, len(test))
        return FinishedRun(run, Outcome.SUCCESS, 0, None, 1 - accuracy, Curve(), 0.1, score)


@pytest.fixture
def database_url(migrated_sqlite_url):
    return migrated_sqlite_url


@pytest.fixture
def hire(sqlite_url, database, monkeypatch):
    """Return `hire(**settings)`: a member that trains models of libraries by nearest centroids."""
    monkeypatch.setattr(recording, "_FLUSH_SECONDS", 0.0)
    members = []

    def hire(in_the_middle=lambda _: None, **settings):
        member = Member(
            Settings(**{"database_url": sqlite_url, "heartbeat_seconds": 0.05, "device": "cpu", **settings})
        )
        members.append(member)
        engine = NearestCentroids(database, lambda: in_the_middle(member))
        member.tables.makers["estimators"] = lambda: engine
        return member

    yield hire
    for member in members:
        member.close()


@pytest.fixture
def shard_id(database):
    with database.write() as session:
        storing.store(session, storing.prepare(assemble(TABLE, Asked("y")), About("table")))
        Lab().submit(session, SPEC)
        return session.scalars(select(Shard.id)).one()


def shard(database):
    with database.read() as session:
        return session.scalars(select(Shard)).one()


def runs(database):
    with database.read() as session:
        return session.scalars(select(Run)).all()


def test_runs_on_a_table_are_trained_recorded_and_scored(database, hire, shard_id):
    member = hire()
    train_shard(member, shard_id)
    assert shard(database).state == "done"
    with database.read() as session:
        found = answers.experiment(session, answers.known(session, shard(database).experiment_id))
        scored = session.execute(select(Run, Score).join(Score, Score.run_id == Run.id)).all()
        (environment,) = session.scalars(select(Environment))
        speed = session.scalars(select(Speed)).one()
    assert found.status == "succeeded"
    assert found.actual.core_seconds == pytest.approx(8 * 0.1)
    assert len(scored) == SPEC.run_count == 8
    for run, score in scored:
        assert run.test_error == pytest.approx(1 - score.test_accuracy)
        assert 0.5 < score.test_accuracy <= 1
        assert (score.validation_rows, score.test_rows) == (21, 30)
    assert (environment.engine, environment.device) == ("centroids", "cpu")
    assert environment.versions["metric"] == "euclidean"
    assert (speed.engine, speed.device_name) == ("centroids", processor())


def test_a_worker_of_the_cpu_queue_needs_no_engine_for_parities(database, hire, shard_id):
    member = hire(queues="cpu", engine="native", device="cuda:7", threads=3)
    assert member.engine is None
    train_shard(member, shard_id)
    assert shard(database).state == "done"
    with database.read() as session:
        row = session.scalars(select(WorkerRow)).one()
    assert (row.queues, row.engine, row.device, row.lanes, row.threads) == ("cpu", "estimators", "cpu", 3, 3)


def test_a_shard_of_another_queue_is_left_alone(database, hire, shard_id):
    train_shard(hire(queues="main"), shard_id)
    assert shard(database).state == "queued"


def test_a_worker_that_stops_keeps_what_it_finished_and_gives_the_rest_back(database, hire, shard_id):
    stopped = hire(in_the_middle=Member.stop_soon)
    train_shard(stopped, shard_id)
    assert (shard(database).state, shard(database).attempts) == ("queued", 0)
    assert len(runs(database)) == 4
    other = hire()
    train_shard(other, shard_id)
    assert shard(database).state == "done"
    assert len(other.tables.engine("estimators").trained) == 4


def test_a_shard_whose_training_fails_says_why_and_keeps_what_was_finished(database, hire, shard_id):
    def break_down(_):
        raise RuntimeError("out of trees")

    train_shard(hire(break_down), shard_id)
    assert (shard(database).state, shard(database).attempts) == ("queued", 1)
    assert len(runs(database)) == 4


def test_a_worker_whose_engine_cannot_be_made_fails_the_shard(database, hire, shard_id):
    def fail():
        raise ImportError("no module named 'xgboost'")

    member = hire()
    member.tables.makers["estimators"] = fail
    for _ in range(3):
        train_shard(member, shard_id)
    assert shard(database).state == "failed"
    assert "xgboost" in shard(database).reason


def test_an_idle_worker_is_not_deaf_for_what_it_does_not_consume(database, hire, shard_id, monkeypatch):
    monkeypatch.setattr(heartbeat.os, "kill", lambda *_: None)
    monkeypatch.setattr(heartbeat, "_DEAF_AFTER", timedelta(seconds=1))
    with database.write() as session:
        shards.mark_rung(session, [shard_id], now() - timedelta(seconds=5))
    for queues, deaf in (("main", False), ("cpu", True)):
        beat = hire(queues=queues).heartbeat
        beat._idle_since = now() - timedelta(seconds=10)
        beat._beat(None)
        assert beat.deaf.is_set() == deaf
