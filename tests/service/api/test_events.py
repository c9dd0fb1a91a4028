"""Server-sent events over a real socket."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import anyio
import httpx
import pytest
from httpx_sse import connect_sse

from service.api import events as module
from service.store.models import Experiment

#: What a process does that serves one database until a signal comes; it waits for its connections for ever.
SERVER = """
import sys, uvicorn
from service.app import create_app
from service.settings import Settings
settings = Settings(database_url=sys.argv[1], broker_url=sys.argv[2])
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)
Server(uvicorn.Config(create_app(settings), port=0, log_config=None)).run()
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.05)


def read(client, experiment, *, last=None, count=None):
    """Return (number, type) of the events until `end`, or of the first `count`."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    found = []
    with connect_sse(client, "GET", f"/v1/experiments/{experiment['id']}/events", headers=headers) as source:
        assert source.response.status_code == 200
        for event in source.iter_sse():
            found.append((event.id, event.event, event.json()))
            if len(found) == count:
                break
    return found


def test_a_finished_experiment_tells_its_life_and_ends(client, finished):
    text = client.get(f"/v1/experiments/{finished['id']}/events").text
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\r\n\r\n")
    ]
    assert [block.get("id") for block in blocks[:-1]] == [str(n) for n in range(1, len(blocks))]
    assert blocks[0]["event"] == "status"
    assert {"planned", "progress"} <= {block["event"] for block in blocks}
    assert blocks[-1] == {"event": "end", "data": '{"status":"succeeded"}'}


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_stream_goes_on_after_the_last_event_that_came(client, finished):
    everything = read(client, finished)
    for last in (0, 3, len(everything) - 1, len(everything) + 100):
        assert [kind for _, kind, _ in read(client, finished, last=last)] == [
            kind for _, kind, _ in everything[min(last, len(everything) - 1) :]
        ]


def test_the_number_may_come_in_the_query_and_the_header_goes_before_it(client, finished):
    url = f"/v1/experiments/{finished['id']}/events?last_event_id=2"
    assert client.get(url).text.startswith("id: 3\r\n")
    assert client.get(url, headers={"Last-Event-ID": "4"}).text.startswith("id: 5\r\n")


@pytest.mark.parametrize("number", ["-1", "x", "1.5", str(2**31), "9" * 40])
def test_a_wrong_number_is_refused_before_the_stream(client, finished, number):
    url = f"/v1/experiments/{finished['id']}/events"
    for how in ({"headers": {"Last-Event-ID": number}}, {"params": {"last_event_id": number}}):
        answer = client.get(url, **how)
        assert answer.status_code == 422
        (part,) = answer.json()["errors"]
        assert part["parameter"] == ("Last-Event-ID" if "headers" in how else "last_event_id")


def test_a_stream_needs_a_key_before_its_first_byte(client, finished, make_key):
    make_key("any")
    assert client.get(f"/v1/experiments/{finished['id']}/events").status_code == 401


def test_longer_histories_than_a_batch_come_in_full(client, finished, monkeypatch):
    everything = read(client, finished)
    monkeypatch.setattr(module, "_BATCH", 2)
    assert read(client, finished) == everything


def test_what_happens_is_told_as_it_does(live, create, hands):
    experiment = create()
    waiting = threading.Event()
    with live() as client:
        url = f"/v1/experiments/{experiment['id']}/events"
        with connect_sse(client, "GET", url) as source:
            found = []
            for event in source.iter_sse():
                found.append(event.event)
                if event.event == "planned" and not waiting.is_set():
                    waiting.set()  # all that had happened was told; now something does
                    hands.train_all()
    assert found[-2:] == ["status", "end"]
    assert "progress" in found


def test_a_stream_that_waits_holds_no_connection_to_the_database(create, database):
    experiment = create()

    async def first_two():
        stream = module._follow(database, experiment["id"], 0, anyio.Event())
        told = [(await anext(stream)).event for _ in range(2)]
        await stream.aclose()
        return told

    assert anyio.run(first_two) == ["status", "planned"]
    assert database.engine.pool.checkedout() == 0


def test_a_stream_of_a_deleted_experiment_closes_without_end(live, create, database):
    experiment = create()
    with live() as client:
        found = []
        with connect_sse(client, "GET", f"/v1/experiments/{experiment['id']}/events") as source:
            for event in source.iter_sse():
                found.append(event.event)
                if event.event == "planned":
                    with database.write() as session:
                        session.delete(session.get(Experiment, experiment["id"]))
    assert found == ["status", "planned"]


def test_a_server_stops_at_a_signal_in_spite_of_open_streams(create, database, make_settings):
    experiment = create()
    arguments = [str(database.engine.url), make_settings().broker_url]
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        port = process.stdout.readline().strip()
        with (
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
            connect_sse(client, "GET", f"/v1/experiments/{experiment['id']}/events") as source,
        ):
            stream = source.iter_sse()
            assert next(stream).event == "status"
            process.send_signal(signal.SIGTERM)
            rest = [event.event for event in stream]  # the server ends the stream
        assert "end" not in rest
        process.wait(timeout=60)
