"""The embedded stack: broker, API, worker and sweeper as child processes of one command, for a laptop.

The children run the same commands as the containers of a deployment; only their settings differ.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

import migrations
from service.processes import PARENT_VARIABLE
from service.settings import Settings
from service.store import keys, workers
from service.store.database import Database

_READY_SECONDS = 60.0
#: A worker gives its shard back within 10 s of a stop signal; then it is killed.
_STOP_SECONDS = 15.0
#: A child that dies sooner than this after its start is not restarted at once.
_BACKOFF_SECONDS = 5.0
_DEVICES = Path("/dev")

_log = logging.getLogger(__name__)


class StackError(Exception):
    """The stack cannot start; the text says why and what would help."""


class Stack:
    """Starts the children, restarts those that die, and stops them; a context manager."""

    def __init__(self, settings: Settings, *, log_file: Path | None = None) -> None:
        """Prepare a stack.

        Args:
            settings: Where the data lie and what the API listens on; port 0 picks a free one. An empty
                database URL is an SQLite file in the data folder. The broker is always the stack's own.
            log_file: Where the children write; None is this process's stderr.
        """
        port = settings.port or free_port(settings.host)
        self.settings = settings.model_copy(
            update={
                "port": port,
                "data_dir": settings.data_dir.resolve(),
                # The password keeps other users of this host out, and this stack out of another's broker
                # that was quicker to take the port.
                "broker_url": f"redis://:{secrets.token_urlsafe(24)}@127.0.0.1:{free_port()}/0",
            }
        )
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"http://{host}:{port}"
        self._log_file = log_file
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._started_at: dict[str, float] = {}
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._lock: IO[str] | None = None

    @property
    def admin_key(self) -> str:
        """The key that the settings name; empty where none is needed."""
        key = self.settings.admin_key
        return "" if key is None else key.get_secret_value()

    def start(self) -> None:
        """Migrate the database, start the children and wait until the API answers and a worker is there.

        Raises:
            StackError: The data folder or the port is in use, or a child does not come up.
        """
        self._lock = _lock(self.settings.data_dir)
        _require_free(self.settings.host, self.settings.port)
        database = Database(self.settings.sqlalchemy_url)
        with database.write() as session:
            migrations.upgrade(session.connection())
        if self.settings.admin_key is not None:
            with database.write() as session:
                keys.ensure(session, "admin", self.settings.admin_key.get_secret_value())
        database.close()
        for name in ("broker", "api", *_workers(self.settings), "sweeper"):
            self._spawn(name)
        self._watcher.start()
        self._wait_ready()

    def stop(self) -> None:
        """Stop the children: all are asked, those that do not end in time are killed."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):  # it ends soon anyway, and must leave no child
                signal.signal(number, signal.SIG_IGN)
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        # The broker goes last: the others would complain that it is away.
        for names in ([name for name in self._children if name != "broker"], ["broker"]):
            children = [self._children[name] for name in names if name in self._children]
            for child in children:
                if child.poll() is None:
                    child.terminate()
            deadline = time.monotonic() + _STOP_SECONDS
            for child in children:
                try:
                    child.wait(timeout=max(deadline - time.monotonic(), 0.1))
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        if self._lock is not None:
            self._lock.close()

    def wait(self) -> None:
        """Sleep until a signal interrupts the process."""
        while not self._stopping.wait(3600):
            pass

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _spawn(self, name: str) -> None:
        own = _workers(self.settings).get(name)
        settings = self.settings if own is None else self.settings.model_copy(update={"queues": own})
        environment = {**os.environ, **_environment(settings), PARENT_VARIABLE: str(os.getpid())}
        with _opened(self._log_file) as log:
            self._children[name] = subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, "-m", "tombola", name if own is None else "worker"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal reaches this process only, which then stops the children in order.
                start_new_session=True,
            )
        self._started_at[name] = time.monotonic()

    def _watch(self) -> None:
        while not self._stopping.wait(0.5):
            for name, child in list(self._children.items()):
                code = child.poll()
                if code is None or time.monotonic() - self._started_at[name] < _BACKOFF_SECONDS:
                    continue
                _log.warning("%s ended with code %s; starting it again", name, code)
                self._spawn(name)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            for name, child in self._children.items():
                if child.poll() is not None:
                    where = f"; see {self._log_file}" if self._log_file else ""
                    raise StackError(f"{name} ended at start with code {child.returncode}{where}")
            if self._is_ready():
                return
            time.sleep(0.1)
        raise StackError(f"the stack was not ready within {_READY_SECONDS:.0f} s")

    def _is_ready(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.is_success and self._has_worker()

    def _has_worker(self) -> bool:
        """Tell whether the children themselves have registered: rows of an earlier stack do not count."""
        database = Database(self.settings.sqlalchemy_url)
        pids = [self._children[name].pid for name in _workers(self.settings)]
        try:
            with database.read() as session:
                return all(workers.has_pid(session, socket.gethostname(), pid) for pid in pids)
        finally:
            database.close()


def _workers(settings: Settings) -> dict[str, str]:
    """Return the queues of each worker, by the name of the child.

    One worker trains everything on CPU. A GPU is kept busy by a worker of its own, beside one for the rest.
    """
    if len(settings.consumed) > 1 and _may_use_gpu(settings):
        return {"worker": "main", "worker-cpu": "cpu"}
    return {"worker": settings.queues}


def _may_use_gpu(settings: Settings) -> bool:
    """Guess, without loading torch, whether the engine will be on a GPU; wrong, it is a worker too many."""
    if settings.engine == "native" or settings.device == "cpu":
        return False
    return settings.device != "auto" or any(_DEVICES.glob("nvidia[0-9]*"))


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        port: int = listener.getsockname()[1]
        return port


def interrupt_on_sigterm() -> None:
    """Let a termination signal end this process as Ctrl-C does, so that the children are stopped.

    SIGINT is set too: a shell starts commands in the background with it ignored.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


def _environment(settings: Settings) -> dict[str, str]:
    """Return the settings as the environment variables they are read from."""
    values = settings.model_dump(exclude_none=True, exclude={"admin_key"})
    return {f"TOMBOLA_{name.upper()}": str(value) for name, value in values.items()}


def _lock(data_dir: Path) -> IO[str]:
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = (data_dir / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StackError(
            f"another Tombola uses {data_dir}: stop it, or choose another folder with --data-dir"
        ) from error
    return lock


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise StackError(
                f"cannot listen on {host}:{port} ({error.strerror}): choose another port with --port"
            ) from error


def _opened(path: Path | None) -> IO[bytes]:
    if path is None:
        return os.fdopen(os.dup(sys.stderr.fileno()), "wb")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")
