"""Queries on measured speeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from service.store import dialect
from service.store.models import Speed


def of(session: Session, machines: Iterable[tuple[str, str]]) -> Sequence[Speed]:
    """Return what was measured of machines, each an engine and a device's name."""
    return session.scalars(
        select(Speed)
        .where(tuple_(Speed.engine, Speed.device_name).in_(list(machines)))
        .order_by(Speed.engine, Speed.device_name, Speed.width_class)
        .execution_options(populate_existing=True)
    ).all()


def put(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store speeds, in place of what was known for their keys; always in the same order, so without deadlock.

    Two workers that measure at once may each replace what the other has just stored. Nothing is lost that
    the next measurement does not bring.
    """
    key = ("engine", "device_name", "width_class")
    ordered = sorted((dict(row) for row in rows), key=lambda row: [row[name] for name in key])
    if not ordered:
        return
    statement = dialect.insert(session, Speed)
    changed = {
        name: statement.excluded[name] for name in ("log_factor", "variance", "evidence", "updated_at")
    }
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed), ordered)
