"""What an experiment tells those who listen: one event for each change, in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from service.store import events
from service.store.models import Experiment


def status(session: Session, experiment: Experiment) -> None:
    """Tell the status."""
    events.append(
        session,
        experiment,
        "status",
        {"status": experiment.status, "reason": experiment.reason, **_counts(experiment)},
    )


def progress(session: Session, experiment: Experiment) -> None:
    """Tell that runs were recorded."""
    events.append(session, experiment, "progress", _counts(experiment))


def planned(session: Session, experiment: Experiment, shards: int) -> None:
    """Tell that runs were cut into shards."""
    events.append(session, experiment, "planned", {"shards": shards})


def decided(session: Session, experiment: Experiment, cells: Mapping[str, int]) -> None:
    """Tell that adaptive cells need no more runs: how many, by decision."""
    events.append(session, experiment, "decided", {"cells": dict(cells)})


def shard_failed(session: Session, experiment: Experiment, shard_id: int, attempt: int, reason: str) -> None:
    """Tell that training a shard went wrong."""
    events.append(
        session, experiment, "shard_failed", {"shard": shard_id, "attempt": attempt, "reason": reason}
    )


def _counts(experiment: Experiment) -> dict[str, Any]:
    return {
        "runs_done": experiment.runs_done,
        "runs_total": experiment.runs_total,
        "successes": experiment.successes,
        "diverged": experiment.diverged,
    }
