from __future__ import annotations

import pytest

from service.settings import Settings
from service.store.database import Database
from tests import scored
from tombola import Client
from tombola._client import retry
from tombola.cli import main
from worker.embedded import Stack

TINY = {
    "name": "tiny",
    "target": {"kind": "parity", "n": 10, "k": 2},
    "grid": {"width": [8, 32], "samples": [100, None], "sparsity": [2, None]},
    "training": {"max_steps": 2000, "eval_every": 200, "test_samples": 256},
    "seeds": {"count": 3},
}
#: Hours of training: what runs until it is told otherwise.
LONG = TINY | {
    "name": "long",
    "target": {"kind": "parity", "n": 60, "k": 6},
    "grid": {"width": [2000], "samples": [1000], "sparsity": [2]},
    "training": {"max_steps": 1_000_000},
    "seeds": {"count": 100},
}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("TOMBOLA_URL", "TOMBOLA_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def impatient(monkeypatch):
    """Retries come at once, but for what the server asks."""
    monkeypatch.setattr(retry, "_FIRST_SECONDS", 0.0)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def spec():
    return {
        "name": "tiny",
        "target": {"kind": "parity", "n": 10, "k": 2},
        "grid": {"width": [8, 16], "samples": [100, None], "sparsity": [2, None]},
        "training": {"max_steps": 1000, "eval_every": 100, "test_samples": 256},
        "seeds": {"count": 3},
    }


@pytest.fixture
def answer(spec):
    """Return an experiment as the API answers it."""

    def make(**changes):
        progress = {"runs_done": 0, "runs_total": 24, "fraction": 0.0} | changes.pop("progress", {})
        quote = {
            "cells": 8,
            "runs": 24,
            "runs_existing": 0,
            "runs_pending": 0,
            "run_steps": 24_000,
            "flops": 1e9,
            "seconds": 2.0,
            "workers": 1,
        }
        return {
            "id": "01A",
            "name": "tiny",
            "status": "running",
            "progress": progress,
            "quote": quote,
            "spec": spec,
            "created_at": "2026-01-02T03:04:05Z",
        } | changes

    return make


@pytest.fixture(scope="session")
def stack_settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    return Settings(data_dir=folder, port=0, database_url="", host="127.0.0.1", heartbeat_seconds=0.3)


@pytest.fixture(scope="session")
def url(stack_settings):
    """Start the real stack once, and return where it is."""
    with Stack(stack_settings, log_file=stack_settings.data_dir / "stack.log") as stack:
        yield stack.url


@pytest.fixture(scope="session")
def on_tables(url, stack_settings):  # the stack has migrated its database
    """Return the id of an experiment on two tables whose runs have made-up scores."""
    database = Database(stack_settings.sqlalchemy_url)
    with database.write() as session:
        key = scored.add(session, scored.usual, scored.spec_of(importance=True))
    database.close()
    return key


@pytest.fixture
def client(url):
    with Client(url) as client:
        yield client


@pytest.fixture
def tool(url, capsys):
    """Return a function that runs the command line and returns exit code, standard output and error."""

    def run(*args):
        code = main(["--url", url, *map(str, args)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def done(url):
    """Return the id of an experiment that has succeeded."""
    with Client(url) as client:
        return client.experiments.create(TINY).wait(timeout=120).id


@pytest.fixture
def long(client):
    """Return an experiment that would train for hours, cancelled and deleted in the end."""
    experiment = client.experiments.create(LONG)
    yield experiment
    if not experiment.refresh().status.finished:
        experiment.cancel()
    experiment.delete()


@pytest.fixture
def tiny(done):  # whoever asks again finds its runs in the store
    """Return the spec of the experiment that has succeeded."""
    return TINY
