"""Success probability and steps to success against samples, a line for each width."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib import colormaps
from matplotlib.lines import Line2D

from tombola.plots import _common as common
from tombola.plots._canvas import NAME_BESIDE, Legend, Panels, Text, beside, plain
from tombola.plots._scales import Scale, horizontal, round_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import Cell, SuccessTable

MAX_WIDTHS = 8
MAX_SPARSITIES = 12
COLOURS = "viridis"  #: perceptually uniform, and told apart by colour-blind eyes
LIGHTEST = 0.85  #: beyond it is too light on white
SIDE, HEIGHT, BETWEEN = 230.0, 135.0, 14.0
PAD = 18.0  #: at either end of the horizontal axis
MARKER = 4.5
LEAST_MARKER = 2.0
SHADING = 0.1
SHIFT = 2.2  #: between the points of neighbouring widths, where there is room
LEAST_SHIFT = 0.7  #: where there is less, limits are shaded, for bars would hide each other
ROOM = 1.25  #: factor beyond the fewest and the most steps
NOT_REACHED = "no cell succeeds in half of its runs"


@dataclass(frozen=True)
class Look:
    """How a width is drawn.

    Attributes:
        shift: Sets its points beside those of the others.
        bars: Whether limits are bars rather than shading.
    """

    width: int
    colour: tuple[float, float, float, float]
    marker: str
    size: float
    shift: float
    bars: bool

    @property
    def label(self) -> str:
        """Name the width."""
        return common.number_label(self.width)

    def line(self) -> Line2D:
        """Return what the legend shows."""
        return Line2D([], [], color=self.colour, marker=self.marker, markersize=MARKER, label=self.label)


def draw(table: SuccessTable, title: str | None) -> Figure:
    """See `tombola.plots.steps`."""
    labels = common.sparsities(table, MAX_SPARSITIES)
    x = Scale(common.ascending({cell.samples for cell in table.cells}), SIDE, PAD)
    widths = sorted({cell.width for cell in table.cells})
    looks = _looks([widths[index] for index in common.spread(len(widths), MAX_WIDTHS)], x)
    legend = Legend([look.line() for look in reversed(looks)], ("width",))
    shown = {look.width for look in looks}
    ends = _ends([cell for cell in table.cells if cell.width in shown])
    ticks = round_numbers(*ends, HEIGHT, upright=True) if ends else []
    panels = Panels(
        count=len(labels),
        width=SIDE,
        height=max(2 * HEIGHT + BETWEEN, legend.height),
        left=NAME_BESIDE + common.widest(["0.25", *map(common.number_label, ticks)]) + 10,
        below=common.TICK_SIZE + 8,
        right=legend.width,
        gap=16.0,
    )
    canvas = panels.canvas(Text(title, _note(table, len(looks), len(widths))))
    for number, (sparsity, (left, bottom, outer)) in enumerate(
        zip(labels, panels.corners(), strict=True), start=1
    ):
        below = canvas.axes(left, bottom, SIDE, HEIGHT)
        above = canvas.axes(left, bottom + HEIGHT + BETWEEN, SIDE, HEIGHT)
        cells = [cell for cell in table.cells if cell.sparsity == sparsity]
        for axes in (above, below):
            horizontal(axes, x)
            plain(axes)
        above.set(ylim=(-0.04, 1.04), yticks=[0, 0.25, 0.5, 0.75, 1])
        _steps_axis(below, ends, ticks)
        for look in looks:
            own = [cell for cell in cells if cell.width == look.width]
            _probabilities(above, x, own, look)
            _medians(below, x, own, look)
        above.tick_params(labelbottom=False)
        for axes in (above, below):
            axes.tick_params(labelleft=outer)
        above.set_title(common.sparsity_label(sparsity), size=common.LABEL_SIZE, pad=4)
        if outer:
            canvas.name_beside("success probability", bottom + 1.5 * HEIGHT + BETWEEN)
            canvas.name_beside("median steps to success", bottom + HEIGHT / 2)
        if number == panels.columns:
            legend.draw(above)
    canvas.name_below("training samples", panels.middle[0])
    return canvas.figure


def _looks(widths: Sequence[int], x: Scale) -> list[Look]:
    """Return a look for each width, the wider the darker."""
    shift = min(SHIFT, 0.6 * min(x.least_gap, 2 * PAD) / len(widths))
    size = max(LEAST_MARKER, min(MARKER, x.least_gap / 2))
    scale = colormaps[COLOURS]
    last = max(len(widths) - 1, 1)
    return [
        Look(
            width,
            scale(LIGHTEST * (1 - number / last)) if len(widths) > 1 else scale(0.3),
            common.MARKERS[number],
            size,
            (number - (len(widths) - 1) / 2) * shift,
            shift >= LEAST_SHIFT,
        )
        for number, width in enumerate(widths)
    ]


def _probabilities(axes: Axes, x: Scale, cells: Sequence[Cell], look: Look) -> None:
    _line(axes, x, look, [(cell, cell.probability) for cell in cells])
    limits = [(cell, cell.interval.low, cell.interval.high) for cell in cells if cell.interval is not None]
    _limits(axes, x, look, limits)


def _medians(axes: Axes, x: Scale, cells: Sequence[Cell], look: Look) -> None:
    _line(axes, x, look, [(cell, cell.median_steps) for cell in cells])
    ceiling = axes.get_ylim()[1]
    limits = [
        (
            cell,
            cell.median_steps if cell.median_steps_low is None else cell.median_steps_low,
            ceiling if cell.median_steps_high is None else cell.median_steps_high,
        )
        for cell in cells
        if cell.median_steps is not None and (cell.median_steps_low, cell.median_steps_high) != (None, None)
    ]
    _limits(axes, x, look, limits)


def _line(axes: Axes, x: Scale, look: Look, points: Sequence[tuple[Cell, float | None]]) -> None:
    """Join the points of numbers of samples, with gaps where there is no value; online stands alone."""
    values = {cell.samples: math.nan if value is None else value for cell, value in points}
    shifted = beside(axes, look.shift)
    for group in ([number for number in x.values if number is not None], [None] if None in values else []):
        places, heights = (
            [x.place(value) for value in group],
            [values.get(value, math.nan) for value in group],
        )
        axes.plot(
            places,
            heights,
            color=look.colour,
            marker=look.marker,
            markersize=look.size,
            markeredgewidth=0,
            linewidth=1.1,
            zorder=3,
            transform=shifted,
            label=look.label,
        )


def _limits(axes: Axes, x: Scale, look: Look, limits: Sequence[tuple[Cell, float, float]]) -> None:
    """Draw limits as bars, or as shading with gaps where there are none."""
    found = {cell.samples: (low, high) for cell, low, high in limits}
    style: dict[str, Any] = {"color": look.colour, "transform": beside(axes, look.shift), "zorder": 2}
    bars = [value for value in x.values if value in found and (look.bars or value is None)]
    low, high = [found[value][0] for value in bars], [found[value][1] for value in bars]
    axes.vlines([x.place(value) for value in bars], low, high, linewidth=0.9, alpha=0.75, **style)
    if not look.bars:
        numbers = [value for value in x.values if value is not None]
        ends = [found.get(value, (math.nan, math.nan)) for value in numbers]
        low, high = [low for low, _ in ends], [high for _, high in ends]
        axes.fill_between(numbers, low, high, linewidth=0, alpha=SHADING, **style)


def _ends(cells: Sequence[Cell]) -> tuple[float, float] | None:
    """Return the ends of the axis of steps; None where no median is reached."""
    every = [
        steps
        for cell in cells
        if cell.median_steps is not None
        for steps in (cell.median_steps_low, cell.median_steps, cell.median_steps_high)
        if steps is not None
    ]
    return (min(every) / ROOM, max(every) * ROOM) if every else None


def _steps_axis(axes: Axes, ends: tuple[float, float] | None, ticks: Sequence[int]) -> None:
    if ends is None:
        axes.set_yticks([])
        middle: dict[str, Any] = {
            "size": common.TICK_SIZE,
            "color": common.NOTE_COLOUR,
            "ha": "center",
            "va": "center",
        }
        axes.text(0.5, 0.5, NOT_REACHED, transform=axes.transAxes, **middle)
        return
    axes.set(yscale="log", ylim=ends)
    axes.minorticks_off()
    axes.set_yticks(ticks, [common.number_label(tick) for tick in ticks])


def _note(table: SuccessTable, shown: int, widths: int) -> str:
    limits = {
        (cell.interval.level, cell.interval.method) for cell in table.cells if cell.interval is not None
    }
    return "; ".join(
        [
            *common.unfinished(table),
            *(f"with {common.limits_label(*one)}" for one in sorted(limits)),
            *([f"{shown} of {widths} widths"] if shown < widths else []),
        ]
    )
