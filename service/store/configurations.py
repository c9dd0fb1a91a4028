"""Queries on configurations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.store.dialect import in_lists, insert
from service.store.models import Configuration
from tombola.spec import AnyConfiguration, configuration_of


def ids_by_hash(session: Session, hashes: Iterable[str]) -> dict[str, int]:
    """Return the ids of those hashes that are known."""
    found: dict[str, int] = {}
    for chunk in in_lists(hashes):
        rows = session.execute(
            select(Configuration.hash, Configuration.id).where(Configuration.hash.in_(chunk))
        )
        found.update((row.hash, row.id) for row in rows)
    return found


def ensure(session: Session, by_hash: Mapping[str, AnyConfiguration]) -> dict[str, int]:
    """Store those configurations that are new, and return all their ids by hash."""
    session.execute(
        insert(session, Configuration).on_conflict_do_nothing(index_elements=["hash"]),
        [{"hash": key, "document": item.model_dump(mode="json")} for key, item in by_hash.items()],
    )
    return ids_by_hash(session, by_hash)


def load(session: Session, ids: Iterable[int]) -> dict[int, AnyConfiguration]:
    """Return configurations by id."""
    found: dict[int, AnyConfiguration] = {}
    for chunk in in_lists(ids):
        rows = session.execute(
            select(Configuration.id, Configuration.document).where(Configuration.id.in_(chunk))
        )
        found.update((row.id, configuration_of(row.document)) for row in rows)
    return found
