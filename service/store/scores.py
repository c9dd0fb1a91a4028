"""Queries on the scores of runs on tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from service.store.models import Score


def add(session: Session, by_run: Mapping[int, Mapping[str, Any]]) -> None:
    """Store scores by the id of their run: the columns of `Score` besides that."""
    if by_run:
        session.execute(insert(Score), [{"run_id": key, **columns} for key, columns in by_run.items()])
