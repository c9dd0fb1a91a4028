"""Answers that are kept for as long as the experiment that they are about does not change."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache

from service.api import conditional

_MOST_BYTES = 64 * 2**20


class Key(NamedTuple):
    """What an answer depends on: the question, and the number of the experiment's last change."""

    path: str
    query: str
    media_type: str
    version: int


class Kept:
    """The answers that were asked for last, up to a number of bytes.

    An experiment's version moves in every transaction that changes its counts, its decisions or its
    status, so the same question at the same version has the same answer. The version is read before the
    counts: an answer may be newer than its key says, and is never older. Each process keeps its own.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._bodies: LRUCache[Key, conditional.Body] = LRUCache(
            most_bytes, getsizeof=lambda body: len(body.content)
        )
        self._lock = Lock()

    def get(self, key: Key, make: Callable[[], bytes]) -> conditional.Body:
        """Return the answer to a question, made now unless it is kept."""
        with self._lock:
            body: conditional.Body | None = self._bodies.get(key)
        if body is None:
            body = conditional.Body.of(make())
            with self._lock:
                if len(body.content) <= self._bodies.maxsize:
                    self._bodies[key] = body
        return body
