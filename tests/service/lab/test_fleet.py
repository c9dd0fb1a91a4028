"""What the store knows of machines, and what it learns from recorded runs, on SQLite and on PostgreSQL."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from service.lab import cost, fleet
from service.lab.fleet import Kind
from service.lab.shards import TrainedBy
from service.store import workers
from service.store.database import now
from service.store.models import Experiment, Speed
from tombola.spec import (
    Configuration,
    EstimatorModel,
    ParityTarget,
    Protocol,
    TabularConfiguration,
    TabularTask,
    TrainingSettings,
)

CORE = Kind("native", "cpu", "a processor", 2)
GPU = Kind("torch", "cuda", "a GPU", 1)


def configuration(width):
    target = ParityTarget(n=50, k=3)
    return Configuration(
        target=target, width=width, samples=1000, sparsity=2, training=TrainingSettings(max_steps=10_000)
    )


def present(database):
    with database.read() as session:
        return fleet.present(session)


def learn(database, kind, width, factor, times=20):
    item = configuration(width)
    predicted = cost.run_seconds(item, 10_000, cost.assumed_speed(kind.engine, kind.device))
    runs = [(item, 10_000, factor * predicted)] * math.ceil(2 / (factor * predicted))
    for _ in range(times):
        with database.write() as session:
            fleet.learn(session, kind, runs)


def test_without_any_worker_one_embedded_worker_is_assumed(database):
    found = present(database)
    assert found.alive == 0
    assert [(item.kind, item.count) for item in found.machines] == [(Kind("native", "cpu", "unknown", 2), 1)]


def test_the_fleet_is_that_of_the_live_workers(database, hire):
    gone = hire(lanes=64)
    with database.write() as session:
        workers.stop(session, gone)
    hire(seen_at=now() - timedelta(minutes=5))
    hire()
    hire()
    hire(engine="torch", device="cuda:1", device_name="a GPU", lanes=1)
    found = present(database)
    assert found.alive == found.count == 3
    assert [(item.kind, item.count) for item in found.machines] == [(CORE, 2), (GPU, 1)]
    assert found.lanes == 2
    assert (found.lanes_of("cpu"), found.lanes_of("cuda")) == (4, 1)


def test_when_all_are_gone_the_last_one_is_expected_back(database, hire):
    hire(lanes=64, seen_at=now() - timedelta(hours=3))
    hire(lanes=16, seen_at=now() - timedelta(hours=2))
    found = present(database)
    assert found.alive == 0
    assert [(item.kind.lanes, item.count) for item in found.machines] == [(16, 1)]


def test_a_fleet_shares_runs_as_its_machines_are_fast(database, hire):
    item = configuration(112)
    hire()
    alone = present(database)
    seconds = cost.run_seconds(item, 10_000, cost.SPEEDS["native", "cpu"])
    assert alone.seconds(item, 10_000) == pytest.approx(seconds / 2)
    assert alone.worker_seconds(item) == pytest.approx(seconds / 2)
    assert alone.shortest_run(item, 10_000) == pytest.approx(seconds)
    hire(lanes=6)
    both = present(database)
    assert both.seconds(item, 10_000) == pytest.approx(seconds / 8)
    assert both.worker_seconds(item) == pytest.approx(seconds / 4)


def test_a_measured_speed_is_kept_by_engine_device_and_width_and_used(database, hire):
    hire()
    learn(database, CORE, 100, factor=3.0)
    learn(database, GPU, 100, factor=0.1)
    (machine,) = present(database).machines
    predicted = cost.run_seconds(configuration(100), 10_000, machine.speed)
    assert machine.lane_seconds(configuration(100), 10_000) == pytest.approx(3 * predicted, rel=0.1)
    slow = machine.lane_seconds(configuration(100), 10_000, deviations=1)
    fast = machine.lane_seconds(configuration(100), 10_000, deviations=-1)
    assert fast < 3 * predicted < slow
    with database.read() as session:
        rows = session.scalars(select(Speed).order_by(Speed.engine)).all()
    assert [(row.engine, row.device_name, row.width_class) for row in rows] == [
        ("native", "a processor", 6),
        ("torch", "a GPU", 6),
    ]


def test_runs_that_are_recorded_teach_and_are_accounted_to_the_experiment_of_their_shard_once(
    database, spec, submit, hands
):
    first, second = submit(spec), submit(spec)
    by = TrainedBy("native", "cpu", {}, device_name="a processor", lanes=2)
    claim = hands.claim(hands.queued()[0])
    for _ in range(2):
        hands.record(claim, list(claim.runs), by=by)
    with database.read() as session:
        account, other = (session.get(Experiment, item) for item in (first, second))
        rows = session.scalars(select(Speed)).all()
    assert account.runs_trained == account.runs_done == other.runs_done == len(claim.runs)
    # A made-up run takes a second of the worker, thus of each of its two cores.
    assert account.core_seconds == 2 * len(claim.runs)
    assert account.gpu_seconds == 0
    assert account.flops_trained == 1e9 * len(claim.runs)
    assert account.steps_trained > 0
    assert (other.runs_trained, other.core_seconds) == (0, 0)
    assert rows
    assert all(row.log_factor > 0 for row in rows), "a second is far more than these runs should take"


def test_seconds_of_a_gpu_are_accounted_apart(database, spec, submit, hands):
    experiment_id = submit(spec)
    by = TrainedBy("torch", "cuda:3", {}, device_name="a GPU")
    claim = hands.claim(hands.queued()[0])
    hands.record(claim, list(claim.runs), by=by)
    with database.read() as session:
        account = session.get(Experiment, experiment_id)
    assert (account.core_seconds, account.gpu_seconds) == (0, len(claim.runs))


def test_many_workers_that_measure_at_once_never_deadlock(database):
    def measure(number):
        order = [4, 64, 1024] if number % 2 else [1024, 64, 4]
        runs = [(configuration(width), 1000, 0.01) for width in order]
        for _ in range(20):
            with database.write() as session:
                fleet.learn(session, CORE, runs)

    with ThreadPoolExecutor() as pool:
        list(pool.map(measure, range(4)))
    with database.read() as session:
        assert [row.width_class for row in session.scalars(select(Speed).order_by(Speed.width_class))] == [
            2,
            6,
            10,
        ]


def test_runs_that_took_no_time_teach_nothing(database):
    with database.write() as session:
        fleet.learn(session, CORE, [(configuration(4), 0, 0.0), (configuration(8), 100, 0.0)])
    with database.read() as session:
        assert session.scalars(select(Speed)).all() == []


def test_runs_with_importances_teach_nothing(database):
    """Their time depends on the columns of the table, which a configuration does not tell."""
    task = TabularTask(dataset="0" * 64, rows=1000, features=300, classes=2, split=0, protocol=Protocol())
    model = EstimatorModel(kind="forest", hyperparameters={})
    core = Kind("estimators", "cpu", "a processor", 2)
    for importance, taught in ((True, 0), (False, 1)):
        item = TabularConfiguration(target=task, samples=700, model=model, importance=importance)
        with database.write() as session:
            fleet.learn(session, core, [(item, 0, 3.0)])
        with database.read() as session:
            assert len(session.scalars(select(Speed)).all()) == taught
