"""The Pareto frontier of resources: how little width and data a success probability costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tombola.results import Cell

#: Forgives the rounding of a probability such as 0.07 * 100 > 7; runs by the million differ by more.
TOLERANCE = 1e-9


def pareto_front(cells: Sequence[Cell], probability: float) -> list[Cell]:
    """Return the cells that reach a success probability and that no other such cell dominates.

    A cell dominates another when it needs at most as much width and at most as many samples, and less of
    one of them. Online training (`samples` null) needs infinitely many samples. Sparsity is a label, not a
    resource: cells that differ in nothing else stand on the frontier together.

    Args:
        cells: Rows of a success table, in any order; rows without a finished run are passed over.
        probability: Success probability to reach, by the point estimate successes / runs; 0 to 1.

    Returns:
        The frontier by rising width, then samples, then sparsity (dense last). Takes O(N log N) time.

    Raises:
        ValueError: `probability` is outside 0 to 1.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must be between 0 and 1, got {probability}")
    reaching = sorted((cell for cell in cells if _reaches(cell, probability)), key=by_coordinates)
    front: list[Cell] = []
    for cell in reaching:
        # By rising width, a cell survives if it needs fewer samples than all before it. The last survivor
        # needs the fewest; a tie with it is no loss only at the same width.
        if not front or _samples(cell) < _samples(front[-1]) or _coordinates(cell) == _coordinates(front[-1]):
            front.append(cell)
    return front


def _reaches(cell: Cell, probability: float) -> bool:
    return cell.runs > 0 and cell.successes >= (probability - TOLERANCE) * cell.runs


def _samples(cell: Cell) -> float:
    return math.inf if cell.samples is None else cell.samples


def _coordinates(cell: Cell) -> tuple[int, float]:
    return cell.width, _samples(cell)


def by_coordinates(cell: Cell) -> tuple[int, float, float]:
    """Return the key that sorts by width, then samples (online last), then sparsity (dense last)."""
    return (*_coordinates(cell), math.inf if cell.sparsity is None else cell.sparsity)
