"""Fair timing: sides take turns, several rounds, the median counts and the spread is told."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any, Protocol

#: Threads of the side before may spin on a while, waiting for more work.
_SETTLE_SECONDS = 0.25
#: What takes longer than this has no warm-up to speak of.
_LONG_SECONDS = 2.0


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


def side_by_side(
    sides: Mapping[str, Side], *, target_seconds: float, interval: int, most: int, rounds: int
) -> dict[str, tuple[int, list[float]]]:
    """Time all sides once a round, in an order that turns.

    A trial of one evaluation interval warms each side up and tells how many intervals take about
    `target_seconds`; where it takes long itself, it counts as a round.

    Returns:
        By side, the steps of a round and the seconds per run and step of each round.
    """
    found: dict[str, tuple[int, list[float]]] = {}
    for name, side in sides.items():
        settle()
        trial = side.seconds(interval)
        whole = trial * side.runs * interval
        steps = min(max(int(target_seconds / whole), 1) * interval, most)
        found[name] = steps, [trial] if whole > _LONG_SECONDS else []
    names = list(sides)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            steps, values = found[name]
            if len(values) <= number:
                settle()
                values.append(sides[name].seconds(steps))
    return found


def summary(values: list[float], scale: float = 1.0) -> dict[str, Any]:
    """Return median and extremes, multiplied by `scale`, and how many there were."""
    return {
        "median": statistics.median(values) * scale,
        "low": min(values) * scale,
        "high": max(values) * scale,
        "rounds": len(values),
    }
