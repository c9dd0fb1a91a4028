"""Queries on data sets: a row of what is known, and the Parquet file in parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session, undefer

from service.store import dialect, parts
from service.store.models import Dataset, DatasetPart


def add(session: Session, values: Mapping[str, Any], data: bytes) -> bool:
    """Store a data set, unless there is one with its id or its name.

    Args:
        session: An open write transaction.
        values: The columns of `Dataset`, but for the size.
        data: Its Parquet file.

    Returns:
        Whether it was stored.
    """
    statement = dialect.insert(session, Dataset).values(**values, size=len(data))
    new = session.execute(statement.on_conflict_do_nothing().returning(Dataset.id)).scalar()
    if new is None:
        return False
    parts.write(session, DatasetPart.dataset_id, new, data)
    return True


def get(session: Session, id_or_name: str) -> Dataset | None:
    """Return a data set with its profile, by its id or its name; the id goes first."""
    found = session.scalars(
        select(Dataset)
        .where(or_(Dataset.id == id_or_name, Dataset.name == id_or_name))
        .options(undefer(Dataset.profile))
        .order_by(Dataset.id != id_or_name)
        .limit(1)
    )
    return found.one_or_none()


class Known(NamedTuple):
    """What answers say of a data set.

    Attributes:
        majority: Share of its largest class.
    """

    name: str
    majority: float


def known(session: Session, ids: Iterable[str]) -> dict[str, Known]:
    """Return what answers say of those data sets that are there still, by their ids."""
    return {
        row.id: Known(row.name, max(found["rows"] for found in row.classes) / row.rows)
        for chunk in dialect.in_lists(ids)
        for row in session.execute(
            select(Dataset.id, Dataset.name, Dataset.rows, Dataset.profile["classes"].label("classes")).where(
                Dataset.id.in_(chunk)
            )
        )
    }


def exists_now(session: Session, dataset_id: str) -> bool:
    """Tell whether there is a data set of this id still."""
    return session.scalar(select(Dataset.id).where(Dataset.id == dataset_id)) is not None


def page(session: Session, *, limit: int, after: str | None) -> Sequence[Dataset]:
    """Return up to `limit` data sets without their profiles, by name, behind the name `after`."""
    query = select(Dataset).order_by(Dataset.name).limit(limit)
    if after is not None:
        query = query.where(Dataset.name > after)
    return session.scalars(query).all()


def file(session: Session, dataset_id: str) -> Iterator[bytes]:
    """Yield a data set's Parquet file in parts."""
    return parts.read(session, DatasetPart.dataset_id, dataset_id)


def part(session: Session, dataset_id: str, number: int) -> bytes | None:
    """Return one part of a data set's Parquet file, or None behind the last one."""
    return parts.one(session, DatasetPart.dataset_id, dataset_id, number)


def remove(session: Session, dataset_id: str) -> bool:
    """Delete a data set; false if there is none."""
    gone = session.scalars(delete(Dataset).where(Dataset.id == dataset_id).returning(Dataset.id))
    return gone.first() is not None
