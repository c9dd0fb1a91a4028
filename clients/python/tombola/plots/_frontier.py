"""The picture of the Pareto frontier."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from tombola.plots import _bands
from tombola.plots import _common as common
from tombola.plots._canvas import NAME_BELOW, NAME_BESIDE, Canvas, Legend, Text, beside, plain
from tombola.plots._scales import Scale, horizontal, vertical

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import Cell, Frontier, Mark, SuccessTable, Thresholds

LINE_COLOUR = "0.25"
PENDING_COLOUR = "0.82"
LEAST_SIDE, MOST_SIDE = 300.0, 560.0
SMALLEST, LARGEST = 1.5, 11.0  #: diameters
LEAST_CHOSEN = 6.0  #: diameter of the frontier's own discs
PITCH = 1.36  #: between the discs of one cell, in diameters
#: Probabilities are drawn in this many steps, so that discs share their outlines and files stay small.
LEVELS = 50
LEGEND_TITLE = ("filled share of a disc:", "success probability")
#: Rings around the discs of cells that are, or may be, on the frontier.
RINGS: dict[Mark, dict[str, Any]] = {
    "certain": {"markeredgecolor": "black", "markeredgewidth": 1.3},
    "possible": {"markeredgecolor": "0.55", "markeredgewidth": 0.7},
}
RING_LABELS: dict[Mark, str] = {"certain": "ring: certainly on it", "possible": "thin ring: may be on it"}
RING = 1.26  #: its diameter, in those of its disc
RING_FITS = 4.0  #: around smaller discs there are no rings


@dataclass(frozen=True)
class Look:
    """How the cells of one sparsity are drawn; `shift` sets them beside those of the others."""

    label: str
    colour: str
    marker: str = "o"
    shift: float = 0.0

    @property
    def tint(self) -> tuple[float, float, float]:
        """Return the colour of cells off the frontier: opaque, for discs may overlap."""
        red, green, blue = (1 - 0.4 * (1 - part) for part in to_rgb(self.colour))
        return red, green, blue


def draw(table: SuccessTable, front: Frontier, thresholds: Thresholds | None, title: str | None) -> Figure:
    """See `tombola.plots.frontier`."""
    if front.experiment != table.experiment:
        raise ValueError(f"the frontier is of experiment {front.experiment}, the table of {table.experiment}")
    if thresholds is not None:
        _bands.check(thresholds, front)
    labels = common.sparsities(table)
    x, y, diameter = _scales(table, len(labels))
    looks = _looks(labels, diameter)
    bands = _bands.Bands.of(thresholds, {label: look.colour for label, look in looks.items()})
    marks = _marks(front) if diameter >= RING_FITS else {}
    legend = Legend([*_entries(looks, table, front, marks), *bands.entries()], LEGEND_TITLE)
    figure, axes = _canvas(x, y, Text(title, _note(table, front, bands)), legend.width)
    bands.draw(axes, x, y)
    corners = [(point.width, y.place(point.samples)) for point in front.points]
    if corners:
        axes.step(*zip(*corners, strict=True), where="post", color=LINE_COLOUR, linewidth=1.4, zorder=4)
    chosen = {(cell.width, cell.samples, cell.sparsity) for cell in front.points}
    groups: defaultdict[tuple[int | None, bool], list[Cell]] = defaultdict(list)
    for cell in table.cells:
        groups[cell.sparsity, (cell.width, cell.samples, cell.sparsity) in chosen].append(cell)
    for (label, strong), cells in groups.items():
        size = max(diameter, LEAST_CHOSEN) if strong else diameter
        discs = Discs(axes, y, looks[label], size, strong=strong)
        discs.fill(cells)
        discs.ring(cells, marks)
    legend.draw(axes)
    return figure


def _looks(labels: list[int | None], diameter: float) -> dict[int | None, Look]:
    return {
        label: Look(
            common.sparsity_label(label),
            common.COLOURS[index % len(common.COLOURS)],
            common.MARKERS[index // len(common.COLOURS)],
            (index - (len(labels) - 1) / 2) * diameter * PITCH,
        )
        for index, label in enumerate(labels)
    }


def _marks(front: Frontier) -> dict[tuple[int, int | None, int | None], Mark]:
    return {
        (cell.width, cell.samples, cell.sparsity): cell.mark for cell in front.cells if cell.mark in RINGS
    }


def _scales(table: SuccessTable, labels: int) -> tuple[Scale, Scale, float]:
    """Return both axes and the diameter at which the discs stay apart, as far as that can be."""
    widths = common.ascending({cell.width for cell in table.cells})
    samples = common.ascending({cell.samples for cell in table.cells})

    x_side = min(MOST_SIDE, max(LEAST_SIDE + 60, len(widths) * labels * LARGEST * 1.6))
    y_side = min(MOST_SIDE, max(LEAST_SIDE, len(samples) * LARGEST * 1.6))

    def scales(diameter: float) -> tuple[Scale, Scale]:
        cluster = labels * diameter * PITCH
        return Scale(widths, x_side, cluster / 2 + 16), Scale(samples, y_side, diameter / 2 + 16)

    diameter = min(LARGEST, x_side / 2 / labels)
    for _ in range(3):  # the margins follow the discs, and the discs the room that the margins leave
        x, y = scales(diameter)
        fitting = min(x.least_gap / (labels * PITCH + 0.3), y.least_gap / 1.3)
        diameter = min(LARGEST, max(SMALLEST, fitting))
    return *scales(diameter), diameter


def _canvas(x: Scale, y: Scale, text: Text, right: float) -> tuple[Figure, Axes]:
    left = NAME_BESIDE + common.widest(common.number_label(value) for value in y.values) + 10
    below = NAME_BELOW + common.TICK_SIZE + 10
    canvas = Canvas(text, left + x.side + right, below + y.side + 6)
    axes = canvas.axes(left, below, x.side, y.side)
    horizontal(axes, x)
    vertical(axes, y)
    plain(axes)
    canvas.name_below("width", left + x.side / 2)
    canvas.name_beside("training samples", below + y.side / 2)
    return canvas.figure, axes


def _note(table: SuccessTable, front: Frontier, bands: _bands.Bands) -> str:
    missed = [] if front.points else [f"no cell reaches success probability {front.probability:g}"]
    return "; ".join([*missed, *common.unfinished(table), *bands.note()])


class Discs:
    """The cells of one sparsity, on the frontier or off it: rings filled by success probability."""

    def __init__(self, axes: Axes, y: Scale, look: Look, diameter: float, *, strong: bool) -> None:
        self._axes, self._y, self._look = axes, y, look
        self._diameter, self._strong = diameter, strong
        self._shifted = beside(axes, look.shift)

    def fill(self, cells: list[Cell]) -> None:
        """Draw a ring per cell and in it a disc whose share of the ring's area is the success probability."""
        colour = self._look.colour if self._strong else self._look.tint
        levels: defaultdict[int, list[Cell]] = defaultdict(list)
        for cell in cells:
            levels[round(LEVELS * cell.successes / cell.runs) if cell.runs else -1].append(cell)
        width = (1.8 if self._strong else 0.8) * min(1, self._diameter / 8)
        ring: dict[str, Any] = {"markerfacecolor": "white", "markeredgewidth": width}
        self._put(levels.pop(-1, []), self._diameter, 2, markeredgecolor=PENDING_COLOUR, **ring)
        every = [cell for some in levels.values() for cell in some]
        self._put(every, self._diameter, 2, markeredgecolor=colour, **ring)
        for level, some in levels.items():
            if level:
                size = self._diameter * math.sqrt(level / LEVELS)
                self._put(some, size, 3, color=colour, markeredgewidth=0)

    def ring(self, cells: list[Cell], marks: dict[tuple[int, int | None, int | None], Mark]) -> None:
        """Draw rings around the discs of cells that are, or may be, on the frontier."""
        for mark, style in RINGS.items():
            some = [cell for cell in cells if marks.get((cell.width, cell.samples, cell.sparsity)) == mark]
            self._put(some, self._diameter * RING, 3, markerfacecolor="none", **style)

    def _put(self, cells: list[Cell], size: float, order: int, **style: Any) -> None:  # noqa: ANN401  # as Axes.plot
        if not cells:
            return
        places = [cell.width for cell in cells], [self._y.place(cell.samples) for cell in cells]
        style |= {"markersize": size, "zorder": order + (3 if self._strong else 0), "linestyle": "none"}
        self._axes.plot(*places, marker=self._look.marker, transform=self._shifted, **style)


def _entries(
    looks: dict[int | None, Look],
    table: SuccessTable,
    front: Frontier,
    marks: dict[tuple[int, int | None, int | None], Mark],
) -> list[Artist]:
    style: dict[str, Any] = {"linestyle": "none", "markersize": 7}
    entries: list[Artist] = [
        Line2D([], [], marker=look.marker, color=look.colour, label=look.label, **style)
        for look in looks.values()
    ]
    if any(not cell.runs for cell in table.cells):
        pending: dict[str, Any] = {"marker": "o", "fillstyle": "none", "color": PENDING_COLOUR, **style}
        entries.append(Line2D([], [], label="no run finished yet", **pending))
    if front.points:
        label = f"frontier at \N{GREATER-THAN OR EQUAL TO} {front.probability:g}"
        entries.append(Line2D([], [], color=LINE_COLOUR, linewidth=1.4, label=label))
    around: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", **style, "markersize": 9}
    entries += [
        Line2D([], [], label=RING_LABELS[mark], **around, **ring)
        for mark, ring in RINGS.items()
        if mark in marks.values()
    ]
    return entries
