"""Claim, train, record: what a worker does with a shard."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from tenacity import (
    Retrying,
    before_sleep_log,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential_jitter,
)

from service.lab import shards
from service.lab.cost import run_flops
from service.lab.shards import Claim, RunRecord
from worker.engine import FinishedRun, Run
from worker.member import Member

#: Finished runs are stored this often, in seconds: what a killed worker loses at most.
_FLUSH_SECONDS = 1.0
#: How long a worker waits for a database that is away before it gives up a shard's unsaved runs.
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


class Recorder:
    """Stores finished runs in batches."""

    def __init__(self, member: Member, claim: Claim) -> None:
        """Record the runs of one claim."""
        self._member = member
        self._claim = claim
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
        self.save_when_due()

    def save_when_due(self) -> None:
        """Store what was not stored yet, if that was some time ago."""
        if time.monotonic() - self._saved_at >= _FLUSH_SECONDS:
            self.save()

    def save(self, *, complete: bool = False) -> None:
        """Store what was not stored yet; with `complete`, the shard is done in the same transaction."""
        if self._unsaved or complete:
            patiently(self._member.heartbeat.stopping)(self._save, complete=complete)
            self._unsaved = []
        self._saved_at = time.monotonic()

    def _save(self, *, complete: bool) -> None:
        with self._member.database.write() as session:
            shards.record(session, self._claim, self._unsaved, self._member.trained_by, complete=complete)


def train_shard(member: Member, shard_id: int) -> None:
    """Train one shard, if it is still to be had.

    A shard that is somebody else's, done or dropped is left alone: that is what makes a second delivery of
    its message harmless.
    """
    if member.heartbeat.stopping.is_set():
        return  # the sweeper rings again for what is left queued
    claim = patiently(member.heartbeat.stopping)(_claim, member, shard_id)
    if claim is None:
        _log.info("shard %d is not to be had", shard_id)
        return
    _log.info("shard %d: %d runs", shard_id, len(claim.runs))
    recorder = Recorder(member, claim)
    runs = [Run(claim.configurations[key], seed) for key, seed in claim.runs]
    with member.heartbeat.holding(claim) as hold:

        def should_stop(fraction: float) -> bool:
            recorder.save_when_due()  # no other run may end for long
            return hold.should_stop(fraction)

        try:
            finished = member.engine.train(runs, recorder.add, should_stop)
            recorder.save(complete=finished)
        except Exception as error:  # noqa: BLE001  # whatever it is, the shard must not hang
            _log.exception("shard %d failed", shard_id)
            _fail(member, recorder, claim, f"{type(error).__name__}: {error}")
            return
        if not finished and not hold.lost.is_set():
            with member.database.write() as session:
                shards.give_back(session, claim)
    state = "done" if finished else "lost" if hold.lost.is_set() else "given back"
    _log.info("shard %d %s", shard_id, state)


def _claim(member: Member, shard_id: int) -> Claim | None:
    with member.database.write() as session:
        return shards.claim(
            session,
            shard_id,
            worker_id=member.id,
            lease_seconds=member.settings.lease_seconds,
            shard_seconds=member.settings.shard_seconds,
        )


def _fail(member: Member, recorder: Recorder, claim: Claim, reason: str) -> None:
    """Say why a shard failed, and keep the runs that it finished before, if the database takes them."""
    try:
        recorder.save()
    except SQLAlchemyError:
        _log.exception("shard %d: finished runs are lost and will be trained again", claim.shard_id)
    with member.database.write() as session:
        shards.fail(session, claim, reason)
