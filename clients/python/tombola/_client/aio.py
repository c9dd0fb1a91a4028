"""What itertools lacks for async iterators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def take(items: AsyncIterator[T], limit: int | None) -> AsyncIterator[T]:
    """Yield at most `limit` items, and ask for no more than that."""
    left = limit
    if left == 0:
        return
    async for item in items:
        yield item
        if left is not None:
            left -= 1
            if left <= 0:
                return
