"""Claim, train, record: what a worker does with a shard, or with a segment of a long one."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from service.doorbell import ring, ring_new
from service.lab import checkpoints, shards
from service.lab.cost import run_flops
from service.lab.experiments import Lab
from service.lab.shards import Claim, RunRecord
from worker.checkpoints import Checkpoints
from worker.engine import Checkpoint, CheckpointError, FinishedRun, Run
from worker.heartbeat import Hold
from worker.member import Member
from worker.patience import patiently
from worker.segments import Segment

#: Finished runs are stored this often, in seconds: what a killed worker loses at most.
_FLUSH_SECONDS = 1.0
#: A worker rings again after this long for a shard that it leaves to others, in seconds.
_LEAVE_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Recorder:
    """Stores finished runs in batches."""

    def __init__(self, member: Member, claim: Claim) -> None:
        """Record the runs of one claim."""
        self._member = member
        self._claim = claim
        self._ids = {item: key for key, item in claim.configurations.items()}
        self.recorded = 0  #: runs that were stored
        self._begun: dict[Run, tuple[int, float]] = {}
        self._unsaved: list[RunRecord] = []
        self._saved_at = time.monotonic()

    def expect(self, origins: Sequence[Run | Checkpoint]) -> None:
        """Note where the runs are when their training begins."""
        self._begun = {
            item.run: (item.steps, item.wall_seconds) for item in origins if isinstance(item, Checkpoint)
        }

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
                begun=self._begun.get(finished.run, (0, 0.0)),
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
            self.recorded += len(self._unsaved)
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
    if patiently(member.heartbeat.stopping)(_left_to_others, member, shard_id):
        _log.info("shard %d is left to the workers that have begun it", shard_id)
        member.heartbeat.stopping.wait(_LEAVE_SECONDS)
        ring(member.database, member.doorbell, [shard_id])
        return
    claim = patiently(member.heartbeat.stopping)(_claim, member, shard_id)
    if claim is None:
        _log.info("shard %d is not to be had", shard_id)
        return
    _log.info("shard %d: %d runs, %d of them begun", shard_id, len(claim.runs), len(claim.begun))
    recorder, states = Recorder(member, claim), Checkpoints(member, claim)
    segment = Segment(member.settings.shard_seconds)
    with member.heartbeat.holding(claim) as hold:
        try:
            finished = _train(member, hold, recorder, states, segment)
            recorder.save(complete=finished)
        except Exception as error:  # noqa: BLE001  # whatever it is, the shard must not hang
            _log.exception("shard %d failed", shard_id)
            if isinstance(error, CheckpointError):
                states.forget()  # the next attempt starts anew
            _fail(member, recorder, claim, f"{type(error).__name__}: {error}")
            return
        if not finished:
            states.give_back(must_progress=segment.over and not recorder.recorded)
    if finished:
        _next_rounds(member)
    _log.info("shard %d %s", shard_id, "done" if finished else "lost" if hold.lost.is_set() else "given back")
    if segment.over and not finished and not member.heartbeat.stopping.is_set():
        ring(member.database, member.doorbell, [shard_id])  # behind those that wait


def _train(member: Member, hold: Hold, recorder: Recorder, states: Checkpoints, segment: Segment) -> bool:
    """Train until all runs have ended (then return True) or the training is to stop or to be cut."""

    def should_stop(fraction: float) -> bool:
        recorder.save_when_due()  # no other run may end for long
        over = segment.look(fraction)
        return hold.should_stop(fraction) or over

    def keep(checkpoint: Checkpoint) -> None:
        if segment.long:  # what takes less than two segments is as well trained again
            states.add(checkpoint)

    runs = states.runs()
    recorder.expect(runs)
    return member.engine.train(runs, recorder.add, should_stop, keep)


def _next_rounds(member: Member) -> None:
    """Plan what adaptive experiments want next, now that there may be nothing else to train."""
    try:
        if Lab(member.settings.shard_seconds).advance_all(member.database):
            ring_new(member.database, member.doorbell)
    except SQLAlchemyError as error:
        _log.warning("the next rounds are left to the sweeper: %s", error)


def _left_to_others(member: Member, shard_id: int) -> bool:
    with member.database.read() as session:
        return checkpoints.left_to_others(
            session, shard_id, member.trained_by.trainer, queue=member.settings.queue
        )


def _claim(member: Member, shard_id: int) -> Claim | None:
    with member.database.write() as session:
        return shards.claim(
            session,
            shard_id,
            worker_id=member.id,
            lease_seconds=member.settings.lease_seconds,
            shard_seconds=member.settings.shard_seconds,
            by=member.trained_by,
        )


def _fail(member: Member, recorder: Recorder, claim: Claim, reason: str) -> None:
    """Say why a shard failed, and keep the runs that it finished before, if the database takes them."""
    try:
        recorder.save()
    except SQLAlchemyError:
        _log.exception("shard %d: finished runs are lost and will be trained again", claim.shard_id)
    with member.database.write() as session:
        shards.fail(session, claim, reason)
