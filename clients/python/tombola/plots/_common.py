"""What all pictures share: sizes, labels and text measures. All lengths are in points, 1/72 inch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from tombola.plots import MAX_SPARSITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tombola.results import SuccessTable

INCH = 72
MARGIN = 10.0
TICK_SIZE = 8.0
LABEL_SIZE = 9.0
TITLE_SIZE = 11.0
LINE = 1.35  #: line height over font size
NOTE_COLOUR = "0.35"
#: Okabe & Ito 2008, "Color universal design", without the yellow that is too light on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Where the colours come round again, or are near each other, the shape tells them apart.
MARKERS = "osD^vphP*X"


def sparsities(table: SuccessTable, most: int = MAX_SPARSITIES) -> list[int | None]:
    """Return the sparsities of the table, rising, dense last.

    Raises:
        ValueError: The table has no cells, or more than `most` sparsities.
    """
    if not table.cells:
        raise ValueError(f"a picture needs at least one cell; the table of {table.experiment} has none")
    found = {cell.sparsity for cell in table.cells}
    hint = ": give a table with some of its cells only"
    return few(found, f"the table of {table.experiment}", most, hint)


def few(found: set[int | None], what: str, most: int = MAX_SPARSITIES, hint: str = "") -> list[int | None]:
    """Return sparsities, rising, dense last.

    Args:
        found: All there are.
        what: What they are of, for the error.
        most: How many the picture shows.
        hint: What to do where there are more.

    Raises:
        ValueError: There are more.
    """
    if len(found) > most:
        raise ValueError(f"such a picture shows at most {most} sparsities, {what} has {len(found)}{hint}")
    return ascending(found)


def ascending(values: set[int | None]) -> list[int | None]:
    """Sort an axis; None (dense, online) is its far end."""
    return sorted(values, key=lambda value: math.inf if value is None else value)


def sparsity_label(sparsity: int | None) -> str:
    """Name an initialisation."""
    return "dense" if sparsity is None else f"{sparsity}-sparse"


def samples_label(samples: int | None) -> str:
    """Name an amount of data."""
    return "online" if samples is None else f"{number_label(samples)} samples"


def number_label(value: int | None) -> str:
    """Write a width or sample count in few characters: 304, 1008, 20k, 1M, online."""
    if value is None:
        return "online"
    for size, suffix in ((1_000_000, "M"), (1_000, "k")):
        if value >= size and value % size == 0:
            return f"{value // size}{suffix}"
    return str(value)


def limits_label(level: float, method: str) -> str:
    """Say what limits are: 95% limits (wilson)."""
    return f"{100 * level:g}% limits ({method})"


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of one line in the default font at `size`."""
    font = FontProperties(size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width)


def widest(texts: Iterable[str], size: float = TICK_SIZE) -> float:
    """Return the width of the widest of some lines; 0 of none."""
    return max((text_width(text, size) for text in texts), default=0.0)


def spaced(positions: Sequence[float], extents: Sequence[float]) -> list[int]:
    """Choose the tick labels that fit: all, or else some with air between them, the last one always.

    Args:
        positions: Centres along the axis, rising.
        extents: Lengths of the labels along the axis.

    Returns:
        Indices of the labels to show, rising.
    """
    chosen = _clear(positions, extents, gap=2)
    return chosen if len(chosen) == len(positions) else _clear(positions, extents, gap=TICK_SIZE / 2)


def _clear(positions: Sequence[float], extents: Sequence[float], gap: float) -> list[int]:
    chosen: list[int] = []
    for index in reversed(range(len(positions))):
        if chosen:
            neighbour = chosen[-1]
            clearance = positions[neighbour] - positions[index]
            if clearance < (extents[neighbour] + extents[index]) / 2 + gap:
                continue
        chosen.append(index)
    return chosen[::-1]


def spread(count: int, most: int) -> list[int]:
    """Choose at most `most` of `count` indices, first and last among them, evenly."""
    if count <= most:
        return list(range(count))
    return [round(number * (count - 1) / (most - 1)) for number in range(most)]


def unfinished(table: SuccessTable) -> list[str]:
    """Say how many runs the picture stands on, if not all."""
    done, total = sum(cell.runs for cell in table.cells), sum(cell.runs_total for cell in table.cells)
    return [] if done == total else [f"{done} of {total} runs finished"]
