"""Checkpoints: where a long run goes on after a segment, whoever trains the next one.

A checkpoint is only ever a saving of time. One that is lost, damaged or made by other software means that the
run starts anew, with the same result.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from service.store import checkpoints, workers
from service.store.checkpoints import Trainer
from service.store.database import clock, now
from service.store.models import Experiment
from tombola.results import ExperimentStatus

#: How long a checkpoint is kept when only experiments that failed or were cancelled want its run.
KEPT = timedelta(days=1)

#: How long a shard is left to those who have begun its runs.
_LEFT_FOR = timedelta(minutes=10)
_UNFINISHED = tuple(status.value for status in ExperimentStatus if not status.finished)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunState:
    """A run between two segments, as it is stored; fields as in `worker.engine.seam.Checkpoint`."""

    configuration_id: int
    seed: int
    steps: int
    parameters: bytes
    curve: Mapping[str, Any]
    wall_seconds: float

    def checksum(self) -> str:
        """Return the SHA-256 of all of it, 64 hexadecimal digits."""
        about = [self.configuration_id, self.seed, self.steps, dict(self.curve), self.wall_seconds]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        digest.update(self.parameters)
        return digest.hexdigest()


def save(session: Session, states: Iterable[RunState], by: Trainer) -> int:
    """Store states of unfinished runs; return how many were further than what was stored."""
    # In one order, so that two savers never wait for each other.
    return sum(
        checkpoints.save(
            session,
            by,
            {
                "configuration_id": state.configuration_id,
                "seed": state.seed,
                "steps": state.steps,
                "curve": dict(state.curve),
                "wall_seconds": state.wall_seconds,
                "checksum": state.checksum(),
                "saved_at": now(),
            },
            state.parameters,
        )
        for state in sorted(states, key=lambda state: (state.configuration_id, state.seed))
    )


def load(session: Session, configuration_id: int, seed: int, by: Trainer) -> RunState | None:
    """Return what a run can go on from, or None; one that is damaged is deleted."""
    row = checkpoints.find(session, by, configuration_id, seed)
    if row is None:
        return None
    state = RunState(
        configuration_id=configuration_id,
        seed=seed,
        steps=row.steps,
        parameters=checkpoints.parameters(session, row.id),
        curve=row.curve,
        wall_seconds=row.wall_seconds,
    )
    if len(state.parameters) == row.size and state.checksum() == row.checksum:
        return state
    _log.error(
        "the checkpoint of configuration %d, seed %d at step %d is damaged (%d bytes; right would be %d): "
        "the run starts anew",
        configuration_id,
        seed,
        row.steps,
        len(state.parameters),
        row.size,
    )
    checkpoints.forget(session, [row.id])
    return None


def left_to_others(session: Session, shard_id: int, by: Trainer, *, queue: str) -> bool:
    """Tell whether a queued shard is better trained by others: live workers who have begun its runs lately.

    Another engine would begin anew, and both would train the same run by turns, each from its own checkpoint.

    Args:
        session: An open session.
        shard_id: Which.
        by: Who asks.
        queue: Where the others must listen, too.
    """
    begun_by = checkpoints.trainers(session, shard_id, saved_after=clock(session) - _LEFT_FOR)
    if not begun_by or by in begun_by:
        return False
    return any(
        row.queue == queue and Trainer.of(row.engine, row.device, row.versions) in begun_by
        for row in workers.alive(session)
    )


def held_costs(session: Session, experiments: Sequence[Experiment]) -> dict[str, float]:
    """Return the cost of the steps that checkpoints hold, by experiment, for those that have not ended."""
    budgets = {
        row.id: row.spec["training"]["max_steps"]
        for row in experiments
        if row.status in _UNFINISHED and "training" in row.spec  # runs on tables have no checkpoints
    }
    if not budgets:
        return {}
    return {key: value / budgets[key] for key, value in checkpoints.held(session, budgets).items()}


def unwanted(session: Session) -> Sequence[int]:
    """Return the ids of the checkpoints that nobody will go on from.

    A checkpoint is kept as long as an experiment that is queued, running or paused wants its run, and `KEPT`
    for a retry of one that failed or was cancelled.
    """
    return checkpoints.unwanted(session, saved_before=now() - KEPT, unfinished=_UNFINISHED)
