"""The picture of the Pareto frontier."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from tombola.plots import _common as common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from tombola.results import Cell, Frontier, SuccessTable

LINE_COLOUR = "0.25"
PENDING_COLOUR = "0.82"
LEAST_SIDE, MOST_SIDE = 300.0, 560.0
SMALLEST, LARGEST = 1.5, 11.0  #: diameters
LEAST_CHOSEN = 6.0  #: diameter of the frontier's own discs
PITCH = 1.15  #: between the discs of one cell, in diameters
#: Probabilities are drawn in this many steps, so that discs share their outlines and files stay small.
LEVELS = 50
LEGEND_TITLE = ("filled share of a disc:", "success probability")
LEGEND_ROWS = 20


@dataclass(frozen=True)
class Scale:
    """One logarithmic axis of length `side`, `pad` points of it empty at either end.

    None (online) has a place of its own beyond the last number.
    """

    values: Sequence[int | None]
    side: float
    pad: float

    def place(self, value: int | None) -> float:
        """Return where a value stands, as a number on the axis."""
        if value is not None:
            return float(value)
        numbers = [number for number in self.values if number is not None]
        return numbers[-1] * self.band_step**2 if numbers else 1.0

    @property
    def band_step(self) -> float:
        """Return the factor from the last number to the edge of the online band, and on to its middle."""
        numbers = [number for number in self.values if number is not None]
        return float(max(numbers[-1] / numbers[0], 4.0) ** 0.1) if numbers else 2.0

    @property
    def limits(self) -> tuple[float, float]:
        """Return both ends of the axis."""
        first, last = self.place(self.values[0]), self.place(self.values[-1])
        margin = max(last / first, 2.0) ** (self.pad / (self.side - 2 * self.pad))
        if first == last:
            margin *= math.sqrt(2)
        return first / margin, last * margin

    def points(self, value: int | None) -> float:
        """Return the distance of a value from the start of the axis."""
        low, high = self.limits
        return math.log(self.place(value) / low) / math.log(high / low) * self.side

    @property
    def least_gap(self) -> float:
        """Return the distance of the nearest neighbours."""
        places = [self.points(value) for value in self.values]
        return min((after - before for before, after in itertools.pairwise(places)), default=self.side)


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


def draw(table: SuccessTable, front: Frontier, title: str | None) -> Figure:
    """See `tombola.plots.frontier`."""
    if front.experiment != table.experiment:
        raise ValueError(f"the frontier is of experiment {front.experiment}, the table of {table.experiment}")
    labels = common.sparsities(table)
    x, y, diameter = _scales(table, len(labels))
    looks = {
        label: Look(
            common.sparsity_label(label),
            common.COLOURS[index % len(common.COLOURS)],
            common.MARKERS[index // len(common.COLOURS)],
            (index - (len(labels) - 1) / 2) * diameter * PITCH,
        )
        for index, label in enumerate(labels)
    }
    legend = _legend_entries(list(looks.values()), table, front)
    figure, axes = _canvas(x, y, common.Text(title, _note(table, front)), _legend_width(legend))
    _ticks(axes, x, y)
    corners = [(point.width, y.place(point.samples)) for point in front.points]
    if corners:
        axes.step(*zip(*corners, strict=True), where="post", color=LINE_COLOUR, linewidth=1.4, zorder=4)
    chosen = {(cell.width, cell.samples, cell.sparsity) for cell in front.points}
    groups: defaultdict[tuple[int | None, bool], list[Cell]] = defaultdict(list)
    for cell in table.cells:
        groups[cell.sparsity, (cell.width, cell.samples, cell.sparsity) in chosen].append(cell)
    for (label, strong), cells in groups.items():
        _discs(
            axes, y, cells, looks[label], max(diameter, LEAST_CHOSEN) if strong else diameter, strong=strong
        )
    _legend(axes, legend)
    return figure


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


def _canvas(x: Scale, y: Scale, text: common.Text, right: float) -> tuple[Figure, Axes]:
    names = [common.text_width(common.number_label(value), common.TICK_SIZE) for value in y.values]
    left = common.MARGIN + common.LABEL_SIZE * common.LINE + max(names) + 10
    below = common.MARGIN + common.LABEL_SIZE + common.TICK_SIZE + 10
    width = left + x.side + right
    header = common.Header(text, width)
    height = below + y.side + header.height + 6
    figure = Figure(figsize=(width / common.INCH, height / common.INCH))
    header.write(figure)
    axes = figure.add_axes((left / width, below / height, x.side / width, y.side / height))
    axes.set(xscale="log", yscale="log", xlim=x.limits, ylim=y.limits)
    common.axis_names(figure, ("width", (left + x.side / 2)), ("training samples", below + y.side / 2))
    return figure, axes


def _note(table: SuccessTable, front: Frontier) -> str:
    missed = [] if front.points else [f"no cell reaches success probability {front.probability:g}"]
    return "; ".join(missed + common.unfinished(table))


def _ticks(axes: Axes, x: Scale, y: Scale) -> None:
    names = [common.number_label(value) for value in x.values]
    extents = [common.text_width(name, common.TICK_SIZE) for name in names]
    shown = common.spaced([x.points(value) for value in x.values], extents)
    axes.set_xticks([x.place(x.values[i]) for i in shown], [names[i] for i in shown])
    names = [common.number_label(value) for value in y.values]
    shown = common.spaced([y.points(value) for value in y.values], [common.TICK_SIZE] * len(names))
    axes.set_yticks([y.place(y.values[i]) for i in shown], [names[i] for i in shown])
    common.quiet(axes)
    if None in y.values:
        edge = y.place(None) / y.band_step if len(y.values) > 1 else y.limits[0]
        axes.axhspan(edge, y.limits[1], color="0.96", zorder=0, linewidth=0)


def _discs(  # noqa: PLR0913  # where, what and how
    axes: Axes, y: Scale, cells: list[Cell], look: Look, diameter: float, *, strong: bool
) -> None:
    """Draw a ring per cell and in it a disc whose share of the ring's area is the success probability."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101  # for the type checker: these axes were made on a figure
    shifted = axes.transData + ScaledTranslation(look.shift / common.INCH, 0, figure.dpi_scale_trans)

    def put(some: list[Cell], size: float, order: int, **style: Any) -> None:  # noqa: ANN401  # as Axes.plot
        if not some:
            return
        places = [cell.width for cell in some], [y.place(cell.samples) for cell in some]
        zorder = order + (3 if strong else 0)
        axes.plot(*places, look.marker, markersize=size, zorder=zorder, transform=shifted, **style)

    colour = look.colour if strong else look.tint
    levels: defaultdict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        levels[round(LEVELS * cell.successes / cell.runs) if cell.runs else -1].append(cell)
    ring: dict[str, Any] = {
        "markerfacecolor": "white",
        "markeredgewidth": (1.8 if strong else 0.8) * min(1, diameter / 8),
    }
    put(levels.pop(-1, []), diameter, 2, markeredgecolor=PENDING_COLOUR, **ring)
    put([cell for some in levels.values() for cell in some], diameter, 2, markeredgecolor=colour, **ring)
    for level, some in levels.items():
        if level:
            put(some, diameter * math.sqrt(level / LEVELS), 3, color=colour, markeredgewidth=0)


