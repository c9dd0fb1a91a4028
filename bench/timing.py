"""Fair timing: sides take turns, several rounds, the median counts and the spread is told."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any, Protocol

#: Threads of the side before may spin on a while, waiting for more work.
_SETTLE_SECONDS = 0.25


class Side(Protocol):
    """One of the things that are compared.

    Attributes:
        runs: How many runs it trains at once.
    """

    runs: int

    def seconds(self, steps: int) -> float:
        """Train so many steps with every run, from the start; return the seconds per run and step."""
        ...


def settle() -> None:
    """Wait until the threads of what ran before have gone to sleep."""
    time.sleep(_SETTLE_SECONDS)


def steps_for(side: Side, *, target_seconds: float, interval: int, most: int) -> int:
    """Return how many steps take about `target_seconds`, in whole evaluation intervals.

    The trial, of one interval, warms the side up as well.
    """
    settle()
    trial = side.seconds(interval) * side.runs * interval
    return min(max(int(target_seconds / trial), 1) * interval, most)


def side_by_side(sides: Mapping[str, Side], steps: Mapping[str, int], rounds: int) -> dict[str, list[float]]:
    """Time all sides once a round, in an order that turns; return the seconds per run and step of each."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            settle()
            found[name].append(sides[name].seconds(steps[name]))
    return found


def summary(values: list[float], scale: float = 1.0) -> dict[str, Any]:
    """Return median and extremes, multiplied by `scale`, and how many there were."""
    return {
        "median": statistics.median(values) * scale,
        "low": min(values) * scale,
        "high": max(values) * scale,
        "rounds": len(values),
    }
