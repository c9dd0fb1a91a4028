"""Counts over all experiments, for the metrics."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.store.models import Experiment, Run


def experiments_by_status(session: Session) -> dict[str, int]:
    """Return the number of experiments in each status."""
    rows = session.execute(select(Experiment.status, func.count()).group_by(Experiment.status))
    return {row[0]: row[1] for row in rows}


def runs(session: Session) -> int:
    """Return the number of finished runs in the store."""
    return session.scalars(select(func.count()).select_from(Run)).one()
