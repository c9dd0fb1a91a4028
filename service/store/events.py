"""Queries on events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.store.database import now
from service.store.models import Event, Experiment


def append(session: Session, experiment: Experiment, kind: str, data: Mapping[str, Any]) -> None:
    """Number an event and store it. The caller holds the experiment's row, so numbers have no gaps."""
    experiment.version += 1
    session.add(
        Event(
            experiment_id=experiment.id,
            number=experiment.version,
            type=kind,
            data=dict(data),
            created_at=now(),
        )
    )


def after(session: Session, experiment_id: str, number: int, *, limit: int = 500) -> Sequence[Event]:
    """Return the events that follow `number`, in order."""
    return session.scalars(
        select(Event)
        .where(Event.experiment_id == experiment_id, Event.number > number)
        .order_by(Event.number)
        .limit(limit)
    ).all()
