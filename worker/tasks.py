"""The tasks that workers run, and the hook that tells its process to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import current_app, shared_task
from celery.signals import worker_shutting_down
from kombu.connection import Connection

from service.doorbell import IMPORT_TASK, TASK
from worker import training
from worker.member import Member
from worker.tabular import importing

_log = logging.getLogger(__name__)

# Celery's tasks and hooks take no state of ours, so the process's one member is module state.
_members: list[Member] = []


def attach(member: Member) -> None:
    """Let the tasks of this process train as this member of the fleet."""
    _members[:] = [member]


@shared_task(name=TASK)
def train_shard(shard_id: int) -> None:
    """Train the shard of that id, if it is still to be had."""
    member = _members[0]
    training.train_shard(member, shard_id)
    await_broker(current_app.connection_for_read, member.heartbeat.stopping)


@shared_task(name=IMPORT_TASK)
def import_datasets(import_id: str) -> None:
    """Import the data sets of that import, if it is still to be had."""
    member = _members[0]
    importing.import_datasets(member.database, member.settings, member.heartbeat.stopping, import_id)
    await_broker(current_app.connection_for_read, member.heartbeat.stopping)


def await_broker(connect: Callable[[], Connection], stopping: threading.Event) -> None:
    """Wait until the broker answers, or the worker shall stop.

    The message is acknowledged after this. An acknowledgement that fails is only logged, and counts for ever
    as the one message that a worker may hold: it would take no other (kombu's virtual QoS).
    """

    class Stopping(Exception):  # noqa: N818  # no error
        pass

    def look() -> None:
        if stopping.is_set():
            raise Stopping

    def tell(error: Exception, seconds: float) -> None:
        _log.warning("waiting for the broker to acknowledge a message (%s); again in %.0f s", error, seconds)

    with suppress(Stopping), connect() as connection:
        look()
        connection.ensure_connection(
            errback=tell, interval_start=1, interval_step=1, interval_max=5, callback=look
        )


@worker_shutting_down.connect
def _stop_soon(**_: Any) -> None:  # noqa: ANN401  # Celery's signature
    # Runs in Celery's signal handler, in the main thread: it only sets a flag that the engine looks at.
    for member in _members:
        member.stop_soon()
