"""The real application over HTTP, on a migrated store, with a broker that is away unless asked for."""

from __future__ import annotations

import socket
import threading
import time
import warnings
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from service.app import create_app
from service.doorbell import Doorbell
from service.settings import Settings
from service.store import keys

with warnings.catch_warnings():
    # Starlette would rather have its client on another HTTP library.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


@pytest.fixture
def database_url(request):
    """The URL of a migrated SQLite file, or of what a test asks for with indirect parameters."""
    return request.getfixturevalue(f"migrated_{getattr(request, 'param', 'sqlite')}_url")


@pytest.fixture
def closed_port():
    """A port where nobody listens: bound, so that nobody else takes it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def make_settings(tmp_path, closed_port):
    def make(**fields):
        defaults = {"data_dir": tmp_path, "broker_url": f"redis://127.0.0.1:{closed_port}/0"}
        return Settings(**defaults | fields)

    return make


@pytest.fixture
def serve(make_settings):
    """Return `serve(database, headers=…, **settings)`: a context with a client of an application on it."""

    @contextmanager
    def start(database, *, headers=None, **fields):
        settings = make_settings(**fields)
        doorbell = Doorbell(settings)
        app = create_app(settings, database=database, doorbell=doorbell)
        with TestClient(app, raise_server_exceptions=False, headers=headers) as client:
            yield client
        doorbell.close()

    return start


@pytest.fixture
def client(serve, database):
    """A client of a server without keys."""
    with serve(database) as connected:
        yield connected


@pytest.fixture
def make_key(database):
    """Return `make(name)`, which registers an API key and returns it."""

    def make(name):
        key = keys.new_key()
        with database.write() as session:
            keys.add(session, name, key)
        return key

    return make


@pytest.fixture
def create(client, spec):
    """Return `create(**fields)`: it posts the spec with these fields instead and returns the experiment."""

    def post(**fields):
        answer = client.post("/v1/experiments", json=spec.model_dump(mode="json") | fields)
        assert answer.status_code == 202, answer.text
        return answer.json()

    return post


@pytest.fixture
def finished(create, hands):
    """An experiment whose runs are all in the store."""
    experiment = create()
    hands.train_all()
    return experiment


@pytest.fixture
def live(make_settings, database):
    """Return a context with a client of a real server on a real socket, which ends with the context."""

    @contextmanager
    def start(**fields):
        settings = make_settings(
            database_url=database.engine.url.render_as_string(hide_password=False), **fields
        )
        config = uvicorn.Config(create_app(settings), port=0, log_config=None, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()

    return start
