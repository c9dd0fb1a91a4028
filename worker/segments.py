"""When a shard in training is cut, so that others get their turn and little is lost with its worker."""

from __future__ import annotations

import time
from collections.abc import Callable

#: A shard longer than this many segments is cut.
_LONG = 2.0
#: After this many segments it is cut even where little seems left: the engine's fraction was wrong.
_LONGEST = 3.0
#: What takes less than this share of a segment is trained to its end.
_NEARLY_DONE = 0.1


class Segment:
    """One claim's training, judged by the time that it takes and how far it comes, not by its estimated cost.

    A shard of ordinary length is never cut. Nor is one that has not moved: its next segment would not either.

    Args:
        seconds: How long a segment is to train, at least.
        clock: Seconds since some moment.

    Attributes:
        long: Whether the training would take more than about two segments.
        over: Whether to cut now.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._first: tuple[float, float] | None = None
        self.long = False
        self.over = False

    def look(self, fraction: float) -> bool:
        """Note the fraction of the work (0 to 1) done by now; return `over`. The first look is the start."""
        at = self._clock()
        began_at, began_with = self._first = self._first or (at, fraction)
        elapsed, moved = at - began_at, fraction - began_with
        if moved > 0:
            left = elapsed * (1.0 - fraction) / moved
            least = max(_LONG * self._seconds - elapsed, _NEARLY_DONE * self._seconds)
            self.long = left > least or elapsed > _LONGEST * self._seconds
            self.over = self.long and elapsed >= self._seconds
        return self.over
