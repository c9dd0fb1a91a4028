"""What all pictures share: labels, text measures and the header. All lengths are in points, 1/72 inch."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from tombola.plots import MAX_SPARSITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from tombola.results import SuccessTable

INCH = 72
MARGIN = 10.0
TICK_SIZE = 8.0
LABEL_SIZE = 9.0
TITLE_SIZE = 11.0
LINE = 1.35  #: line height over font size
NOTE_COLOUR = "0.35"
#: Okabe & Ito 2008, "Color universal design", without the yellow that is too light for a disc on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Where the colours come round again, the shape tells them apart.
MARKERS = "osD^vphP*X"


def sparsities(table: SuccessTable) -> list[int | None]:
    """Return the sparsities of the table, rising, dense last.

    Raises:
        ValueError: The table has no cells, or more than `MAX_SPARSITIES` sparsities.
    """
    if not table.cells:
        raise ValueError(f"a picture needs at least one cell; the table of {table.experiment} has none")
    return checked_sparsities({cell.sparsity for cell in table.cells}, f"the table of {table.experiment}")


def ascending(values: set[int | None]) -> list[int | None]:
    """Sort an axis; None (dense, online) is its far end."""
    return sorted(values, key=lambda value: math.inf if value is None else value)


def sparsity_label(sparsity: int | None) -> str:
    """Name an initialisation."""
    return "dense" if sparsity is None else f"{sparsity}-sparse"


def checked_sparsities(found: set[int | None], whose: str) -> list[int | None]:
    """Return sparsities in order: rising, dense last.

    Raises:
        ValueError: They are more than `MAX_SPARSITIES`.
    """
    if len(found) > MAX_SPARSITIES:
        raise ValueError(
            f"a picture shows at most {MAX_SPARSITIES} sparsities, {whose} has {len(found)}: "
            "give one with some of its cells only"
        )
    return ascending(found)


def number_label(value: int | None) -> str:
    """Write a width or sample count in few characters: 304, 1008, 20k, 1M, online."""
    if value is None:
        return "online"
    for size, suffix in ((1_000_000, "M"), (1_000, "k")):
        if value >= size and value % size == 0:
            return f"{value // size}{suffix}"
    return str(value)


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of one line in the default font at `size`."""
    font = FontProperties(size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width)


def _wrapped(text: str, size: float, weight: str, room: float) -> list[str]:
    """Break a text into lines that fit into `room`."""
    fraction = text_width(text, size, weight) / room
    columns = len(text)
    while True:
        lines = textwrap.wrap(text, columns) if text else []
        if fraction <= 1 or columns <= 1 or max(text_width(line, size, weight) for line in lines) <= room:
            return lines
        columns = columns * 9 // 10


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


def unfinished(table: SuccessTable) -> list[str]:
    """Say how many runs the picture stands on, if not all."""
    done, total = sum(cell.runs for cell in table.cells), sum(cell.runs_total for cell in table.cells)
    return [] if done == total else [f"{done} of {total} runs finished"]


def axis_names(figure: Figure, below: tuple[str, float], beside: tuple[str, float]) -> None:
    """Name both axes at the edges of the figure, each centred on a position."""
    width, height = figure.get_figwidth() * INCH, figure.get_figheight() * INCH
    name, x = below
    figure.text(x / width, MARGIN / height, name, size=LABEL_SIZE, ha="center", va="baseline")
    name, y = beside
    edge = MARGIN + LABEL_SIZE / 2
    figure.text(edge / width, y / height, name, size=LABEL_SIZE, rotation=90, ha="center", va="center")


def quiet(axes: Axes) -> None:
    """Make ticks, grid and frame step back behind the data."""
    axes.minorticks_off()
    axes.tick_params(length=2, labelsize=TICK_SIZE)
    axes.grid(visible=True, color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def side_legend(axes: Axes, entries: Sequence[Line2D], title: str, *, columns: int = 1) -> None:
    """Put a legend to the right of the axes, from their top down."""
    axes.legend(
        handles=list(entries),
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        borderaxespad=0,
        frameon=False,
        fontsize=TICK_SIZE,
        title=title,
        title_fontsize=TICK_SIZE,
        alignment="left",
        ncols=columns,
    )


@dataclass(frozen=True)
class Text:
    """What stands above a picture."""

    title: str | None
    note: str


class Header:
    """A title and a note below it, at the top left of a figure.

    Attributes:
        height: Room that they take, margins included.
    """

    def __init__(self, text: Text, width: float) -> None:
        room = width - 2 * MARGIN
        self._title = _wrapped(text.title or "", TITLE_SIZE, "bold", room)
        self._note = _wrapped(text.note, TICK_SIZE, "normal", room)
        self.height = MARGIN + LINE * (len(self._title) * TITLE_SIZE + len(self._note) * TICK_SIZE) + 4

    def write(self, figure: Figure) -> None:
        """Write title and note; a dollar sign in them is a dollar sign, not mathematics."""
        height = figure.get_figheight() * INCH
        left = MARGIN / (figure.get_figwidth() * INCH)
        top = height - MARGIN
        title: dict[str, Any] = {"size": TITLE_SIZE, "weight": "bold"}
        note: dict[str, Any] = {"size": TICK_SIZE, "color": NOTE_COLOUR}
        for line, style in [*((line, title) for line in self._title), *((line, note) for line in self._note)]:
            figure.text(left, top / height, line, va="top", parse_math=False, **style)
            top -= LINE * style["size"]
