"""Claim, train, record: what a worker does with a shard, or with a segment of a long one."""

from __future__ import annotations

import logging
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from service.doorbell import ring, ring_new
from service.lab import checkpoints, shards
from service.lab.experiments import Lab
from service.lab.shards import Claim, TrainedBy
from service.lab.work import KINDS, Kind
from service.store import shards as shard_rows
from worker.checkpoints import Checkpoints
from worker.engine import Checkpoint, CheckpointError
from worker.heartbeat import Hold
from worker.member import Member
from worker.patience import patiently
from worker.recording import Recorder
from worker.segments import Segment
from worker.tabular.training import TableTraining

#: A worker rings again after this long for a shard that it leaves to others, in seconds.
_LEAVE_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Training(Protocol):
    """What differs between the kinds of shards: which engine trains them, and what is kept of a cut one."""

    def train(self, hold: Hold, recorder: Recorder) -> bool:
        """Train until all runs have ended (then return True) or the training is to stop or to be cut."""
        ...

    def failed(self, error: Exception) -> None:
        """Clear away what made the training fail, if it lies in the store."""
        ...

    def give_back(self, recorder: Recorder) -> bool:
        """Give a shard back that was not finished; return whether it is to be rung for at once."""
        ...


class ParityTraining:
    """Runs on parities: in segments, with checkpoints between them."""

    def __init__(self, member: Member, claim: Claim) -> None:
        """Train one claim."""
        self._member = member
        self._states = Checkpoints(member, claim)
        self._segment = Segment(member.settings.shard_seconds)

    def train(self, hold: Hold, recorder: Recorder) -> bool:
        """Train, as `Training` says; of what is cut the states are kept."""

        def should_stop(fraction: float) -> bool:
            recorder.save_when_due()  # no other run may end for long
            over = self._segment.look(fraction)
            return hold.should_stop(fraction) or over

        def keep(checkpoint: Checkpoint) -> None:
            if self._segment.long:  # what takes less than two segments is as well trained again
                self._states.add(checkpoint)

        runs = self._states.runs()
        recorder.expect(runs)
        assert self._member.engine is not None  # noqa: S101  # who has none does not consume their queue
        return self._member.engine.train(runs, recorder.add, should_stop, keep)

    def failed(self, error: Exception) -> None:
        """Forget states that the engine cannot go on from: the next attempt starts anew."""
        if isinstance(error, CheckpointError):
            self._states.forget()

    def give_back(self, recorder: Recorder) -> bool:
        """Give the shard back with the states; one that was cut is rung for, behind those that wait."""
        self._states.give_back(must_progress=self._segment.over and not recorder.recorded)
        return self._segment.over


def train_shard(member: Member, shard_id: int) -> None:
    """Train one shard, if it is still to be had.

    A shard that is somebody else's, done or dropped is left alone: that is what makes a second delivery of
    its message harmless.
    """
    stopping = member.heartbeat.stopping
    if stopping.is_set():
        return  # the sweeper rings again for what is left queued
    kind = patiently(stopping)(_kind, member, shard_id)
    if kind == "parity" and patiently(stopping)(_left_to_others, member, shard_id):
        _log.info("shard %d is left to the workers that have begun it", shard_id)
        stopping.wait(_LEAVE_SECONDS)
        ring(member.database, member.doorbell, [shard_id])
        return
    claim = patiently(stopping)(_claim, member, shard_id) if kind in member.kinds else None
    if kind is None or claim is None:
        _log.info("shard %d is not to be had", shard_id)
        return
    _log.info("shard %d: %d runs, %d of them begun", shard_id, len(claim.runs), len(claim.begun))
    again = False
    with member.heartbeat.holding(claim) as hold:
        try:
            training, by = _training(member, claim, kind)
        except Exception as error:  # noqa: BLE001  # as below
            _log.exception("shard %d failed", shard_id)
            _fail(member, claim, error)
            return
        recorder = Recorder(member, claim, by)
        try:
            finished = training.train(hold, recorder)
            recorder.save(complete=finished)
        except Exception as error:  # noqa: BLE001  # whatever it is, the shard must not hang
            _log.exception("shard %d failed", shard_id)
            training.failed(error)
            _fail(member, claim, error, recorder)
            return
        if not finished:
            again = training.give_back(recorder)
    if finished:
        _next_rounds(member)
    _log.info("shard %d %s", shard_id, "done" if finished else "lost" if hold.lost.is_set() else "given back")
    if again and not stopping.is_set():
        ring(member.database, member.doorbell, [shard_id])


def _kind(member: Member, shard_id: int) -> Kind | None:
    with member.database.read() as session:
        found = shard_rows.kinds_of(session, [shard_id]).get(shard_id)
    return next((kind for kind in KINDS if kind == found), None)


def _training(member: Member, claim: Claim, kind: Kind) -> tuple[Training, TrainedBy]:
    if kind == "parity":
        return ParityTraining(member, claim), member.trained_by
    engine = member.tables.engine(kind)
    return TableTraining(member, claim, engine), member.trained_on_table(engine)


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


def _fail(member: Member, claim: Claim, error: Exception, recorder: Recorder | None = None) -> None:
    """Say why a shard failed, and keep the runs that it finished before, if the database takes them."""
    try:
        if recorder is not None:
            recorder.save()
    except SQLAlchemyError:
        _log.exception("shard %d: finished runs are lost and will be trained again", claim.shard_id)
    with member.database.write() as session:
        shards.fail(session, claim, f"{type(error).__name__}: {error}")
