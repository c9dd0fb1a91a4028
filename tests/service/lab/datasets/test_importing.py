"""Imports in the store, on SQLite and on PostgreSQL: the database is the truth, messages are doorbells."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from service.lab.datasets import importing, storing
from service.lab.datasets.importing import MAX_ATTEMPTS, LostImport
from service.lab.datasets.storing import About
from service.store import datasets
from service.store.database import now
from service.store.models import DatasetImport
from tombola.results import BundledImport, OpenmlImport, OpenmlSuiteImport


@pytest.fixture
def begun(database):
    with database.write() as session:
        return importing.submit(session, OpenmlSuiteImport(source="openml-suite", id=337)).id


@pytest.fixture
def act(database):
    """Return `act(function, …)`, which calls it in a transaction of its own."""

    def act(function, *arguments):
        with database.write() as session:
            return function(session, *arguments)

    return act


@pytest.fixture
def made(take, lines):
    return lambda name, count=12: storing.prepare(take(lines(count=count)), About(name))


def test_an_import_is_claimed_by_one_and_ends_with_what_became_of_each(act, begun, made):
    claim = act(importing.claim, begun)
    assert (claim.source, claim.what, claim.done) == ("openml-suite", "337", frozenset())
    assert act(importing.claim, begun) is None, "a second message finds it taken"
    act(importing.plan, claim, 2)
    act(importing.record, claim, 0, "openml 1", made("one"))
    act(importing.record, claim, 1, "openml 2", "the target is missing in row 7")
    running = act(importing.answer, begun)
    assert (running.status, running.total, running.attempts) == ("running", 2, 1)
    act(importing.finish, claim)
    ended = act(importing.answer, begun)
    assert ended.status == "succeeded"
    assert ended.reason == "openml 2: the target is missing in row 7 (1 of 2 data sets are not there)"
    first, second = ended.datasets
    assert (first.origin, first.name, first.reason) == ("openml 1", "one", None)
    assert (second.dataset, second.reason) == (None, "the target is missing in row 7")
    assert act(datasets.get, "one").id == first.dataset
    assert act(importing.claim, begun) is None


def test_an_import_without_any_data_set_has_failed(act, database):
    begun = act(importing.submit, OpenmlImport(source="openml", id=7)).id
    claim = act(importing.claim, begun)
    act(importing.record, claim, 0, "openml 7", "no such data set")
    act(importing.finish, claim)
    ended = act(importing.answer, begun)
    assert (ended.status, ended.reason) == ("failed", "openml 7: no such data set")


def test_a_worker_that_was_lost_is_followed_by_another_that_goes_on(act, database, begun, made):
    lost = act(importing.claim, begun)
    act(importing.record, lost, 0, "openml 1", made("one"))
    assert act(importing.take_back_expired) == []
    act(lambda session: session.execute(update(DatasetImport).values(lease_until=now() - timedelta(hours=1))))
    assert act(importing.take_back_expired) == [begun]
    claim = act(importing.claim, begun)
    assert claim.done == {"openml 1"}
    with pytest.raises(LostImport):
        act(importing.record, lost, 1, "openml 2", made("two", 14))
    assert act(datasets.get, "two") is None, "nothing of a lost worker is stored"
    act(importing.record, claim, 1, "openml 2", made("two", 14))
    act(importing.finish, claim)
    assert [item.name for item in act(importing.answer, begun).datasets] == ["one", "two"]


def test_an_import_that_loses_every_worker_fails_with_that_reason(act, begun):
    for _ in range(MAX_ATTEMPTS):
        assert act(importing.claim, begun) is not None
        act(
            lambda session: session.execute(
                update(DatasetImport).values(lease_until=now() - timedelta(hours=1))
            )
        )
        act(importing.take_back_expired)
    ended = act(importing.answer, begun)
    assert (ended.status, ended.reason) == ("failed", "its worker was lost 3 times")


def test_an_import_given_back_is_queued_and_was_no_attempt(act, begun):
    act(importing.give_back, act(importing.claim, begun))
    queued = act(importing.answer, begun)
    assert (queued.status, queued.attempts) == ("queued", 0)
    assert act(importing.claim, begun) is not None


def test_another_version_under_a_name_that_is_taken_is_told_apart_by_its_number(act, begun, made):
    act(storing.store, made("titanic"))
    claim = act(importing.claim, begun)
    act(importing.record, claim, 0, "openml 40945", made("titanic", 14))
    act(importing.record, claim, 1, "openml 40704", made("something", 12))
    first, second = act(importing.answer, begun).datasets
    assert first.name == "titanic-openml-40945"
    assert second.name == "titanic", "the same table has its first name"


def test_what_is_asked_for_is_kept(act):
    claim = act(importing.claim, act(importing.submit, BundledImport(source="sklearn", name="wine")).id)
    assert (claim.source, claim.what) == ("sklearn", "wine")
