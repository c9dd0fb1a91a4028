"""Large values in parts: rows of a few megabytes that belong to one row of another table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

#: Bytes in one part, and so in one statement.
PART_BYTES = 4 * 2**20


def write(session: Session, owner: InstrumentedAttribute[Any], key: Any, data: bytes) -> None:  # noqa: ANN401  # of the owner's type
    """Store a value that has no parts yet.

    Args:
        session: An open write transaction.
        owner: The column that names the owner, of a table that has the columns `number` and `data` besides.
        key: The owner.
        data: The value.
    """
    view = memoryview(data)
    for number, first in enumerate(range(0, len(data), PART_BYTES)):
        session.execute(
            insert(owner.class_),
            {owner.key: key, "number": number, "data": view[first : first + PART_BYTES]},
        )


def read(session: Session, owner: InstrumentedAttribute[Any], key: Any) -> Iterator[bytes]:  # noqa: ANN401  # as above
    """Yield the parts of a value in their order; arguments as those of `write`."""
    number = 0
    while (part := one(session, owner, key, number)) is not None:
        yield part
        number += 1


def one(session: Session, owner: InstrumentedAttribute[Any], key: Any, number: int) -> bytes | None:  # noqa: ANN401  # as above
    """Return the part with this number, from 0, or None behind the last; arguments as those of `write`."""
    parts = owner.class_
    return session.scalar(select(parts.data).where(owner == key, parts.number == number))
