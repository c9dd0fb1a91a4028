from __future__ import annotations

import json
import time

import httpx
import pytest

import tombola
from tombola import AsyncClient, Client


class Breaking(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream of events that ends, or breaks, after some."""

    def __init__(self, *events, breaks=False):
        self._parts = [_event(*event) for event in events]
        self._breaks = breaks

    def __iter__(self):
        yield from self._parts
        if self._breaks:
            raise httpx.ReadError("reset")

    async def __aiter__(self):
        for part in self:
            yield part


def _event(number, kind, data=None):
    # with the comment that servers send to keep a connection open
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n: ping\n\n".encode()


def _stream(*events, breaks=False):
    headers = {"content-type": "text/event-stream"}
    return httpx.Response(200, headers=headers, stream=Breaking(*events, breaks=breaks))


def _transport(answer, steps, requests):
    steps = [httpx.Response(200, json=answer()), *steps]

    def play(request):
        requests.append(request)
        return steps.pop(0)

    return httpx.MockTransport(play)


def _events(answer, *steps, requests=None, **options):
    transport = _transport(answer, steps, [] if requests is None else requests)
    return Client(transport=transport).experiments.get("01A").events(**options)


def test_events_come_until_the_end(answer):
    events = list(_events(answer, _stream((1, "status", {"status": "running"}), (2, "progress"), (3, "end"))))
    assert [(event.id, event.type) for event in events] == [(1, "status"), (2, "progress"), (3, "end")]
    assert events[0].data == {"status": "running"}


@pytest.mark.usefixtures("impatient")
def test_a_broken_stream_is_taken_up_after_the_last_event(answer):
    requests = []
    steps = [
        _stream((1, "progress"), (2, "progress"), breaks=True),
        httpx.Response(503, text="starting"),
        _stream((3, "progress")),
        _stream((4, "end")),
    ]
    events = list(_events(answer, *steps, requests=requests))
    assert [event.id for event in events] == [1, 2, 3, 4]
    assert [request.headers.get("last-event-id") for request in requests[1:]] == [None, "2", "2", "3"]


def test_events_may_begin_after_a_known_one(answer):
    requests = []
    list(_events(answer, _stream((8, "end")), requests=requests, last_event_id=7))
    assert requests[1].headers["last-event-id"] == "7"


@pytest.mark.usefixtures("impatient")
def test_a_stream_that_never_brings_anything_is_given_up(answer):
    with pytest.raises(tombola.ConnectionFailed, match="closed the stream of events before its end"):
        list(_events(answer, *[_stream() for _ in range(5)]))


def test_the_server_says_how_long_to_wait_before_connecting_again(monkeypatch, answer):
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    headers = {"content-type": "text/event-stream"}
    slow = httpx.Response(200, headers=headers, content=b"retry: 9000\nid: 1\nevent: progress\ndata: {}\n\n")
    list(_events(answer, slow, _stream((2, "end"))))
    assert pauses == [9.0]


@pytest.mark.usefixtures("impatient")
def test_an_unknown_experiment_has_no_events(answer):
    problem = {"title": "Not Found", "status": 404, "detail": "no experiment 01A"}
    with pytest.raises(tombola.NotFound, match="no experiment 01A"):
        list(_events(answer, httpx.Response(404, json=problem)))


def test_a_page_is_no_stream(answer):
    with pytest.raises(tombola.UnexpectedAnswer, match=r"not Tombola's .text/plain"):
        list(_events(answer, httpx.Response(200, text="hello")))


def test_an_event_without_json_is_no_answer(answer):
    headers = {"content-type": "text/event-stream"}
    with pytest.raises(tombola.UnexpectedAnswer, match="holds no JSON: 'hello'"):
        list(_events(answer, httpx.Response(200, headers=headers, content=b"event: status\ndata: hello\n\n")))


@pytest.mark.anyio
@pytest.mark.usefixtures("impatient")
async def test_the_async_client_takes_up_a_broken_stream_too(answer):
    requests = []
    steps = [_stream((1, "progress"), breaks=True), _stream((2, "end"))]
    async with AsyncClient(transport=_transport(answer, steps, requests)) as client:
        experiment = await client.experiments.get("01A")
        assert [event.id async for event in experiment.events()] == [1, 2]
    assert requests[2].headers["last-event-id"] == "1"
