"""What SQLite and PostgreSQL spell differently: an insert with a conflict clause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.store.models import Base

T = TypeVar("T")

#: Values in one IN list: far below the parameter limits of both databases.
IN_LIST = 5_000


def insert(session: Session, model: type[Base]) -> Any:  # noqa: ANN401  # two classes with the same methods
    """Return the dialect's INSERT, which knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model)
    return sqlite.insert(model)


def in_lists(values: Iterable[T]) -> Iterator[Sequence[T]]:
    """Yield the values in lists short enough for an IN clause."""
    iterator = iter(values)
    while chunk := list(islice(iterator, IN_LIST)):
        yield chunk
