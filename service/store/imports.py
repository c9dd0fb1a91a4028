"""Queries on imports of data sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from service.store.models import DatasetImport, ImportedDataset


def add(session: Session, row: DatasetImport) -> None:
    """Store a new import."""
    session.add(row)
    session.flush()


def get(session: Session, import_id: str) -> DatasetImport | None:
    """Return one import."""
    return session.get(DatasetImport, import_id, populate_existing=True)


def change(
    session: Session, import_id: str, *, status: str, token: str | None, values: Mapping[str, Any]
) -> DatasetImport | None:
    """Change an import that is in this status under this token (compare and set); None if it is not."""
    return session.scalars(
        update(DatasetImport)
        .where(
            DatasetImport.id == import_id,
            DatasetImport.status == status,
            DatasetImport.token.is_not_distinct_from(token),
        )
        .values(**values)
        .returning(DatasetImport),
        execution_options={"populate_existing": True},
    ).one_or_none()


def expired(session: Session, at: datetime) -> Sequence[DatasetImport]:
    """Return imports whose lease has run out."""
    return session.scalars(
        select(DatasetImport)
        .where(DatasetImport.status == "running", DatasetImport.lease_until < at)
        .order_by(DatasetImport.id)
    ).all()


def note(session: Session, values: dict[str, Any]) -> None:
    """Store what became of one data set of an import."""
    session.execute(insert(ImportedDataset), values)


def noted(session: Session, import_id: str) -> Sequence[ImportedDataset]:
    """Return what became of the data sets of an import so far."""
    return session.scalars(
        select(ImportedDataset).where(ImportedDataset.import_id == import_id).order_by(ImportedDataset.number)
    ).all()


def unrung(session: Session, *, limit: int) -> Sequence[str]:
    """Return ids of queued imports that were never rung for, oldest first."""
    return session.scalars(
        select(DatasetImport.id)
        .where(DatasetImport.status == "queued", DatasetImport.rung_at.is_(None))
        .order_by(DatasetImport.id)
        .limit(limit)
    ).all()


def rung_count(session: Session) -> int:
    """Return the number of queued imports that were rung for."""
    return (
        session.scalar(
            select(func.count())
            .select_from(DatasetImport)
            .where(DatasetImport.status == "queued", DatasetImport.rung_at.is_not(None))
        )
        or 0
    )


def rung_before(session: Session, at: datetime, *, limit: int) -> Sequence[str]:
    """Return ids of queued imports that were last rung for before that time, oldest ring first."""
    return session.scalars(
        select(DatasetImport.id)
        .where(DatasetImport.status == "queued", DatasetImport.rung_at < at)
        .order_by(DatasetImport.rung_at)
        .limit(limit)
    ).all()


def mark_rung(session: Session, ids: Collection[str], at: datetime) -> None:
    """Note when imports were rung for."""
    session.execute(update(DatasetImport).where(DatasetImport.id.in_(ids)).values(rung_at=at))
