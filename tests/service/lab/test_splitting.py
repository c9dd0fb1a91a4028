"""A claim takes the front of a shard that is far too long for its worker, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from service.lab import answers, cost, fleet
from service.lab.fleet import Kind
from service.store import configurations
from service.store.models import Configuration, Experiment, Shard


@pytest.fixture
def slow(database, hire):
    """Return the id of a worker that is known to be a hundred times slower than assumed."""
    worker_id = hire(lanes=2)
    with database.write() as session:
        speed = cost.assumed_speed("native", "cpu")
        item = next(iter(configurations.load(session, session.scalars(select(Configuration.id))).values()))
        seconds = 100 * cost.run_seconds(item, 1000, speed)
        for _ in range(100):
            fleet.learn(session, Kind("native", "cpu", "a processor", 2), [(item, 1000, seconds)] * 10)
    return worker_id


@pytest.fixture
def shard_id(spec, submit, hands, lab):
    """Return the first shard of an experiment that was planned before anybody knew how slow it would be."""
    submit(spec)
    return hands.queued()[0]


def test_the_front_is_trained_and_the_rest_queued_and_all_runs_are_trained_once(
    database, shard_id, slow, hands, lab
):
    whole = len(hands.claim(shard_id).runs)
    with database.write() as session:
        session.execute(update(Shard).where(Shard.id == shard_id).values(state="queued", attempts=0))
    before = hands.queued()
    claim = hands.claim(shard_id, worker_id=slow, shard_seconds=lab.shard_seconds)
    (rest,) = set(hands.queued()) - set(before)
    assert 0 < len(claim.runs) < whole
    assert len(claim.runs) % 2 == 0, "both lanes are filled"
    hands.record(claim, list(claim.runs), complete=True)
    others = hands.claim(rest)
    assert len(others.runs) == whole - len(claim.runs)
    assert not set(others.runs) & set(claim.runs)
    hands.record(others, list(others.runs), complete=True)
    hands.train_all()
    with database.read() as session:
        row = session.scalars(select(Experiment)).one()
        assert answers.experiment(session, row).status == "succeeded"
        assert row.runs_trained == row.runs_total == row.runs_done


def test_the_rest_is_pending_for_others_who_want_its_runs(database, shard_id, slow, hands, lab, spec, submit):
    hands.claim(shard_id, worker_id=slow, shard_seconds=lab.shard_seconds)
    second = submit(spec)
    with database.read() as session:
        quote = answers.experiment(session, answers.known(session, second)).quote
        assert quote.runs_pending == spec.run_count
        assert lab.is_waiting(session, second)


def test_a_shard_that_fits_is_left_whole(database, shard_id, slow, hands):
    before = hands.queued()
    claim = hands.claim(shard_id, worker_id=slow, shard_seconds=3600.0)
    assert len(claim.runs) > 2
    assert set(hands.queued()) == set(before) - {shard_id}


def test_a_worker_that_nobody_knows_takes_a_shard_whole(shard_id, hands):
    before = hands.queued()
    hands.claim(shard_id, worker_id="nobody", shard_seconds=1e-6)
    assert set(hands.queued()) == set(before) - {shard_id}
