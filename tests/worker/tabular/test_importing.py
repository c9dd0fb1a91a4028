"""Imports by a worker: each data set stored and noted, whatever goes wrong with others."""

from __future__ import annotations

import pytest

from service.lab.datasets import importing as imports
from service.store import datasets
from tombola.results import BundledImport, OpenmlImport, OpenmlSuiteImport
from worker.tabular.importing import import_datasets


@pytest.fixture
def begin(database):
    def begin(request):
        with database.write() as session:
            return imports.submit(session, request).id

    return begin


@pytest.fixture
def run(database, settings, stopping):
    """Return `run(import_id)`: what a worker does with the message, and the import afterwards."""

    def run(import_id):
        import_datasets(database, settings, stopping, import_id)
        with database.read() as session:
            return imports.answer(session, import_id)

    return run


def names(database):
    with database.read() as session:
        return [row.name for row in datasets.page(session, limit=10, after=None)]


def test_a_suite_is_imported_as_far_as_it_can_be(database, begin, run, openml):
    ended = run(begin(OpenmlSuiteImport(source="openml-suite", id=337)))
    assert (ended.status, ended.total, ended.attempts) == ("succeeded", 3, 1)
    assert [item.origin for item in ended.datasets] == ["openml 61", "openml 40675", "openml 561"]
    assert [item.name for item in ended.datasets] == ["iris", "glass2", None]
    assert "class" in ended.datasets[2].reason
    assert names(database) == ["glass2", "iris"]
    asked = len(openml.asked)
    assert run(ended.id) == ended, "a message that comes twice changes nothing"
    assert len(openml.asked) == asked


def test_a_data_set_imported_twice_is_stored_once(database, begin, run):
    first, second = (run(begin(OpenmlImport(source="openml", id=61))) for _ in range(2))
    assert first.datasets == second.datasets
    assert names(database) == ["iris"]


def test_a_bundled_set_needs_no_network(database, begin, run, openml):
    ended = run(begin(BundledImport(source="sklearn", name="wine")))
    assert (ended.status, ended.datasets[0].name) == ("succeeded", "wine")
    assert openml.asked == []


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (OpenmlImport(source="openml", id=7), "openml 7: OpenML has no data set 7"),
        (OpenmlSuiteImport(source="openml-suite", id=7), "OpenML has no suite 7"),
    ],
)
def test_what_is_not_there_ends_as_failed_with_the_reason(begin, run, request_, reason):
    ended = run(begin(request_))
    assert (ended.status, ended.reason) == ("failed", reason)


def test_a_server_that_is_away_is_the_reason(begin, run, openml):
    openml.faults += [502] * 50
    ended = run(begin(OpenmlImport(source="openml", id=61)))
    assert ended.status == "failed"
    assert ended.reason.startswith("openml 61: it cannot be fetched: HTTP Error 502")


def test_a_defect_fails_the_import_and_does_not_leave_it_hanging(begin, run, monkeypatch):
    monkeypatch.setattr("worker.tabular.sources.openml_dataset", lambda *_: 1 / 0)
    ended = run(begin(OpenmlImport(source="openml", id=61)))
    assert (ended.status, ended.reason) == ("failed", "ZeroDivisionError: division by zero")


def test_a_worker_that_shall_stop_gives_the_import_back_and_another_goes_on(
    database, begin, run, stopping, openml, monkeypatch
):
    from worker.tabular import sources  # noqa: PLC0415  # loads scikit-learn

    fetch = sources.openml_dataset

    def stop_after(number, downloads):
        if number == 40675:
            stopping.set()
        return fetch(number, downloads)

    monkeypatch.setattr(sources, "openml_dataset", stop_after)
    begun = begin(OpenmlSuiteImport(source="openml-suite", id=337))
    waiting = run(begun)
    assert (waiting.status, waiting.attempts) == ("queued", 0)
    assert [item.name for item in waiting.datasets] == ["iris"]
    assert run(begun) == waiting, "a worker that stops takes nothing"
    monkeypatch.setattr(sources, "openml_dataset", fetch)
    stopping.clear()
    ended = run(begun)
    assert ended.status == "succeeded"
    assert [item.name for item in ended.datasets] == ["iris", "glass2", None]
