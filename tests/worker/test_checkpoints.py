"""Long runs in segments, with the real engine on a real database: cut or not, the same numbers."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from sqlalchemy import func, select, update

import worker.checkpoints
from service.lab import answers, checkpoints, fleet
from service.lab.checkpoints import RunState
from service.lab.experiments import Lab
from service.settings import Settings
from service.store import checkpoints as checkpoint_rows
from service.store.models import Checkpoint, CheckpointPart, Configuration, Curve, Run, Shard, Speed
from tombola.spec import ExperimentSpec
from worker import engine, training
from worker.engine import _handing
from worker.member import Member
from worker.segments import Segment
from worker.training import train_shard

#: Some runs succeed on the way, others go to the end of their budget: about a second on one core.
SPEC = ExperimentSpec.model_validate(
    {
        "name": "long",
        "target": {"kind": "parity", "n": 20, "k": 3},
        "grid": {"width": [48], "samples": [30, None], "sparsity": [2]},
        "training": {"max_steps": 15_000, "eval_every": 500, "test_samples": 256},
        "seeds": {"count": 2},
    }
)


@pytest.fixture(scope="module")
def uncut():
    """What the engine makes of each run when nothing cuts it, by (configuration hash, seed)."""
    runs = [engine.Run(cell, seed) for cell in SPEC.configurations() for seed in range(SPEC.seeds.count)]
    finished = []
    assert engine.select_engine("torch", "cpu").train(runs, finished.append, lambda _: False)
    assert any(item.steps == SPEC.training.max_steps for item in finished)
    return {
        (item.run.configuration.hash(), item.run.seed): (
            item.outcome,
            item.steps,
            item.train_error,
            item.test_error,
            dataclasses.asdict(item.curve),
        )
        for item in finished
    }


@pytest.fixture
def database_url(migrated_sqlite_url):
    return migrated_sqlite_url


@pytest.fixture
def new_member(sqlite_url, database, monkeypatch):  # the database is there first
    monkeypatch.setattr(_handing, "_ASK_SECONDS", 0.05)
    members = []

    def make(*, shard_seconds=1e-3):
        settings = Settings(
            database_url=sqlite_url,
            broker_url="redis://127.0.0.1:1/0",  # nobody rings here
            heartbeat_seconds=0.05,
            shard_seconds=shard_seconds,
            engine="torch",
            device="cpu",
        )
        members.append(Member(settings))
        return members[-1]

    yield make
    for member in members:
        member.close()


@pytest.fixture
def experiment(database):
    with database.write() as session:
        experiment_id = Lab().submit(session, SPEC)[0].id

    def experiment():
        with database.read() as session:
            return answers.experiment(session, answers.known(session, experiment_id))

    return experiment


def queued(database):
    with database.read() as session:
        return session.scalars(select(Shard).where(Shard.state == "queued").order_by(Shard.id)).all()


def train_next(database, member):
    """Train the oldest queued shard, or a segment of it."""
    train_shard(member, queued(database)[0].id)


def count(database, model=Checkpoint):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def held_steps(database):
    with database.read() as session:
        return {
            (row.configuration_id, row.seed): (row.steps, row.wall_seconds)
            for row in session.scalars(select(Checkpoint))
        }


def stored(database):
    """Return what is stored of each run, by (configuration hash, seed)."""
    with database.read() as session:
        rows = session.execute(
            select(Configuration.hash, Run, Curve)
            .join(Run, Run.configuration_id == Configuration.id)
            .join(Curve, Curve.run_id == Run.id)
        )
        return {
            (key, run.seed): (run.outcome, run.steps, run.train_error, run.test_error, curve.document)
            for key, run, curve in rows
        }


def train(database, *members):
    """Train all shards to their ends, each segment with the next worker; return the number of segments."""
    for number, member in zip(range(300), itertools.cycle(members), strict=False):
        if not queued(database):
            return number
        train_next(database, member)
    raise AssertionError("the shards do not end")


def cut_once(database, member):
    train_next(database, member)
    assert queued(database), "the runs are long enough to be cut"
    assert count(database) > 0


def test_runs_cut_into_segments_and_handed_from_worker_to_worker_end_as_uncut_ones(
    database, new_member, experiment, uncut
):
    one, other = new_member(), new_member()
    held, shown = [], []
    for member in itertools.cycle([one, other]):
        train_next(database, member)
        if not queued(database):
            break
        held.append(held_steps(database))
        shown.append(experiment().progress.fraction)
        assert {shard.attempts for shard in queued(database)} == {0}
    assert len(held) >= 2, "cut, and cut again"
    assert stored(database) == uncut
    assert experiment().status == "succeeded"
    assert shown == sorted(shown), "progress never falls back"
    assert shown[0] > 0
    for before, after in itertools.pairwise(held):
        for run in before.keys() & after.keys():
            assert before[run] < after[run], "more steps, and more wall seconds"
    with database.read() as session:
        walls = {(run.configuration_id, run.seed): run.wall_seconds for run in session.scalars(select(Run))}
    for states in held:
        for run, (_, wall_seconds) in states.items():
            assert walls[run] > wall_seconds
    assert count(database) == count(database, CheckpointPart) == 0


def test_the_last_segment_of_a_run_teaches_how_fast_this_machine_is(
    database, new_member, experiment, monkeypatch
):
    learnt, learn = [], fleet.learn
    monkeypatch.setattr(
        fleet, "learn", lambda session, kind, trained: (learnt.extend(trained), learn(session, kind, trained))
    )
    member = new_member()
    while queued(database):
        train_next(database, member)
        with database.write() as session:  # other segments were those of a machine that slept for years
            for row in session.scalars(select(Checkpoint)).all():
                state = checkpoints.load(session, row.configuration_id, row.seed, member.trained_by.trainer)
                checkpoint_rows.forget(session, [row.id])
                slept = dataclasses.replace(state, wall_seconds=1e9)
                checkpoints.save(session, [slept], member.trained_by.trainer)
    with database.read() as session:
        steps_and_walls = session.execute(select(Run.steps, Run.wall_seconds)).all()
    cut = [steps for steps, wall_seconds in steps_and_walls if wall_seconds >= 1e9]
    assert cut
    assert len(learnt) == SPEC.run_count
    assert all(0 < seconds < 60 for _, _, seconds in learnt)
    assert sum(steps for _, steps, _ in learnt) < sum(steps for steps, _ in steps_and_walls)
    with database.read() as session:
        assert all(abs(speed.log_factor) < 8 for speed in session.scalars(select(Speed)))


def test_states_that_come_in_several_transactions_are_the_same(
    database, new_member, experiment, uncut, monkeypatch
):
    monkeypatch.setattr(worker.checkpoints, "_FLUSH_BYTES", 1)
    assert train(database, new_member()) > 1
    assert stored(database) == uncut


def test_an_ordinary_shard_makes_no_checkpoint_even_when_it_is_stopped(
    database, new_member, experiment, uncut, monkeypatch
):
    member = new_member(shard_seconds=60)
    cut_after(member, monkeypatch, 0.2)
    train_next(database, member)
    assert queued(database)
    assert count(database) == 0
    assert train(database, new_member(shard_seconds=60)) == 1
    assert stored(database) == uncut


def cut_after(member, monkeypatch, fraction):
    """Have the worker asked to stop, as by a signal, at some fraction of the work."""
    original = member.engine.train

    def stopped(runs, on_finished, should_stop, on_checkpoint):
        def look(done):
            if done >= fraction:
                member.stop_soon()
            return should_stop(done)

        return original(runs, on_finished, look, on_checkpoint)

    monkeypatch.setattr(member.engine, "train", stopped)


def never_cut(monkeypatch):
    monkeypatch.setattr(Segment, "over", property(lambda _: False, lambda *_: None), raising=False)


@pytest.mark.parametrize("room", [True, False], ids=["in time", "too large to be stored in time"])
def test_a_long_run_that_is_stopped_goes_on_where_it_was(
    database, new_member, experiment, uncut, monkeypatch, room
):
    if not room:
        monkeypatch.setattr(worker.checkpoints, "_STOP_BYTES", 0)
    member = new_member(shard_seconds=0.05)
    never_cut(monkeypatch)
    cut_after(member, monkeypatch, 0.2)
    train_next(database, member)
    assert {shard.attempts for shard in queued(database)} == {0}
    assert (count(database) > 0) == room
    train(database, new_member(shard_seconds=60))
    assert stored(database) == uncut


def test_a_paused_long_run_goes_on_where_it_was(database, new_member, experiment, uncut, monkeypatch):
    member = new_member(shard_seconds=0.05)
    never_cut(monkeypatch)
    original = member.engine.train

    def paused(runs, on_finished, should_stop, on_checkpoint):
        def look(done):
            if done >= 0.2 and experiment().status == "running":
                with database.write() as session:
                    Lab().pause(session, experiment().id)
                assert member.heartbeat._hold.lost.wait(5), "the heartbeat notices"
            return should_stop(done)

        return original(runs, on_finished, look, on_checkpoint)

    monkeypatch.setattr(member.engine, "train", paused)
    train_next(database, member)
    assert not queued(database), "its shards are dropped"
    assert count(database) > 0
    before = experiment().progress.fraction
    assert before > 0.1
    with database.write() as session:
        Lab().resume(session, experiment().id)
    assert experiment().progress.fraction == before
    train(database, new_member(shard_seconds=60))
    assert stored(database) == uncut


def test_a_worker_of_another_kind_starts_anew_and_disturbs_nothing(
    database, new_member, experiment, uncut, monkeypatch
):
    ours = new_member()
    versions = {**ours.trained_by.versions, "torch": "99.0"}
    monkeypatch.setattr(worker.member, "software_versions", lambda: versions)
    newer = new_member()
    cut_once(database, ours)
    mine = held_steps(database)
    monkeypatch.setattr(training, "_LEAVE_SECONDS", 0)
    train_next(database, newer)
    assert held_steps(database) == mine, "left to the worker that has begun it, while it lives"
    ours.close()
    cut_once(database, newer)
    with database.read() as session:
        kinds = session.scalars(select(Checkpoint.software).distinct()).all()
    assert len(kinds) == 2
    kept = held_steps_of(database, ours)
    assert kept
    assert kept.items() <= mine.items(), "as they were, but for those of runs that have ended"
    train(database, newer)
    assert stored(database) == uncut
    assert count(database) == 0


def held_steps_of(database, member):
    with database.read() as session:
        rows = session.scalars(
            select(Checkpoint).where(Checkpoint.software == member.trained_by.trainer.software)
        )
        return {(row.configuration_id, row.seed): (row.steps, row.wall_seconds) for row in rows}


def test_a_damaged_state_costs_time_and_no_number(database, new_member, experiment, uncut, caplog):
    member = new_member()
    cut_once(database, member)
    with database.write() as session:
        part = session.scalars(select(CheckpointPart)).first()
        data = bytearray(part.data)
        data[len(data) // 2] ^= 1
        session.execute(
            update(CheckpointPart)
            .where(CheckpointPart.checkpoint_id == part.checkpoint_id)
            .values(data=bytes(data))
        )
    train(database, member)
    assert "is damaged" in caplog.text
    assert stored(database) == uncut


def test_a_state_that_the_engine_refuses_is_dropped_and_the_run_starts_anew(
    database, new_member, experiment, uncut
):
    member = new_member()
    cut_once(database, member)
    (configuration_id, seed), (steps, _) = next(iter(held_steps(database).items()))
    curve = {"steps": [1], "train_error": [0.5], "test_error": [0.5]}
    wrong = RunState(configuration_id, seed, steps + 1, b"of another shape", curve, 1.0)
    with database.write() as session:
        assert checkpoints.save(session, [wrong], member.trained_by.trainer) == 1
    train_next(database, member)
    assert queued(database)[0].attempts == 1
    assert count(database) == 0
    train(database, member)
    assert stored(database) == uncut


def test_states_that_the_engine_refuses_again_and_again_end_after_three_attempts(
    database, new_member, experiment, monkeypatch
):
    member = new_member()
    original = member.engine.train

    def refusing(runs, *functions):
        if any(isinstance(item, engine.Checkpoint) for item in runs):
            raise engine.CheckpointError("not one of mine")
        return original(runs, *functions)

    monkeypatch.setattr(member.engine, "train", refusing)
    assert train(database, member) <= 20
    with database.read() as session:
        failed = session.scalars(select(Shard).where(Shard.state == "failed")).all()
    assert {shard.attempts for shard in failed} == {3}
    assert "not one of mine" in experiment().reason


def test_states_that_are_damaged_again_and_again_end_after_three_attempts(
    database, new_member, experiment, monkeypatch
):
    member = new_member()

    def damage_and_train():
        with database.write() as session:
            session.execute(update(CheckpointPart).values(data=b"damaged"))
        train_next(database, member)

    for _ in range(20):
        if not queued(database):
            break
        damage_and_train()
    assert not queued(database)
    assert experiment().status == "failed"
    assert "no checkpoint of its runs could be read" in experiment().reason


def test_segments_that_bring_nothing_end_after_three_attempts(database, new_member, experiment, monkeypatch):
    member = new_member()
    original = member.engine.train
    monkeypatch.setattr(member.engine, "train", lambda *args: original(*args[:3], lambda _: None))
    train(database, member)
    with database.read() as session:
        failed = session.scalars(select(Shard).where(Shard.state == "failed")).all()
    assert {shard.attempts for shard in failed} == {3}
    assert experiment().status == "failed"
    assert "no run got any further" in experiment().reason
