"""The axes of a heat map: edges of cells on a logarithmic axis, or in equal steps where that has no room."""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SIDE, MIN_SIDE = 430.0, 90.0
#: A thinner cell is not seen.
_SEEN = 2.5
_MIN_CELL = 1.0


@dataclass(frozen=True)
class Wish:
    """How long cells should be along an axis, in points.

    Attributes:
        typical: On average.
        text: At least, to hold their text in full size.
        small: At least, to hold it in the smallest size.
    """

    typical: float
    text: float
    small: float


@dataclass(frozen=True)
class CellAxis:
    """One axis of a heat map: values rising, None (online) beyond the last number.

    Attributes:
        values: One for each cell.
        edges: Of the cells, one more than values, as numbers on the axis.
        places: Where the values themselves stand.
        side: Length of the axis, in points.
        scale: Whether it is logarithmic, or in equal steps.
    """

    values: Sequence[int | None]
    edges: list[float]
    places: list[float]
    side: float
    scale: Literal["log", "linear"]

    @property
    def equal_steps(self) -> bool:
        """Whether positions are not those of the values."""
        return self.scale == "linear"

    @property
    def limits(self) -> tuple[float, float]:
        """Return both ends."""
        return self.edges[0], self.edges[-1]

    @property
    def online_edge(self) -> float | None:
        """Return where the cells of numbers end and that of online begins, if there are both."""
        return self.edges[-2] if self.values[-1] is None and len(self.values) > 1 else None

    @property
    def centres(self) -> list[float]:
        """Return the middle of each cell as one sees it."""
        middle = _linear_middle if self.equal_steps else _geometric_middle
        return [middle(*pair) for pair in itertools.pairwise(self.edges)]

    @property
    def smallest(self) -> float:
        """Return the length of the smallest cell, in points."""
        ends = [self.points(edge) for edge in self.edges]
        return min(after - before for before, after in itertools.pairwise(ends))

    def points(self, number: float) -> float:
        """Return the distance of a number on the axis from its start."""
        low, high = self.limits
        if self.equal_steps:
            return (number - low) / (high - low) * self.side
        return math.log(number / low) / math.log(high / low) * self.side


def axis(values: Sequence[int | None], wish: Wish) -> CellAxis:
    """Lay cells out along an axis.

    Edges are the geometric means of neighbouring values, so that everything stands where it is on a
    logarithmic axis; the first and the last cell reach as far outwards as inwards. Where a cell would be too
    small to be seen, or to hold its text where cells of equal size could, steps are equal.
    """
    equal = MAX_SIDE / len(values)
    least = wish.small if equal >= wish.small else min(_SEEN, equal)
    edges = _edges(values)
    whole = math.log(edges[-1] / edges[0])
    share = min(math.log(after / before) for before, after in itertools.pairwise(edges)) / whole
    if share * MAX_SIDE >= least:
        wanted = max(wish.typical * len(values), wish.text / share)
        places = [math.sqrt(edges[-1] * edges[-2]) if value is None else float(value) for value in values]
        return CellAxis(values, edges, places, min(max(wanted, MIN_SIDE), MAX_SIDE), "log")
    cell = max(_MIN_CELL, min(max(wish.typical, wish.text, MIN_SIDE / len(values)), equal))
    numbers = [float(number) for number in range(len(values) + 1)]
    places = [number + 0.5 for number in numbers[:-1]]
    return CellAxis(values, numbers, places, cell * len(values), "linear")


def _edges(values: Sequence[int | None]) -> list[float]:
    numbers = [value for value in values if value is not None]
    inner = [_geometric_middle(*pair) for pair in itertools.pairwise(numbers)]
    if inner:
        edges = [numbers[0] ** 2 / inner[0], *inner, numbers[-1] ** 2 / inner[-1]]
    else:
        only = numbers[0] if numbers else 1.0
        edges = [only / math.sqrt(2), only * math.sqrt(2)]
    if numbers and len(numbers) < len(values):
        step = statistics.median(after / before for before, after in itertools.pairwise(edges))
        edges.append(edges[-1] * step)
    return edges


def _geometric_middle(low: float, high: float) -> float:
    return math.sqrt(low * high)


def _linear_middle(low: float, high: float) -> float:
    return (low + high) / 2
