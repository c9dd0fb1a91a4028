"""Claim, train, record: with a made-up engine on a real database."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta

import pytest
from kombu.connection import Connection
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from service.lab import answers
from service.lab.experiments import Lab
from service.settings import Settings
from service.store import shards
from service.store.database import now
from service.store.models import Experiment, Shard, Speed
from service.store.models import Worker as WorkerRow
from service.store.runs import Slice
from tombola.results import Outcome
from tombola.spec import ExperimentSpec
from worker import heartbeat, recording, training
from worker.engine import Curve, FinishedRun
from worker.hardware import processor
from worker.member import Member
from worker.segments import Segment
from worker.tasks import await_broker
from worker.training import train_shard

SPEC = ExperimentSpec.model_validate(
    {
        "name": "made up",
        "target": {"kind": "parity", "n": 10, "k": 2},
        "grid": {"width": [4], "samples": [50]},
        "training": {"max_steps": 1000},
        "seeds": {"count": 6},
    }
)


class MadeUpEngine:
    """Ends every run at once, and does in the middle what a test asks of it."""

    name, device, versions = "made-up", "cpu", {}

    def __init__(self, in_the_middle=lambda: None):
        self.in_the_middle = in_the_middle
        self.trained = []

    def train(self, runs, on_finished, should_stop, _on_checkpoint=None):
        for number, run in enumerate(runs):
            if number == len(runs) // 2:
                self.in_the_middle()
            if should_stop(number / len(runs)):
                return False
            self.trained.append(run)
            on_finished(FinishedRun(run, Outcome.SUCCESS, 500, 0.0, 0.05, Curve([500], [0.0], [0.05]), 0.1))
        return True


@pytest.fixture
def database_url(migrated_sqlite_url):
    return migrated_sqlite_url


@pytest.fixture
def member(sqlite_url, database, monkeypatch):  # the database is there first
    member = Member(Settings(database_url=sqlite_url, heartbeat_seconds=0.05, device="cpu"))
    monkeypatch.setattr(recording, "_FLUSH_SECONDS", 0.0)
    yield member
    member.close()


@pytest.fixture
def shard_id(database):
    with database.write() as session:
        Lab().submit(session, SPEC)
        return session.scalars(select(Shard.id)).one()


def shard(database):
    with database.read() as session:
        return session.scalars(select(Shard)).one()


def experiment(database):
    with database.read() as session:
        return answers.experiment(session, answers.known(session, shard(database).experiment_id))


def test_a_shard_is_trained_recorded_and_done(database, member, shard_id):
    member.engine = MadeUpEngine()
    train_shard(member, shard_id)
    assert shard(database).state == "done"
    assert experiment(database).status == "succeeded"
    with database.read() as session:
        run = answers.run_page(session, shard(database).experiment_id, Slice(1, None, {}))[0]
    assert run.versions["torch"]
    assert run.flops > 0


def test_training_teaches_how_fast_the_machine_is(database, member, shard_id):
    member.engine = MadeUpEngine()
    train_shard(member, shard_id)
    with database.read() as session:
        (row,) = session.scalars(select(Speed))
        account = session.scalars(select(Experiment)).one()
    assert (row.engine, row.device_name) == (member.trained_by.engine, processor())
    # A tenth of a second of the worker for each of six runs, thus of all its cores.
    assert account.core_seconds == pytest.approx(6 * 0.1 * member.trained_by.lanes)


def test_of_a_shard_far_too_long_a_worker_takes_the_front(database, member, shard_id, monkeypatch):
    member.settings = member.settings.model_copy(update={"shard_seconds": 1e-6})
    monkeypatch.setattr(training, "Segment", lambda _: Segment(60))  # the front is not cut besides
    with database.write() as session:
        session.execute(update(WorkerRow).values(lanes=2))
    member.engine = MadeUpEngine()
    train_shard(member, shard_id)
    with database.read() as session:
        states = session.scalars(select(Shard.state).order_by(Shard.id)).all()
    assert states == ["done", "queued"]
    assert len(member.engine.trained) == 2


def test_a_second_delivery_trains_nothing(database, member, shard_id):
    member.engine = MadeUpEngine()
    train_shard(member, shard_id)
    train_shard(member, shard_id)
    assert len(member.engine.trained) == SPEC.run_count


def test_an_error_of_the_engine_keeps_the_finished_runs_and_is_tried_three_times(database, member, shard_id):
    def break_down():
        raise RuntimeError("the device fell off the bus")

    member.engine = MadeUpEngine(break_down)
    for _ in range(3):
        assert shard(database).state == "queued"
        train_shard(member, shard_id)
    assert shard(database).state == "failed"
    found = experiment(database)
    assert found.status == "failed"
    assert "RuntimeError: the device fell off the bus" in found.reason
    assert 3 <= found.progress.runs_done < SPEC.run_count


def test_a_worker_asked_to_stop_gives_the_shard_back_with_its_finished_runs(database, member, shard_id):
    member.engine = MadeUpEngine(member.stop_soon)
    train_shard(member, shard_id)
    assert shard(database).state == "queued"
    assert shard(database).attempts == 0
    assert experiment(database).progress.runs_done == 3


def test_a_cancelled_shard_stops_and_keeps_its_finished_runs(database, member, shard_id):
    lost = threading.Event()

    def cancel():
        with database.write() as session:
            Lab().cancel(session, shard(database).experiment_id)
        hold = member.heartbeat._hold
        assert hold.lost.wait(5), "the heartbeat notices"
        lost.set()

    member.engine = MadeUpEngine(cancel)
    train_shard(member, shard_id)
    assert lost.is_set()
    assert shard(database).state == "dropped"
    assert experiment(database).status == "cancelled"
    assert experiment(database).progress.runs_done == 3


def test_a_database_that_is_away_for_a_moment_loses_no_run(database, member, shard_id, monkeypatch):
    record, failures = training.shards.record, []

    def unreliable(*args, **options):
        if len(failures) < 2:
            failures.append(1)
            raise OperationalError("insert", {}, ConnectionError("the server went away"))
        return record(*args, **options)

    monkeypatch.setattr(training.shards, "record", unreliable)
    member.engine = MadeUpEngine()
    train_shard(member, shard_id)
    assert failures
    assert experiment(database).status == "succeeded"


def test_an_idle_worker_that_hears_of_no_shard_starts_anew(database, member, shard_id, monkeypatch):
    signals = []
    monkeypatch.setattr(heartbeat.os, "kill", lambda *arguments: signals.append(arguments))
    monkeypatch.setattr(heartbeat, "_DEAF_AFTER", timedelta(seconds=1))
    beat = member.heartbeat

    def ring(seconds_ago):
        with database.write() as session:
            shards.mark_rung(session, [shard_id], now() - timedelta(seconds=seconds_ago))

    beat._idle_since = now() - timedelta(seconds=10)
    ring(0)
    beat._beat(None)
    assert not beat.deaf.is_set(), "the message may be under way"
    ring(20)
    beat._beat(None)
    assert not beat.deaf.is_set(), "the worker was busy then"
    ring(5)
    beat._beat(None)
    assert beat.deaf.is_set()
    assert (os.getpid(), signal.SIGTERM) in signals


def test_a_message_is_acknowledged_when_the_broker_answers_and_not_before(broker_url):
    stopping = threading.Event()
    await_broker(lambda: Connection(broker_url), stopping)
    waiting = threading.Thread(
        target=await_broker, args=(lambda: Connection("redis://127.0.0.1:1/0"), stopping)
    )
    waiting.start()
    waiting.join(timeout=1)
    assert waiting.is_alive()
    stopping.set()
    waiting.join(timeout=30)
    assert not waiting.is_alive()


def test_a_worker_registers_beats_and_says_goodbye(database, member):
    with database.read() as session:
        (worker,) = answers.fleet(session)
    assert worker.alive
    assert worker.device_name == processor() != "unknown"
    assert (worker.detail, worker.lanes) == (member.engine.detail, member.engine.lanes)
    member.close()
    with database.read() as session:
        assert session.scalars(select(WorkerRow)).one().stopped_at is not None
        assert [worker.alive for worker in answers.fleet(session)] == [False]
