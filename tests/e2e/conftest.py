"""Real stacks for end-to-end tests: `tombola serve` as a user starts it, with short leases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

import tombola
from service.store.database import Database
from service.store.models import Run as RunRow

#: Short times, so that a test sees in seconds what a laboratory sees in minutes.
QUICK = {
    "TOMBOLA_LEASE_SECONDS": "3",
    "TOMBOLA_HEARTBEAT_SECONDS": "0.3",
    "TOMBOLA_SWEEP_SECONDS": "0.5",
    "TOMBOLA_SHARD_SECONDS": "2",
}


class Stack:
    """A `tombola serve` process and what a test does to it."""

    def __init__(self, data_dir: Path, environment: dict[str, str]) -> None:
        self.data_dir = data_dir
        self.environment = environment
        self.process: subprocess.Popen[str] | None = None
        self._clients: list[tombola.Client] = []
        self.url = ""

    def start(self) -> None:
        with (self.data_dir.parent / "stack.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tombola", "serve", "--port", "0", "--data-dir", str(self.data_dir)],
                env={**os.environ, **QUICK, **self.environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline()
        assert line.startswith("Tombola is at http://127.0.0.1:"), line
        self.url = line.split()[3]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        if self.process is not None:
            self.stop()

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.process = None
        return code

    def client(self) -> tombola.Client:
        client = tombola.Client(self.url, api_key="")
        self._clients.append(client)
        return client

    @property
    def database_url(self) -> str:
        return self.environment.get("TOMBOLA_DATABASE_URL") or f"sqlite:///{self.data_dir / 'tombola.db'}"

    def child(self, name: str) -> int | None:
        """Return the process id of a child by its command; Valkey is the broker's. None if it is gone."""
        program = {"broker": "valkey-server"}.get(name, name)
        for entry in Path("/proc").iterdir():
            with suppress(OSError, IndexError, ValueError):
                words = (entry / "cmdline").read_text().replace("\0", " ").split()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid and program in {Path(word).name for word in words}:
                    return int(entry.name)
        return None

    def kill(self, name: str) -> int:
        return self.signal(name, signal.SIGKILL)

    def signal(self, name: str, number: int) -> int:
        pid = self.child(name)
        os.kill(pid, number)
        return pid

    def outcomes(self) -> dict[tuple[int, int], tuple[Any, ...]]:
        """Return every stored run: outcome, steps and errors by (configuration, seed)."""
        database = Database(self.database_url)
        with database.read() as session:
            rows = session.query(RunRow).all()
        database.close()
        found = {
            (row.configuration_id, row.seed): (row.outcome, row.steps, row.train_error, row.test_error)
            for row in rows
        }
        assert len(found) == len(rows)
        return found


@pytest.fixture
def new_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Return a maker of stacks, each on a data folder of its own; all are stopped in the end."""
    made: list[Stack] = []

    def make(name: str = "data", **environment: str) -> Stack:
        stack = Stack(tmp_path / name / "data", environment)
        stack.data_dir.mkdir(parents=True)
        made.append(stack)
        stack.start()
        return stack

    yield make
    for stack in made:
        stack.close()


@pytest.fixture
def stack(new_stack: Callable[..., Stack]) -> Stack:
    return new_stack()


@pytest.fixture
def spec() -> tombola.ExperimentSpec:
    """Some five seconds of training on one core, with successes and failures in it, in several shards."""
    return tombola.ExperimentSpec.model_validate(
        {
            "name": "end to end",
            "target": {"kind": "parity", "n": 20, "k": 3},
            "grid": {"width": [64, 512], "samples": [150, 600], "sparsity": [2, None]},
            "training": {"max_steps": 30_000, "eval_every": 500, "test_samples": 512},
            "seeds": {"count": 12},
        }
    )


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Return a function that waits until a condition holds, and fails saying which did not."""

    def wait(condition: Callable[[], Any], *, seconds: float = 60, what: str = "the condition") -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(tombola.ConnectionFailed, httpx.TransportError):
                if value := condition():
                    return value
            time.sleep(0.1)
        raise AssertionError(f"{what} did not come true within {seconds} s")

    return wait
