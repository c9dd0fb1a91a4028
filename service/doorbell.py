"""The doorbell: messages that name shards. The database is the truth; a lost message only costs time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from celery import Celery
from kombu.exceptions import ChannelError, OperationalError

from service.lab.work import QUEUES, Queue
from service.settings import Settings
from service.store import imports, shards
from service.store.database import Database, clock

TASK = "tombola.train_shard"
IMPORT_TASK = "tombola.import_datasets"
#: Shards rung at once after a request; the sweeper rings the others within seconds.
RING_AT_ONCE = 100

_log = logging.getLogger(__name__)


class DoorbellError(Exception):
    """The broker cannot be reached."""


class Doorbell:
    """Rings workers by task name, so that the caller needs none of their code."""

    def __init__(self, settings: Settings) -> None:
        """Connect lazily to the broker of the settings."""
        self._names = {queue: settings.queue_name(queue) for queue in QUEUES}
        self._celery = Celery("tombola", broker=settings.broker_url, set_as_current=False)
        self._celery.conf.update(
            task_ignore_result=True,
            broker_connection_retry=False,
            broker_transport_options={
                "socket_connect_timeout": 2,
                "socket_timeout": 5,
                "max_retries": 0,
            },
        )

    def ring(self, ids: Sequence[int | str], task: str = TASK, queue: Queue = "main") -> None:
        """Send one message a shard, or with `IMPORT_TASK` one an import.

        Raises:
            DoorbellError: The broker cannot be reached.
        """
        try:
            with self._celery.producer_pool.acquire(block=True) as producer:
                for key in ids:
                    self._celery.send_task(
                        task, args=[key], queue=self._names[queue], producer=producer, retry=False
                    )
        except (OperationalError, OSError) as error:
            raise DoorbellError(f"the broker cannot be reached: {error}") from error

    def waiting(self, queue: Queue = "main") -> int:
        """Return the number of messages in a queue that no worker has taken.

        Raises:
            DoorbellError: The broker cannot be reached.
        """
        try:
            with self._celery.connection_for_read() as connection:
                declared = connection.default_channel.queue_declare(self._names[queue], passive=True)
                return int(declared.message_count)
        except ChannelError:  # a queue without messages does not exist
            return 0
        except (OperationalError, OSError) as error:
            raise DoorbellError(f"the broker cannot be reached: {error}") from error

    def close(self) -> None:
        """Close the connections."""
        self._celery.close()


def ring_new(
    database: Database, doorbell: Doorbell, *, queues: Iterable[Queue] = QUEUES, limit: int = RING_AT_ONCE
) -> int:
    """Ring for queued shards that were never rung for, at most so many a queue, and note it; return how many.

    Called after the commit that made them. A broker that is away is no error here: the sweeper calls again.
    """
    count = 0
    for queue in queues:
        with database.read() as session:
            ids = shards.unrung(session, QUEUES[queue], limit=limit)
        count += _ring(database, doorbell, ids, queue)
    return count


def ring(database: Database, doorbell: Doorbell, ids: Sequence[int]) -> int:
    """Ring for shards, each in its queue, and note it; return how many, 0 when the broker is away."""
    with database.read() as session:
        kinds = shards.kinds_of(session, ids)
    return sum(
        _ring(database, doorbell, [key for key in ids if kinds.get(key) in mine], queue)
        for queue, mine in QUEUES.items()
    )


def _ring(database: Database, doorbell: Doorbell, ids: Sequence[int], queue: Queue) -> int:
    if not ids:
        return 0
    try:
        doorbell.ring(ids, queue=queue)
    except DoorbellError as error:
        _log.warning("not rung for %d shards, will try again: %s", len(ids), error)
        return 0
    with database.write() as session:
        shards.mark_rung(session, ids, clock(session))
    return len(ids)


def ring_new_imports(database: Database, doorbell: Doorbell) -> None:
    """Ring for queued imports that were never rung for, and note it; see `ring_new`."""
    with database.read() as session:
        ids = imports.unrung(session, limit=RING_AT_ONCE)
    ring_imports(database, doorbell, ids)


def ring_imports(database: Database, doorbell: Doorbell, ids: Sequence[str]) -> None:
    """Ring for imports and note it, unless the broker is away."""
    if not ids:
        return
    try:
        doorbell.ring(ids, IMPORT_TASK, "cpu")
    except DoorbellError as error:
        _log.warning("not rung for %d imports, will try again: %s", len(ids), error)
        return
    with database.write() as session:
        imports.mark_rung(session, ids, clock(session))
