"""The sweeper and the doorbell, with a real Valkey, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import timedelta

import pytest
import redis
from sqlalchemy import select, update

from service.doorbell import Doorbell, DoorbellError, ring_new
from service.lab import answers, shards
from service.lab.datasets import importing
from service.settings import Settings
from service.store.database import now
from service.store.models import DatasetImport, Shard
from service.sweeper import sweep
from tombola.results import BundledImport
from tombola.spec import BoundarySeeds


@pytest.fixture
def doorbell(broker_url):
    doorbell = Doorbell(Settings(broker_url=broker_url))
    yield doorbell
    doorbell.close()


@pytest.fixture
def messages(broker_url):
    """Return a function giving the shard ids of the waiting messages, in the order they will be taken."""

    def read():
        return [key for _, key in reversed(sent(broker_url, "tombola"))]

    return read


def age_rings(database):
    with database.write() as session:
        session.execute(update(Shard).values(rung_at=now() - timedelta(minutes=1)))


def test_new_shards_are_rung_for_once(database, lab, spec, submit, hands, doorbell, messages):
    submit(spec)
    sweep(database, doorbell, lab)
    assert messages() == hands.queued()
    sweep(database, doorbell, lab)
    assert messages() == hands.queued()


def test_rounds_that_nobody_decided_are_decided_and_rung_for(
    database, lab, spec, submit, hands, doorbell, messages
):
    experiment_id = submit(spec.model_copy(update={"seeds": BoundarySeeds(max=20)}))
    sweep(database, doorbell, lab)
    known = messages()
    hands.train_all()  # by workers that are killed before they decide
    with database.read() as session:
        assert not lab.is_waiting(session, experiment_id)
    sweep(database, doorbell, lab)
    assert hands.queued()
    assert messages() == known + hands.queued()
    while hands.queued():
        hands.train_all()
        sweep(database, doorbell, lab)
    with database.read() as session:
        done = answers.experiment(session, answers.known(session, experiment_id))
    assert (done.status, done.adaptive.cells_open) == ("succeeded", 0)


def test_a_message_carries_the_task_and_the_id_and_nothing_else(database, spec, submit, doorbell, broker_url):
    submit(spec)
    ring_new(database, doorbell)
    with redis.Redis.from_url(broker_url) as connection:
        message = json.loads(connection.lrange("tombola", 0, 0)[0])
    arguments, options, _ = json.loads(b64decode(message["body"]))
    assert message["headers"]["task"] == "tombola.train_shard"
    assert len(arguments) == 1
    assert isinstance(arguments[0], int)
    assert options == {}


def test_messages_that_were_lost_are_sent_again(
    database, lab, spec, submit, hands, doorbell, messages, broker_url
):
    submit(spec)
    sweep(database, doorbell, lab)
    with redis.Redis.from_url(broker_url) as connection:
        connection.flushall()
    sweep(database, doorbell, lab)
    assert messages() == [], "they may be in workers' hands still"
    age_rings(database)
    sweep(database, doorbell, lab)
    assert sorted(messages()) == hands.queued()


def test_messages_that_wait_are_not_sent_again_however_long(
    database, lab, spec, submit, hands, doorbell, messages
):
    submit(spec)
    sweep(database, doorbell, lab)
    age_rings(database)
    sweep(database, doorbell, lab)
    assert messages() == hands.queued()


def test_a_broker_that_is_away_fails_nothing_and_is_rung_when_it_is_back(
    database, lab, spec, submit, hands, doorbell, messages
):
    away = Doorbell(Settings(broker_url="redis://127.0.0.1:1/0"))
    experiment_id = submit(spec)
    sweep(database, away, lab)
    with pytest.raises(DoorbellError, match="cannot be reached"):
        away.ring([1])
    sweep(database, doorbell, lab)
    assert messages() == hands.queued()
    with database.read() as session:
        assert answers.known(session, experiment_id).status == "queued"


def test_an_expired_lease_is_taken_back_and_rung_for(database, lab, spec, submit, hands, doorbell, messages):
    submit(spec)
    shard_id = hands.queued()[0]
    claim = hands.claim(shard_id)
    with database.write() as session:
        session.execute(
            update(Shard).where(Shard.id == shard_id).values(lease_expires_at=now() - timedelta(seconds=1))
        )
    sweep(database, doorbell, lab)
    assert shard_id in messages()
    with database.write() as session:
        assert not shards.renew(session, claim, fraction=0.1, lease_seconds=30)


def test_an_experiment_left_without_shards_is_planned_again(database, lab, spec, submit, hands, doorbell):
    experiment_id = submit(spec)
    with database.write() as session:
        session.execute(update(Shard).values(state="dropped"))
    sweep(database, doorbell, lab)
    hands.train_all()
    with database.read() as session:
        assert answers.known(session, experiment_id).status == "succeeded"
        assert session.scalars(select(Shard.state).where(Shard.state == "queued")).all() == []


def sent(broker_url, queue):
    """Return task and argument of the messages that wait in a queue."""
    with redis.Redis.from_url(broker_url) as connection:
        found = [json.loads(item) for item in connection.lrange(queue, 0, -1)]
    return [(item["headers"]["task"], json.loads(b64decode(item["body"]))[0][0]) for item in found]


def import_messages(broker_url):
    found = sent(broker_url, "tombola-cpu")
    assert {task for task, _ in found} <= {"tombola.import_datasets"}
    return [key for _, key in found]


def test_imports_are_rung_for_again_when_messages_or_workers_are_lost(database, lab, doorbell, broker_url):
    with database.write() as session:
        begun = importing.submit(session, BundledImport(source="sklearn", name="iris")).id
    for _ in range(2):
        sweep(database, doorbell, lab)
        assert import_messages(broker_url) == [begun]
    with redis.Redis.from_url(broker_url) as connection:
        connection.flushall()
    with database.write() as session:
        session.execute(update(DatasetImport).values(rung_at=now() - timedelta(minutes=1)))
    sweep(database, doorbell, lab)
    assert import_messages(broker_url) == [begun]
    with redis.Redis.from_url(broker_url) as connection:
        connection.flushall()
    with database.write() as session:
        assert importing.claim(session, begun) is not None  # by a worker that is killed
        session.execute(update(DatasetImport).values(lease_until=now() - timedelta(minutes=1)))
    sweep(database, doorbell, lab)
    assert import_messages(broker_url) == [begun]
    with database.read() as session:
        assert importing.answer(session, begun).status == "queued"


def test_each_queue_is_rung_for_its_kinds_and_its_lost_messages_are_found(
    database, lab, submit, tabular_spec, doorbell, broker_url
):
    submit(tabular_spec)
    sweep(database, doorbell, lab)
    with database.read() as session:
        rows = session.scalars(select(Shard)).all()
    kinds = {"tombola": "networks", "tombola-cpu": "estimators"}
    expected = {queue: sorted(row.id for row in rows if row.kind == kind) for queue, kind in kinds.items()}
    assert all(expected.values())
    assert {queue: sorted(key for _, key in sent(broker_url, queue)) for queue in expected} == expected
    with redis.Redis.from_url(broker_url) as connection:
        connection.delete("tombola-cpu")
        connection.rpush("tombola", *connection.lrange("tombola", 0, -1) * 20)  # which hides nothing
    with database.write() as session:
        session.execute(update(Shard).values(rung_at=now() - timedelta(minutes=1)))
    sweep(database, doorbell, lab)
    assert sorted(key for _, key in sent(broker_url, "tombola-cpu")) == expected["tombola-cpu"]
