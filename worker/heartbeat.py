"""The thread that keeps a worker's lease and reads what was decided about its shard."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError

from service.lab import shards
from service.lab.shards import Claim
from service.lab.work import KINDS
from service.store import shards as shard_rows
from service.store import workers
from service.store.database import Database, clock

#: How often a worker says that it lives, in seconds; `service.store.workers.ALIVE` is a few of these.
_BEAT_SECONDS = 5.0
#: A shard that was rung for so long ago, while this worker was idle, is one that it does not hear of.
_DEAF_AFTER = timedelta(seconds=30)

_log = logging.getLogger(__name__)


class Hold:
    """A shard in training, seen from both threads: progress goes one way, the stop flag the other."""

    def __init__(self, claim: Claim, stopping: threading.Event) -> None:
        """Hold a claim until it is lost or the worker is told to stop."""
        self.claim = claim
        self.lost = threading.Event()
        self.fraction = 0.0
        self._stopping = stopping

    def should_stop(self, fraction: float) -> bool:
        """Note how far the training is, and tell whether it must stop (an engine's `ShouldStop`)."""
        self.fraction = fraction
        return self.lost.is_set() or self._stopping.is_set()


class Heartbeat:
    """Renews the lease of the shard in training and reports the worker, from its own thread."""

    def __init__(
        self,
        database: Database,
        worker_id: str,
        *,
        interval_seconds: float,
        lease_seconds: float,
        kinds: Collection[str] = KINDS,
    ) -> None:
        """Prepare; `start` starts."""
        self.stopping = threading.Event()  #: set when the worker was asked to stop
        self.deaf = threading.Event()  #: set when the worker does not hear the broker, and was told to stop
        self._database = database
        self._worker_id = worker_id
        self._interval = interval_seconds
        self._lease = lease_seconds
        self._kinds = sorted(kinds)  # what is rung for where this worker listens
        self._hold: Hold | None = None
        self._idle_since: datetime | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(timeout=10)

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[Hold]:
        """Renew the lease of this claim inside the `with` block."""
        self._hold = Hold(claim, self.stopping)
        self._idle_since = None  # here too: the thread may miss a short shard
        try:
            yield self._hold
        finally:
            self._hold = None

    def _run(self) -> None:
        beaten_at = 0.0
        told: Hold | None = None
        while not self._ended.wait(self._interval):
            hold = self._hold
            try:
                if hold is not None:
                    self._renew(hold)
                if hold is not told or time.monotonic() - beaten_at >= _BEAT_SECONDS:
                    self._beat(hold)
                    beaten_at, told = time.monotonic(), hold
            except OperationalError as error:
                # The database is away: train on. If that outlasts the lease somebody else trains the shard
                # too; the runs of both are the same and are stored once.
                _log.warning("heartbeat missed: %s", error)
            except Exception:  # noqa: BLE001  # a worker without heartbeat loses shards and looks busy
                _log.exception("heartbeat failed")

    def _beat(self, hold: Hold | None) -> None:
        with self._database.write() as session:
            workers.beat(session, self._worker_id, hold.claim.shard_id if hold else None)
            at = clock(session)
            if hold is not None:
                self._idle_since = None
                return
            self._idle_since = self._idle_since or at
            deaf = shard_rows.rung_between(session, self._idle_since, at - _DEAF_AFTER, self._kinds)
        if deaf and not self.stopping.is_set():
            # A consumer can lose its broker without noticing, for one when the broker goes away in the very
            # moment of an acknowledgement. It would be idle for ever; `run_worker` starts it anew.
            _log.error("shards wait and none of their messages reach this worker: starting anew")
            self.deaf.set()
            os.kill(os.getpid(), signal.SIGTERM)

    def _renew(self, hold: Hold) -> None:
        with self._database.write() as session:
            ours = shards.renew(session, hold.claim, fraction=hold.fraction, lease_seconds=self._lease)
        if not ours and self._hold is hold:
            _log.info("shard %d is no longer ours: cancelled, paused or taken back", hold.claim.shard_id)
            hold.lost.set()
