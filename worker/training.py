"""Claim, train, record: what a worker does with a shard."""

from __future__ import annotations

import dataclasses
import logging
import time

from sqlalchemy.exc import DBAPIError
from tenacity import (
    before_sleep_log,
    retry,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from service.lab import shards
from service.lab.cost import run_flops
from service.lab.shards import Claim, RunRecord, TrainedBy
from service.store.database import Database
from worker.engine import FinishedRun, Run
from worker.heartbeat import Hold
from worker.member import Member

#: Finished runs are stored this often, in seconds: what a killed worker loses at most.
_FLUSH_SECONDS = 1.0
#: How long a worker waits for a database that is away before it gives up a shard's unsaved runs.
_PATIENCE_SECONDS = 300.0

_log = logging.getLogger(__name__)

_patiently = retry(
    retry=retry_if_exception_type(DBAPIError),
    wait=wait_exponential_jitter(initial=0.2, max=10),
    stop=stop_after_delay(_PATIENCE_SECONDS),
    before_sleep=before_sleep_log(_log, logging.WARNING),
    reraise=True,
)


class Recorder:
    """Stores finished runs in batches."""

    def __init__(self, database: Database, claim: Claim, by: TrainedBy) -> None:
        """Record the runs of one claim."""
        self._database = database
        self._claim = claim
        self._by = by
        self._ids = {item: key for key, item in claim.configurations.items()}
        self._unsaved: list[RunRecord] = []
        self._saved_at = time.monotonic()

    def add(self, finished: FinishedRun) -> None:
        """Take a finished run, and store what came together (an engine's `OnFinished`)."""
        configuration = finished.run.configuration
        self._unsaved.append(
            RunRecord(
                configuration_id=self._ids[configuration],
                seed=finished.run.seed,
                outcome=finished.outcome,
                steps=finished.steps,
                train_error=finished.train_error,
                test_error=finished.test_error,
                wall_seconds=finished.wall_seconds,
                flops=run_flops(configuration, finished.steps),
                curve=dataclasses.asdict(finished.curve),
            )
        )
        if time.monotonic() - self._saved_at >= _FLUSH_SECONDS:
            self.save()

    @_patiently
    def save(self, *, complete: bool = False) -> None:
        """Store what was not stored yet; with `complete`, the shard is done in the same transaction."""
        if self._unsaved or complete:
            with self._database.write() as session:
                shards.record(session, self._claim, self._unsaved, self._by, complete=complete)
            self._unsaved = []
        self._saved_at = time.monotonic()


def train_shard(member: Member, shard_id: int) -> None:
    """Train one shard, if it is still to be had.

    A shard that is somebody else's, done or dropped is left alone: that is what makes a second delivery of
    its message harmless.
    """
    if member.heartbeat.stopping.is_set():
        return  # the sweeper rings again for what is left queued
    with member.database.write() as session:
        claim = shards.claim(
            session, shard_id, worker_id=member.id, lease_seconds=member.settings.lease_seconds
        )
    if claim is None:
        _log.info("shard %d is not to be had", shard_id)
        return
    _log.info("shard %d: %d runs", shard_id, len(claim.runs))
    recorder = Recorder(member.database, claim, member.trained_by)
    runs = [Run(claim.configurations[key], seed) for key, seed in claim.runs]
    with member.heartbeat.holding(claim) as hold:
        try:
            finished = member.engine.train(runs, recorder.add, hold.should_stop)
        except Exception as error:  # noqa: BLE001  # whatever it is, the shard must not hang
            _log.exception("shard %d failed", shard_id)
            recorder.save()
            _fail(member.database, claim, f"{type(error).__name__}: {error}")
            return
        _conclude(member, hold, recorder, finished=finished)


def _conclude(member: Member, hold: Hold, recorder: Recorder, *, finished: bool) -> None:
    recorder.save(complete=finished)
    if not finished and not hold.lost.is_set():
        with member.database.write() as session:
            shards.give_back(session, hold.claim)
    _log.info(
        "shard %d %s",
        hold.claim.shard_id,
        "done" if finished else "lost" if hold.lost.is_set() else "given back",
    )


@_patiently
def _fail(database: Database, claim: Claim, reason: str) -> None:
    with database.write() as session:
        shards.fail(session, claim, reason)
