"""Answers that are kept for as long as the experiment that they are about does not change."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition
from typing import NamedTuple

from cachetools import LRUCache, cached

from service.api import conditional

_MOST_BYTES = 64 * 2**20


class Key(NamedTuple):
    """What an answer depends on: the question, and the number of the experiment's last change.

    The question is the whole URL: the Markdown of a report links to the host that it was asked of.
    """

    url: str
    media_type: str
    version: int


class _Answer(NamedTuple):
    body: conditional.Body
    size: int


class Kept:
    """The answers that were asked for last, up to a number of bytes, their questions counted.

    An experiment's version moves in every transaction that changes its counts, its decisions or its
    status, so the same question at the same version has the same answer. The version is read before the
    counts: an answer may be newer than its key says, and is never older. Who asks what is being made waits
    for it. Each process keeps its own.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._answers = cached(
            LRUCache[Key, _Answer](most_bytes, getsizeof=lambda answer: answer.size),
            key=lambda key, _: key,
            condition=Condition(),
        )(_made)

    def get(self, key: Key, make: Callable[[], bytes]) -> conditional.Body:
        """Return the answer to a question, made now unless it is kept."""
        return self._answers(key, make).body


def _made(key: Key, make: Callable[[], bytes]) -> _Answer:
    body = conditional.Body.of(make())
    return _Answer(body, len(body.content) + len(key.url))
