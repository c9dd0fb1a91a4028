"""The shard contract, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import select, update

from service.lab import shards
from service.store.database import now
from service.store.models import Shard


def expire(database, shard_id):
    with database.write() as session:
        session.execute(
            update(Shard).where(Shard.id == shard_id).values(lease_expires_at=now() - timedelta(seconds=1))
        )


def take_back(database):
    with database.write() as session:
        return shards.take_back_expired(session)


def state(database, shard_id):
    with database.read() as session:
        return session.scalars(select(Shard).where(Shard.id == shard_id)).one()


def test_of_many_claims_at_once_exactly_one_gets_the_shard(spec, submit, hands):
    submit(spec)
    shard_id = hands.queued()[0]
    barrier = threading.Barrier(6)
    claims = []

    def claim():
        barrier.wait()
        claims.append(hands.claim(shard_id))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claims) == 6
    assert sum(claim is not None for claim in claims) == 1


def test_a_claim_hands_out_only_runs_that_do_not_exist(spec, submit, hands):
    submit(spec)
    shard_id = hands.queued()[0]
    claim = hands.claim(shard_id)
    done = list(claim.runs)[:2]
    hands.record(claim, done)
    with hands.database.write() as session:
        shards.give_back(session, claim)
    again = hands.claim(shard_id)
    assert set(again.runs) == set(claim.runs) - set(done)


def test_a_finished_shard_cannot_be_claimed(spec, submit, hands):
    submit(spec)
    shard_id = hands.queued()[0]
    hands.train(shard_id)
    assert hands.claim(shard_id) is None


def test_a_lease_that_is_renewed_is_not_taken_back(database, spec, submit, hands):
    submit(spec)
    claim = hands.claim(hands.queued()[0])
    expire(database, claim.shard_id)
    with database.write() as session:
        assert shards.renew(session, claim, fraction=0.25, lease_seconds=30)
    assert take_back(database) is None
    assert state(database, claim.shard_id).fraction == 0.25


def test_an_expired_lease_is_taken_back_and_its_holder_loses_it(database, spec, submit, hands):
    submit(spec)
    claim = hands.claim(hands.queued()[0])
    expire(database, claim.shard_id)
    assert take_back(database) == claim.shard_id
    assert take_back(database) is None
    assert state(database, claim.shard_id).state == "queued"
    assert state(database, claim.shard_id).rung_at is None
    with database.write() as session:
        assert not shards.renew(session, claim, fraction=0.5, lease_seconds=30)


def test_runs_of_a_holder_that_lost_its_lease_are_kept_and_do_not_complete_anothers_shard(
    database, spec, submit, hands
):
    submit(spec)
    slow = hands.claim(hands.queued()[0])
    expire(database, slow.shard_id)
    take_back(database)
    quick = hands.claim(slow.shard_id)
    assert hands.record(slow, list(slow.runs)[:1], complete=True) == 1
    assert state(database, slow.shard_id).state == "leased"
    assert hands.record(quick, list(quick.runs), complete=True) == len(quick.runs) - 1
    assert state(database, slow.shard_id).state == "done"


def test_a_shard_whose_workers_fall_silent_three_times_fails(database, spec, submit, hands):
    submit(spec)
    shard_id = hands.queued()[0]
    for _ in range(3):
        assert hands.claim(shard_id) is not None
        expire(database, shard_id)
        assert take_back(database) == shard_id
    failed = state(database, shard_id)
    assert failed.state == "failed"
    assert "fell silent" in failed.reason
    assert hands.claim(shard_id) is None


def test_giving_back_is_no_attempt(database, spec, submit, hands):
    submit(spec)
    shard_id = hands.queued()[0]
    for _ in range(5):
        claim = hands.claim(shard_id)
        with database.write() as session:
            assert shards.give_back(session, claim)
    assert state(database, shard_id).attempts == 0
    assert state(database, shard_id).state == "queued"
