"""Data sets in the store, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from service.lab.datasets import storing
from service.lab.datasets.storing import About, Prepared
from service.lab.errors import DatasetNameTaken, UnknownDataset
from service.store import datasets
from service.store.models import DatasetPart
from service.store.parts import PART_BYTES


@pytest.fixture
def prepared(take, lines):
    return storing.prepare(take(lines()), About("first", "CC0", "made up"))


@pytest.fixture
def put(database):
    def put(prepared):
        with database.write() as session:
            return storing.store(session, prepared)

    return put


def parts(database):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(DatasetPart))


def test_a_table_is_stored_once_and_comes_back_as_it_was(database, put, prepared, take, lines):
    stored, new = put(prepared)
    assert new
    assert stored.model_copy(update={"created_at": None}) == prepared.described
    again, new = put(storing.prepare(take(lines()), About("second")))
    assert not new
    assert again == stored
    assert parts(database) == 1
    with database.read() as session:
        for key in ("first", stored.id):
            assert storing.load(session, key).data.equals(take(lines()).data)
        with pytest.raises(UnknownDataset, match="there is no data set 'second'"):
            storing.load(session, "second")


def test_another_table_cannot_have_the_same_name(database, put, prepared, take, lines):
    first, _ = put(prepared)
    with pytest.raises(DatasetNameTaken, match=f"the name 'first' is that of another table \\({first.id}"):
        put(storing.prepare(take(lines(count=14)), About("first")))
    assert parts(database) == 1


def test_a_large_file_is_stored_in_parts(database, put, prepared):
    data = bytes(range(256)) * (2 * PART_BYTES // 256) + b"the rest"
    put(Prepared(prepared.described, data))
    assert parts(database) == 3
    with database.read() as session:
        assert b"".join(datasets.file(session, prepared.described.id)) == data
        assert datasets.part(session, prepared.described.id, 2) == b"the rest"
        assert datasets.part(session, prepared.described.id, 3) is None


def test_a_damaged_file_is_not_taken_for_the_table(database, put, prepared):
    stored, _ = put(prepared)
    with database.write() as session:
        session.execute(update(DatasetPart).values(data=prepared.data[:-1] + b"?"))
    with database.read() as session, pytest.raises(ValueError, match=r"data set first .* is damaged"):
        storing.load(session, stored.id)


def test_a_data_set_that_is_deleted_leaves_nothing(database, put, prepared):
    put(prepared)
    with database.write() as session:
        storing.delete(session, "first")
    assert parts(database) == 0
    with database.write() as session, pytest.raises(UnknownDataset):
        storing.delete(session, "first")
    assert put(prepared)[1]


def test_the_same_table_from_several_at_once_is_stored_once(database, put, prepared):
    start = threading.Barrier(4)

    def store(_):
        start.wait()
        return put(prepared)[1]

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(store, range(4))) == [False, False, False, True]
    assert parts(database) == 1


def test_pages_go_by_name(database, put, take, lines):
    for number, name in enumerate("cadb"):
        put(storing.prepare(take(lines(count=12 + number)), About(name)))
    with database.read() as session:
        assert [row.name for row in datasets.page(session, limit=3, after=None)] == ["a", "b", "c"]
        assert [row.name for row in datasets.page(session, limit=3, after="c")] == ["d"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Titanic", "Titanic"),
        ("a b/c", "a-b-c"),
        ("é", "data-set"),
        ("imports", "data-set"),
        ("x" * 150, "x" * 100),
    ],
)
def test_a_name_is_made_of_any_text(text, name):
    assert storing.name_of(text) == name
