"""When to ask again while an experiment runs, and when to stop; the drivers do the asking and sleeping."""

from __future__ import annotations

import time

from tombola._client.calls import Snapshot
from tombola._client.retry import delay, transient
from tombola.errors import ExperimentCancelled, ExperimentFailed, TombolaError, WaitTimeout
from tombola.results import ExperimentStatus

_FIRST_SECONDS = 0.2
_ACTIVE_SECONDS = 1.0
_QUIET_SECONDS = 5.0
#: How long the server may be away (a restart, an upgrade) before waiting gives up.
_PATIENCE_SECONDS = 300.0


class Waiter:
    """Follows one experiment to its end.

    Each answer or failure is told to it, and it returns the seconds to sleep before the next question.
    """

    def __init__(self, snapshot: Snapshot, timeout: float | None) -> None:
        if timeout is not None and timeout < 0:
            raise ValueError(f"timeout must be 0 or more seconds, or None, not {timeout}")
        self.snapshot = snapshot
        self._timeout = timeout
        self._started = time.monotonic()
        self._interval = _FIRST_SECONDS
        self._away_since: float | None = None
        self._failures = 0

    def answered(self, snapshot: Snapshot) -> float | None:
        """Return the seconds to sleep, or None when the experiment succeeded.

        Raises:
            ExperimentFailed: It failed.
            ExperimentCancelled: It was cancelled.
            WaitTimeout: The time is over.
        """
        changed = snapshot is not self.snapshot
        self.snapshot = snapshot
        self._away_since, self._failures = None, 0
        status = snapshot.experiment.status
        if status is ExperimentStatus.FAILED:
            raise ExperimentFailed(snapshot.experiment)
        if status is ExperimentStatus.CANCELLED:
            raise ExperimentCancelled(snapshot.experiment)
        if status is ExperimentStatus.SUCCEEDED:
            return None
        slowest = _ACTIVE_SECONDS if changed else _QUIET_SECONDS
        self._interval = min(self._interval * 1.5, slowest)
        return self._within_timeout(self._interval)

    def failed(self, error: TombolaError) -> float:
        """Return the seconds to sleep after a question went without an answer.

        Raises:
            TombolaError: The error itself, where waiting cannot help or has been long enough.
            WaitTimeout: The time is over.
        """
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        if not transient(error) or now - self._away_since > _PATIENCE_SECONDS:
            raise error
        self._failures += 1
        return self._within_timeout(delay(self._failures, error))

    def _within_timeout(self, seconds: float) -> float:
        if self._timeout is None:
            return seconds
        left = self._started + self._timeout - time.monotonic()
        if left <= 0:
            raise WaitTimeout(self.snapshot.experiment, self._timeout)
        return min(seconds, left)
