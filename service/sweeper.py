"""The sweeper: mends what broke. Everything it does is harmless when done twice or by two of it."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy.exc import OperationalError

from service.doorbell import (
    RING_AT_ONCE,
    Doorbell,
    DoorbellError,
    ring,
    ring_imports,
    ring_new,
    ring_new_imports,
)
from service.lab import checkpoints
from service.lab.datasets import importing
from service.lab.experiments import Lab
from service.lab.shards import take_back_expired
from service.lab.work import QUEUES, Queue
from service.processes import StopSignal
from service.store import checkpoints as checkpoint_rows
from service.store import experiments, imports, shards
from service.store.database import Database, clock, lock_recording

#: A message younger than this may be in a worker's hands, between the broker and the claim.
_RING_AGAIN_AFTER = timedelta(seconds=10)
#: With this many messages waiting no worker is idle for want of one.
MOST_WAITING = 500

_log = logging.getLogger(__name__)


def sweep(database: Database, doorbell: Doorbell, lab: Lab) -> None:
    """Take back expired leases, bring idle experiments on their way, ring for what waits; clear up."""
    while (shard_id := _take_back(database)) is not None:
        _log.warning("took back shard %d: its lease ran out", shard_id)
    take_back_imports(database)
    ring_waiting(database, doorbell)
    ring_new_imports(database, doorbell)
    ring_lost(database, doorbell)
    advance_rounds(database, doorbell, lab)
    with database.read() as session:
        # Looked at first without a lock: an experiment may wait long for the shards of another one.
        idle = [item for item in experiments.idle_ids(session) if not lab.is_waiting(session, item)]
    for experiment_id in idle:
        with database.write() as session:
            lab.settle(session, experiment_id)
    if idle:
        ring_waiting(database, doorbell)
    forget_checkpoints(database)


def forget_checkpoints(database: Database) -> None:
    """Delete the checkpoints that nobody will go on from."""
    with database.read() as session:
        if not checkpoints.unwanted(session):
            return
    with database.write() as session:
        lock_recording(session)  # what is submitted meanwhile may want them: looked at again
        ids = checkpoints.unwanted(session)
        checkpoint_rows.forget(session, ids)
    if ids:
        _log.info("deleted %d checkpoints of runs that nobody waits for", len(ids))


def advance_rounds(database: Database, doorbell: Doorbell, lab: Lab) -> None:
    """Decide on adaptive cells whose round is complete, and ring for the next rounds.

    A worker does so when it completes a shard. This is for idle workers while others are in the middle of
    one, and where a worker was killed before it came to it.
    """
    if lab.advance_all(database):
        ring_waiting(database, doorbell)


def ring_waiting(database: Database, doorbell: Doorbell) -> None:
    """Ring for new shards as long as few messages wait: the broker need not hold a whole experiment."""
    try:
        for queue in QUEUES:
            while doorbell.waiting(queue) < MOST_WAITING:
                if ring_new(database, doorbell, queues=[queue]) < RING_AT_ONCE:
                    break
    except DoorbellError as error:
        _log.warning("%s", error)


def take_back_imports(database: Database) -> None:
    """Queue imports of data sets again whose worker is dead."""
    with database.read() as session:
        if not imports.expired(session, clock(session)):
            return
    with database.write() as session:
        ids = importing.take_back_expired(session)
    _log.warning("took back imports whose lease ran out: %s", ", ".join(ids))


def ring_lost(database: Database, doorbell: Doorbell) -> int:
    """Ring again for shards whose messages the broker has lost, and return for how many; for imports, too.

    Every queued shard that was rung for has a message waiting in its queue, unless messages were lost: fewer
    messages than such shards means some were. Ringing for the oldest is harmless where the guess is wrong.
    """
    return sum(_ring_lost(database, doorbell, queue) for queue in QUEUES)


def _ring_lost(database: Database, doorbell: Doorbell, queue: Queue) -> int:
    kinds, imports_too = QUEUES[queue], queue == "cpu"
    with database.read() as session:
        rung = shards.rung_count(session, kinds) + (imports.rung_count(session) if imports_too else 0)
    try:
        lost = rung - doorbell.waiting(queue) if rung else 0
    except DoorbellError as error:
        _log.warning("%s", error)
        return 0
    if lost <= 0:
        return 0
    with database.read() as session:
        before = clock(session) - _RING_AGAIN_AFTER
        ids = shards.rung_before(session, before, kinds, limit=lost)
        import_ids = imports.rung_before(session, before, limit=lost) if imports_too else []
    ring_imports(database, doorbell, import_ids)
    return ring(database, doorbell, ids)


def run(database: Database, doorbell: Doorbell, lab: Lab, *, every_seconds: float, stop: StopSignal) -> None:
    """Sweep until a stop signal; whatever goes wrong in one sweep is tried again in the next."""
    while not stop.came:
        try:
            sweep(database, doorbell, lab)
        except OperationalError as error:
            _log.warning("sweep missed, is the database away? %s", error)
        except Exception:  # noqa: BLE001  # a laboratory without its sweeper would not notice for days
            _log.exception("sweep failed")
        stop.sleep(every_seconds)


def _take_back(database: Database) -> int | None:
    with database.write() as session:
        return take_back_expired(session)
