"""Which points no other point beats, for numbers that are known and for numbers that have limits.

Every column of a matrix of values is minimised. Rows are points; infinity stands for "never".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tombola.results import Mark

    Matrix = NDArray[np.float64]
    Flags = NDArray[np.bool_]


def non_dominated(values: Matrix) -> Flags:
    """Tell which rows no other row dominates: is at most as large everywhere, and smaller somewhere.

    Equal rows do not dominate each other. Takes O(N F) comparisons for a front of F rows.
    """
    found = np.zeros(len(values), dtype=bool)
    # In this order no row is dominated by a later one, so the first that is left is on the front.
    left = np.lexsort(values.T[::-1]) if values.shape[1] else np.arange(len(values))
    while left.size:
        first, left = left[0], left[1:]
        found[first] = True
        left = left[~_beaten(values[left], values[first])]
    return found


def dominated_by(points: Matrix, others: Matrix) -> Flags:
    """Tell which points at least one of the others dominates."""
    found = np.zeros(len(points), dtype=bool)
    for other in others:
        found |= _beaten(points, other)
    return found


def marks(low: Matrix, high: Matrix, surely: Flags, possibly: Flags) -> list[Mark]:
    """Return what is known of each point, whose values lie between limits.

    A point is *dominated* if it does not even possibly qualify, or if a point that surely qualifies dominates
    it even when the former's values are taken at their upper limits and its own at their lower ones. It is
    *certain* to be on the frontier if it surely qualifies and no other point that possibly qualifies
    dominates it even when the other's values are taken at their lower limits and its own at their upper ones.
    Every other point is *possible*. Each limit is right at its own level; the marks are not simultaneous.

    Args:
        low: Lower limits of the values, one row a point.
        high: Upper limits, equal to the lower ones where a value is known.
        surely: Whether a point qualifies by its lower limit.
        possibly: Whether it qualifies by its upper limit.
    """
    # Whom a point dominates, a point that dominates it dominates too: to look at the fronts is enough.
    best = high[surely][non_dominated(high[surely])]
    dominated = ~possibly | dominated_by(low, best)
    threatened = _threatened(low, high, possibly)
    return [
        "dominated" if out else "possible" if unsure or open_ else "certain"
        for out, unsure, open_ in zip(dominated, ~surely, threatened, strict=True)
    ]


def _threatened(low: Matrix, high: Matrix, possibly: Flags) -> Flags:
    """Tell which points another possible one might dominate."""
    rivals = np.flatnonzero(possibly)
    front = rivals[non_dominated(low[rivals])]
    found = dominated_by(high, low[front])
    # A point on that front is compared with itself above, and not with those that it hides.
    for point in front:
        others = rivals[rivals != point]
        found[point] = bool(_beats(low[others], high[point]).any())
    return found


def _beaten(points: Matrix, by: Matrix) -> Flags:
    return np.asarray((points >= by).all(axis=1) & (points > by).any(axis=1))


def _beats(points: Matrix, other: Matrix) -> Flags:
    return np.asarray((points <= other).all(axis=1) & (points < other).any(axis=1))
