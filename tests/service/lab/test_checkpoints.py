"""Long runs in segments: checkpoints beside shards, experiments and progress, on both databases."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from service.lab import answers, checkpoints, shards
from service.lab.checkpoints import RunState
from service.lab.shards import TrainedBy
from service.store import workers
from service.store.database import clock, now
from service.store.models import Checkpoint, CheckpointPart, Experiment, Shard, Worker
from service.sweeper import forget_checkpoints

BY = TrainedBy("made-up", "cpu", {"python": "3", "torch": "2.8.0"})
STEPS = 40_000


@pytest.fixture
def long(spec):
    """Two runs of one cell, of equal length."""
    return spec.model_copy(
        update={
            "grid": spec.grid.model_copy(update={"width": [4], "samples": [50], "sparsity": [2]}),
            "seeds": spec.seeds.model_copy(update={"count": 2}),
        }
    )


def state_of(run, steps):
    return RunState(
        configuration_id=run[0],
        seed=run[1],
        steps=steps,
        parameters=bytes(range(256)) * 10,
        curve={"steps": [500, 1000], "train_error": [0.1, None], "test_error": [1 / 3, 0.1 + 0.2]},
        wall_seconds=1 / 7,
    )


@pytest.fixture
def save(database):
    def save(*states, by=BY):
        with database.write() as session:
            return checkpoints.save(session, states, by.trainer)

    return save


@pytest.fixture
def load(database):
    def load(run, by=BY):
        with database.write() as session:
            return checkpoints.load(session, *run, by.trainer)

    return load


@pytest.fixture
def give_back(database):
    def give_back(claim, **options):
        with database.write() as session:
            return shards.give_back(session, claim, **options)

    return give_back


def renew(database, claim, fraction):
    with database.write() as session:
        assert shards.renew(session, claim, fraction=fraction, lease_seconds=30)


def look(database, experiment_id):
    with database.read() as session:
        return answers.experiment(session, answers.known(session, experiment_id))


def fraction(database, experiment_id):
    return look(database, experiment_id).progress.fraction


def count(database, model=Checkpoint):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def claim_all(hands, **options):
    """Claim the experiment's one shard."""
    (shard_id,) = hands.queued()
    return hands.claim(shard_id, **options)


def test_a_state_comes_back_bit_for_bit(long, submit, hands, save, load):
    submit(long)
    run = claim_all(hands).runs[0]
    assert save(state_of(run, 1200)) == 1
    assert load(run) == state_of(run, 1200)


@pytest.mark.parametrize(
    "damage",
    [
        update(CheckpointPart).values(data=b"\0" * 2560),
        update(CheckpointPart).values(data=b"short"),
        delete(CheckpointPart),
        update(Checkpoint).values(steps=1300),
        update(Checkpoint).values(curve={"steps": [], "train_error": [], "test_error": []}),
    ],
    ids=["bytes", "size", "no parts", "steps", "curve"],
)
def test_a_damaged_checkpoint_is_dropped_with_a_word(
    database, long, submit, hands, save, load, damage, caplog
):
    submit(long)
    run = claim_all(hands).runs[0]
    save(state_of(run, 1200))
    with database.write() as session:
        session.execute(damage)
    with caplog.at_level(logging.ERROR):
        assert load(run) is None
    assert "damaged" in caplog.text
    assert "starts anew" in caplog.text
    assert count(database) == count(database, CheckpointPart) == 0
    assert save(state_of(run, 100)) == 1, "the run can be saved again"


def test_the_next_claim_says_which_runs_have_begun_for_this_kind_of_worker(
    long, submit, hands, save, give_back
):
    submit(long)
    first = claim_all(hands, by=BY)
    assert not first.begun
    save(state_of(first.runs[0], 1200))
    give_back(first, progressed=True)
    again = claim_all(hands, by=BY)
    assert set(again.runs) == set(first.runs)
    assert again.begun == {first.runs[0]}
    for by in (
        TrainedBy("other", "cpu", BY.versions),
        TrainedBy("made-up", "cuda:1", BY.versions),
        TrainedBy("made-up", "cpu", {"torch": "2.9.0"}),
    ):
        give_back(again)
        again = claim_all(hands, by=by)
        assert again.begun == set()


