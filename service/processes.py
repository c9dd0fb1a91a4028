"""What every long-running command does: log, and end with its parent."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time

from service.settings import Settings

#: Set by a process that starts others: they end when it is gone, even if it was killed.
PARENT_VARIABLE = "TOMBOLA_PARENT_PID"
_PR_SET_PDEATHSIG = 1


def set_up(settings: Settings) -> None:
    """Log to stderr, follow the parent process if it asked for it, and keep the broker of the settings."""
    forget_celery_broker()
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for chatty in ("httpx", "alembic", "celery.app.trace", "celery.worker.strategy"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is not None:
        threading.Thread(target=_follow, args=(int(parent),), name="follow-parent", daemon=True).start()


def die_with_parent() -> None:
    """Have the kernel end this process with the one that started it, also after an exec (Linux only).

    Elsewhere a parent that is killed leaves it behind; a parent that stops in order does not.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def forget_celery_broker() -> None:
    """Drop Celery's own broker variables: they would go before the settings, to another project's broker."""
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"):
        os.environ.pop(name, None)


class StopSignal:
    """Notes SIGTERM and SIGINT, for a loop that looks between its rounds.

    No `threading.Event`: setting one in a handler can deadlock with the same thread's `wait`.
    """

    def __init__(self) -> None:
        """Take over both signals."""
        self.came = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def sleep(self, seconds: float) -> None:
        """Sleep, but not long after a signal came."""
        until = time.monotonic() + seconds
        while not self.came and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))

    def _note(self, *_: object) -> None:
        self.came = True


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
