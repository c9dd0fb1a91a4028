"""The sweeper: mends what broke. Everything it does is harmless when done twice or by two of it."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from service.doorbell import RING_AT_ONCE, Doorbell, DoorbellError, ring, ring_new
from service.lab.experiments import Lab
from service.lab.shards import take_back_expired
from service.store import experiments, shards
from service.store.database import Database, now

#: A message younger than this may be in a worker's hands, between the broker and the claim.
_RING_AGAIN_AFTER = timedelta(seconds=10)

_log = logging.getLogger(__name__)


def sweep(database: Database, doorbell: Doorbell, lab: Lab) -> None:
    """Take back expired leases, bring idle experiments on their way, and ring for what waits unheard."""
    while (shard_id := _take_back(database)) is not None:
        _log.warning("took back shard %d: its lease ran out", shard_id)
    with database.read() as session:
        idle = experiments.idle_ids(session)
    for experiment_id in idle:
        with database.write() as session:
            lab.settle(session, experiment_id)
    while ring_new(database, doorbell) == RING_AT_ONCE:
        pass
    ring_lost(database, doorbell)


def ring_lost(database: Database, doorbell: Doorbell) -> int:
    """Ring again for shards whose messages the broker has lost, and return for how many.

    Every queued shard that was rung for has a message waiting, unless messages were lost: fewer messages
    than such shards means some were. Ringing for the oldest is harmless where the guess is wrong.
    """
    with database.read() as session:
        rung = shards.rung_count(session)
    try:
        lost = rung - doorbell.waiting() if rung else 0
    except DoorbellError as error:
        _log.warning("%s", error)
        return 0
    if lost <= 0:
        return 0
    with database.read() as session:
        ids = shards.rung_before(session, now() - _RING_AGAIN_AFTER, limit=lost)
    return ring(database, doorbell, ids)


def run(
    database: Database, doorbell: Doorbell, lab: Lab, *, every_seconds: float, stop: threading.Event
) -> None:
    """Sweep until `stop` is set; an unreachable database is waited for."""
    while not stop.is_set():
        try:
            sweep(database, doorbell, lab)
        except SQLAlchemyError as error:
            _log.warning("sweep missed: %s", error)
        stop.wait(every_seconds)


def _take_back(database: Database) -> int | None:
    with database.write() as session:
        return take_back_expired(session)