def _legend_entries(looks: list[Look], table: SuccessTable, front: Frontier) -> list[Line2D]:
    style: dict[str, Any] = {"linestyle": "none", "markersize": 7}
    entries = [
        Line2D([], [], marker=look.marker, color=look.colour, label=look.label, **style) for look in looks
    ]
    if front.points:
        label = f"frontier at \N{GREATER-THAN OR EQUAL TO} {front.probability:g}"
        entries.append(Line2D([], [], color=LINE_COLOUR, linewidth=1.4, label=label))
    if any(not cell.runs for cell in table.cells):
        pending: dict[str, Any] = {"marker": "o", "fillstyle": "none", "color": PENDING_COLOUR, **style}
        entries.append(Line2D([], [], label="no run finished yet", **pending))
    return entries


def _legend_columns(entries: list[Line2D]) -> int:
    return math.ceil(len(entries) / LEGEND_ROWS)


def _legend_width(entries: list[Line2D]) -> float:
    column = max(common.text_width(str(entry.get_label()), common.TICK_SIZE) for entry in entries) + 42
    heading = max(common.text_width(line, common.TICK_SIZE) for line in LEGEND_TITLE)
    return max(heading, column * _legend_columns(entries)) + 2 * common.MARGIN


def _legend(axes: Axes, entries: list[Line2D]) -> None:
    common.side_legend(axes, entries, "\n".join(LEGEND_TITLE), columns=_legend_columns(entries))
