"""Waiting for a database that is away."""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import InterfaceError, OperationalError
from tenacity import (
    Retrying,
    before_sleep_log,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential_jitter,
)

#: How long a worker waits for a database that is away before it gives up what a shard has not stored.
_PATIENCE_SECONDS = 300.0

_log = logging.getLogger(__name__)


def patiently(stopping: threading.Event) -> Retrying:
    """Return a caller that waits for a database that is away, but not for a worker that shall stop."""
    return Retrying(
        retry=retry_if_exception_type((OperationalError, InterfaceError)),
        wait=wait_exponential_jitter(multiplier=0.2, max=10),
        stop=stop_after_delay(_PATIENCE_SECONDS) | stop_when_event_set(stopping),
        sleep=sleep_using_event(stopping),
        before_sleep=before_sleep_log(_log, logging.WARNING),
        reraise=True,
    )