def test_devices_of_a_kind_and_versions_of_python_share_checkpoints():
    assert TrainedBy("torch", "cuda:0", {"python": "3.11", "torch": "2"}).trainer == (
        TrainedBy("torch", "cuda:3", {"torch": "2", "python": "3.13"}).trainer
    )


def test_recording_a_run_deletes_its_checkpoints_whoever_trained_it(database, long, submit, hands, save):
    submit(long)
    claim = claim_all(hands)
    one, other = claim.runs
    save(state_of(one, 1200), state_of(other, 1200))
    save(state_of(one, 900), by=TrainedBy("other", "cuda:0", {}))
    hands.record(claim, [one])
    assert count(database) == 1
    hands.record(claim, [other], complete=True)
    assert count(database) == count(database, CheckpointPart) == 0


def test_progress_counts_what_checkpoints_hold_and_never_falls_back(
    database, long, submit, hands, save, give_back
):
    experiment_id = submit(long)
    claim = claim_all(hands)
    one, other = claim.runs
    renew(database, claim, 0.25)
    assert fraction(database, experiment_id) == pytest.approx(0.25)
    with database.write() as session:  # as a worker does: both in one transaction
        checkpoints.save(session, [state_of(one, STEPS // 4), state_of(other, STEPS // 4)], BY.trainer)
        shards.give_back(session, claim, progressed=True)
    assert fraction(database, experiment_id) == pytest.approx(0.25)
    claim = claim_all(hands, by=BY)
    assert fraction(database, experiment_id) == pytest.approx(0.25)
    renew(database, claim, 0.25)  # engines count the steps before, too
    assert fraction(database, experiment_id) == pytest.approx(0.25)
    renew(database, claim, 0.75)
    assert fraction(database, experiment_id) == pytest.approx(0.75)
    hands.record(claim, [one])
    renew(database, claim, 0.875)  # one run done, three quarters of the other
    assert fraction(database, experiment_id) == pytest.approx(0.875)


def test_steps_that_only_catch_up_with_another_engines_checkpoint_are_no_progress(
    database, long, submit, hands, save, give_back
):
    experiment_id = submit(long)
    claim = claim_all(hands)
    save(*(state_of(run, STEPS // 2) for run in claim.runs))
    give_back(claim, progressed=True)
    claim = claim_all(hands, by=TrainedBy("other", "cpu", {}))
    for done, shown in [(0.1, 0.5), (0.5, 0.5), (0.6, 0.6)]:
        renew(database, claim, done)
        assert fraction(database, experiment_id) == pytest.approx(shown)
    hands.record(claim, [claim.runs[0]])
    renew(database, claim, 0.8)  # one run done, 0.6 of the other
    assert fraction(database, experiment_id) == pytest.approx(0.8)


def test_the_eta_is_reckoned_from_what_was_held_when_the_clock_started(
    database, long, submit, hands, save, give_back
):
    experiment_id = submit(long)
    claim = claim_all(hands)
    save(*(state_of(run, STEPS // 2) for run in claim.runs))
    give_back(claim, progressed=True)
    claim = claim_all(hands, by=BY)
    with database.write() as session:
        session.execute(update(Experiment).values(timed_from=now() - timedelta(seconds=100)))
    renew(database, claim, 0.75)
    eta = look(database, experiment_id).progress.eta_seconds
    assert eta == pytest.approx(100, rel=0.1), "a quarter in 100 s, and a quarter is left"


def test_two_experiments_share_the_long_run_and_both_see_how_far_it_is(
    database, lab, long, submit, hands, save, give_back
):
    first, second = submit(long), submit(long)
    claim = claim_all(hands)
    save(*(state_of(run, STEPS // 2) for run in claim.runs))
    give_back(claim, progressed=True)
    assert fraction(database, first) == fraction(database, second) == pytest.approx(0.5)
    with database.write() as session:
        lab.cancel(session, first)
        lab.delete(session, first)
    forget_checkpoints(database)
    assert fraction(database, second) == pytest.approx(0.5)
    again = claim_all(hands, by=BY)
    assert again.shard_id != claim.shard_id
    assert again.begun == set(claim.runs), "the second experiment's shard goes on where the first's was"
    hands.record(again, list(again.runs), complete=True)
    assert look(database, second).status == "succeeded"
    assert count(database) == 0


def test_a_paused_experiment_keeps_its_checkpoints_and_its_progress(database, lab, long, submit, hands, save):
    experiment_id = submit(long)
    claim = claim_all(hands)
    with database.write() as session:
        lab.pause(session, experiment_id)
    save(*(state_of(run, STEPS // 2) for run in claim.runs))  # the worker notices after the pause
    with database.write() as session:
        session.execute(update(Checkpoint).values(saved_at=now() - timedelta(days=400)))
    forget_checkpoints(database)
    assert fraction(database, experiment_id) == pytest.approx(0.5)
    with database.write() as session:
        lab.resume(session, experiment_id)
    assert claim_all(hands, by=BY).begun == set(claim.runs)


def test_checkpoints_of_a_cancelled_experiment_wait_a_day_for_a_retry(
    database, lab, long, submit, hands, save
):
    experiment_id = submit(long)
    claim = claim_all(hands)
    save(state_of(claim.runs[0], STEPS // 2))
    with database.write() as session:
        lab.cancel(session, experiment_id)
    forget_checkpoints(database)
    assert count(database) == 1
    with database.write() as session:
        session.execute(update(Checkpoint).values(saved_at=now() - timedelta(hours=25)))
    forget_checkpoints(database)
    assert count(database) == count(database, CheckpointPart) == 0


def test_checkpoints_that_no_experiment_could_want_go_at_once(database, lab, long, submit, hands, save):
    experiment_id = submit(long)
    claim = claim_all(hands)
    one, other = claim.runs
    hands.record(claim, [one])
    save(state_of(one, 900), state_of(other, 900))  # a worker that lost its lease long ago
    forget_checkpoints(database)
    assert count(database) == 1, "a run that exists needs none"
    with database.write() as session:
        lab.cancel(session, experiment_id)
        lab.delete(session, experiment_id)
    forget_checkpoints(database)
    assert count(database) == 0


def test_checkpoints_that_somebody_wants_again_while_they_are_swept_stay(
    database, lab, long, submit, hands, save, monkeypatch
):
    experiment_id = submit(long)
    claim = claim_all(hands)
    save(state_of(claim.runs[0], STEPS // 2))
    with database.write() as session:
        lab.cancel(session, experiment_id)
        session.execute(update(Checkpoint).values(saved_at=now() - timedelta(hours=25)))
    read = database.read

    @contextmanager
    def read_and_then_submit():
        with read() as session:
            yield session
        submit(long)

    monkeypatch.setattr(database, "read", read_and_then_submit)
    forget_checkpoints(database)
    monkeypatch.undo()
    assert count(database) == 1


def test_a_shard_is_left_to_live_workers_who_have_begun_it(database, long, submit, hands, save, give_back):
    submit(long)
    claim = claim_all(hands)
    others = TrainedBy("other", "cpu", {"torch": "2.8.0"})

    def left(by, queue="tombola"):
        with database.read() as session:
            return checkpoints.left_to_others(session, claim.shard_id, by.trainer, queue=queue)

    def change(**values):
        with database.write() as session:
            session.execute(update(Worker).values(**values))

    with database.write() as session:
        at = clock(session)
        row = {"id": "w", "hostname": "h", "pid": 1, "queue": "tombola", "started_at": at, "seen_at": at}
        versions = dict(BY.versions)
        workers.add(session, Worker(**row, engine=BY.engine, device=BY.device, versions=versions))
    save(state_of(claim.runs[0], 1200))
    assert not left(others), "it is in training: the message has come twice"
    give_back(claim, progressed=True)
    assert not left(BY)
    assert left(others)
    assert not left(others, queue="elsewhere"), "they would never hear of it"
    change(seen_at=now() - timedelta(minutes=5))
    assert not left(others), "they are gone"
    change(seen_at=now())
    assert left(others)
    with database.write() as session:
        session.execute(update(Checkpoint).values(saved_at=now() - timedelta(minutes=11)))
    assert not left(others), "they do not come"


def test_a_shard_that_gets_further_has_all_its_attempts_again(database, long, submit, hands, save, give_back):
    submit(long)
    for number in range(5):
        claim = claim_all(hands)
        with database.write() as session:
            shards.fail(session, claim, "the worker broke down")
        claim = claim_all(hands)
        assert save(state_of(claim.runs[0], 1000 + number)) == 1
        give_back(claim, progressed=True)
        with database.read() as session:
            shard = session.scalars(select(Shard)).one()
        assert (shard.state, shard.attempts) == ("queued", 0)
