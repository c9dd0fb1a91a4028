"""What every long-running command does: log, and end with its parent."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time

from service.settings import Settings

#: Set by a process that starts others: they end when it is gone, even if it was killed.
PARENT_VARIABLE = "TOMBOLA_PARENT_PID"


def set_up(settings: Settings) -> None:
    """Log to stderr, and follow the parent process if it asked for it."""
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is not None:
        threading.Thread(target=_follow, args=(int(parent),), name="follow-parent", daemon=True).start()


def stop_event() -> threading.Event:
    """Return an event that the first SIGTERM or SIGINT sets."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
