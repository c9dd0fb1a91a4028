"""Results are made once for each question and change of the experiment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from service.api.kept import Kept, Key

NAMES = ["success-table", "success-table?format=csv", "frontier", "times", "luck", "thresholds"]
PICTURES = [
    "heatmap.svg",
    "frontier.png",
    "steps.svg",
    "curves.svg?width=4&samples=50&sparsity=2",
    "luck.svg",
]


def key(path="/a", version=1):
    return Key(path, "text/plain", version)


@contextmanager
def statements(database):
    """Collect the SQL that is executed."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("name", NAMES + PICTURES)
def test_what_is_asked_again_is_not_read_again(client, database, finished, name):
    url = f"/v1/experiments/{finished['id']}/{name}"
    first = client.get(url)
    with statements(database) as seen:
        again = client.get(url)
    assert (again.status_code, again.content, again.headers["etag"]) == (
        200,
        first.content,
        first.headers["etag"],
    )
    assert not [statement for statement in seen if "cells" in statement]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_recorded_run_changes_every_answer(client, create, hands, name):
    experiment = create()
    url = f"/v1/experiments/{experiment['id']}/{name}"
    claim = hands.claim(hands.queued()[0])
    answers = {client.get(url).content}
    for count, run in enumerate(claim.runs[:2], 2):
        hands.record(claim, [run])
        answers.add(client.get(url).content)
        assert len(answers) == count


def test_other_questions_have_answers_of_their_own(client, finished):
    url = f"/v1/experiments/{finished['id']}/success-table"
    asked = [{}, {"level": 0.9}, {"interval": "jeffreys"}, {"format": "csv"}, {"format": "csv", "level": 0.9}]
    for _ in range(2):
        assert len({client.get(url, params=params).content for params in asked}) == len(asked)


def test_an_answer_with_links_is_kept_for_the_host_that_was_asked(client, finished):
    url = f"/v1/experiments/{finished['id']}/report?format=markdown"
    for host in ("one.example", "two.example:8080", "one.example"):
        answer = client.get(url, headers={"Host": host})
        assert answer.text.count(f"](http://{host}/v1/experiments/") == 4


def test_a_deleted_experiment_has_no_answer_left(client, finished):
    url = f"/v1/experiments/{finished['id']}"
    assert client.get(f"{url}/success-table").status_code == 200
    assert client.delete(url).status_code == 204
    assert client.get(f"{url}/success-table").status_code == 404


def test_no_more_is_kept_than_there_is_room_for():
    kept, made = Kept(most_bytes=100), []

    def make(name, size):
        def content():
            made.append(name)
            return bytes(size)

        return content

    kept.get(key("/a"), make("a", 60))
    kept.get(key("/b"), make("b", 60))
    kept.get(key("/b"), make("b", 60))
    kept.get(key("/a"), make("a", 60))
    assert made == ["a", "b", "a"], "the one asked for longest ago went"
    for _ in range(2):
        assert len(kept.get(key("/large"), make("large", 101)).content) == 101
    kept.get(key("/a"), make("a", 60))
    assert made == ["a", "b", "a", "large", "large"], "too large an answer drives nothing out"


def test_long_questions_take_room_too():
    kept, made = Kept(most_bytes=1000), []
    for number in (1, 2, 1):
        kept.get(key(f"/{number}" + "0" * 700), lambda: made.append("made") or b"short")
    assert len(made) == 3


def test_what_many_ask_at_once_is_made_once():
    kept, made, begun, done = Kept(), [], threading.Event(), threading.Event()

    def make():
        made.append("made")
        begun.set()
        assert done.wait(10)
        return b"made"

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(kept.get, key(), make)]
        assert begun.wait(10)
        asked += [pool.submit(kept.get, key(), make) for _ in range(3)]
        assert kept.get(key("/other"), lambda: b"other").content == b"other", "others need not wait"
        done.set()
        assert {one.result().content for one in asked} == {b"made"}
    assert made == ["made"]


def test_an_answer_that_cannot_be_made_is_not_kept():
    kept = Kept()

    def fail():
        raise LookupError

    with pytest.raises(LookupError):
        kept.get(key(), fail)
    assert kept.get(key(), lambda: b"made").content == b"made"


def test_threads_get_the_answers_to_their_own_questions():
    kept = Kept(most_bytes=64)

    def ask(number):
        expected = str(number % 20).encode()
        return kept.get(key(expected.decode()), lambda: expected).content == expected

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(2_000)))
