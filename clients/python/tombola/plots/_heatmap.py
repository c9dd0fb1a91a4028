"""The heat map of success probabilities."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from tombola.plots import _common as common
from tombola.plots._canvas import NAME_BESIDE, Panels, Text
from tombola.plots._cells import CellAxis, Wish, axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import Cell, SuccessTable

COLOURS = "cividis"  #: perceptually uniform, and the same to colour-blind eyes
COUNT_SIZE = 8.0
EQUAL_CONTRAST = 0.18  #: luminance on which black and white text read alike (WCAG 2.2)
LEAST_COUNT_SIZE = 5.0
COUNT_GAP = 4.0  #: between a count and the edges of its cell
COLOUR_BAR = 10.0
MAX_COLOUR_BAR = 250.0
CELL_HEIGHT = 25.0
LINE_WIDTH = 0.8
ONLINE_GAP = 3.0  #: between the cells of numbers and those of online


@dataclass(frozen=True)
class Grid:
    """The axes that all panels share."""

    widths: CellAxis
    samples: CellAxis
    upright: bool


def draw(table: SuccessTable, title: str | None) -> Figure:
    """See `tombola.plots.heatmap`."""
    labels = common.sparsities(table)
    grid = _grid(table)
    panels = _panels(grid, len(labels))
    canvas = panels.canvas(Text(title, _note(table, grid)))
    cells: defaultdict[int | None, dict[tuple[int | None, int | None], Cell]] = defaultdict(dict)
    for cell in table.cells:
        cells[cell.sparsity][cell.width, cell.samples] = cell
    for sparsity, (x, y, outer) in zip(labels, panels.corners(), strict=True):
        axes = canvas.axes(x, y, panels.width, panels.height)
        _panel(axes, grid, cells[sparsity])
        axes.set_title(common.sparsity_label(sparsity), size=common.LABEL_SIZE, pad=4)
        _ticks(axes, grid, outer=outer)
    bar = min(panels.height, MAX_COLOUR_BAR)
    _colour_bar(canvas.axes(panels.end + panels.gap, panels.top - bar, COLOUR_BAR, bar), canvas.figure)
    x, y = panels.middle
    canvas.name_below("training samples", x)
    canvas.name_beside("width", y)
    return canvas.figure


def _grid(table: SuccessTable) -> Grid:
    widths = common.ascending({cell.width for cell in table.cells})
    samples = common.ascending({cell.samples for cell in table.cells})
    count = common.widest({_count(cell) for cell in table.cells}, COUNT_SIZE)
    smaller = LEAST_COUNT_SIZE / COUNT_SIZE
    across = axis(samples, Wish(count + 2 * COUNT_GAP, count + 2 * COUNT_GAP, count * smaller + COUNT_GAP))
    line = COUNT_SIZE * common.LINE
    up = axis(widths, Wish(CELL_HEIGHT, line + COUNT_GAP, line * smaller + COUNT_GAP))
    names = common.widest(common.number_label(value) for value in samples)
    return Grid(up, across, upright=names + 4 > across.smallest)


def _panels(grid: Grid, count: int) -> Panels:
    across = common.widest(common.number_label(value) for value in grid.samples.values)
    beside = common.widest(common.number_label(value) for value in grid.widths.values)
    return Panels(
        count=count,
        width=grid.samples.side,
        height=grid.widths.side,
        left=NAME_BESIDE + beside + 10,
        below=(across if grid.upright else common.TICK_SIZE) + 8,
        right=12 + COLOUR_BAR + 48,
    )


def _panel(axes: Axes, grid: Grid, cells: dict[tuple[int | None, int | None], Cell]) -> None:
    rows = [[cells.get((width, samples)) for samples in grid.samples.values] for width in grid.widths.values]
    known = [
        [math.nan if cell is None or not cell.runs else cell.successes / cell.runs for cell in row]
        for row in rows
    ]
    # The quads of cells without a run are left out: there the hatched ground shows.
    axes.patch.set(facecolor="0.93", edgecolor="0.75", hatch="////", linewidth=0)
    axes.set(xscale=grid.samples.scale, yscale=grid.widths.scale)
    values = np.ma.masked_invalid(known)
    mesh = axes.pcolormesh(grid.samples.edges, grid.widths.edges, values, cmap=COLOURS, vmin=0, vmax=1)
    axes.set(xlim=grid.samples.limits, ylim=grid.widths.limits)
    if min(grid.samples.smallest, grid.widths.smallest) >= common.TICK_SIZE:
        axes.vlines(grid.samples.edges[1:-1], *grid.widths.limits, colors="white", linewidth=LINE_WIDTH)
        axes.hlines(grid.widths.edges[1:-1], *grid.samples.limits, colors="white", linewidth=LINE_WIDTH)
    if grid.samples.online_edge is not None:
        axes.axvline(grid.samples.online_edge, color="white", linewidth=ONLINE_GAP)
    for spine in axes.spines.values():
        spine.set_visible(False)
    size = _count_size(grid, {_count(cell) for row in rows for cell in row if cell is not None})
    if size < LEAST_COUNT_SIZE:
        return
    for y, line in zip(grid.widths.centres, rows, strict=True):
        for x, cell in zip(grid.samples.centres, line, strict=True):
            if cell is not None and cell.runs:
                red, green, blue, _ = mesh.cmap(cell.successes / cell.runs)
                colour = "black" if _luminance(red, green, blue) > EQUAL_CONTRAST else "white"
                axes.text(x, y, _count(cell), size=size, color=colour, ha="center", va="center")


def _count(cell: Cell) -> str:
    return f"{cell.successes}/{cell.runs}"


def _count_size(grid: Grid, counts: set[str]) -> float:
    longest = common.widest(counts, 1.0) or 1.0
    fitting = (grid.samples.smallest - COUNT_GAP) / longest, (grid.widths.smallest - 3) / common.LINE
    return min(COUNT_SIZE, *fitting)


def _luminance(red: float, green: float, blue: float) -> float:
    """Return the relative luminance of an sRGB colour (IEC 61966-2-1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]  # noqa: PLR2004  # the standard's own numbers
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _ticks(axes: Axes, grid: Grid, *, outer: bool) -> None:
    axes.minorticks_off()
    axes.tick_params(length=2, pad=3, labelsize=common.TICK_SIZE)
    names = [common.number_label(value) for value in grid.samples.values]
    extents = [common.TICK_SIZE if grid.upright else common.widest([name]) for name in names]
    shown = common.spaced([grid.samples.points(place) for place in grid.samples.places], extents)
    turned = 90 if grid.upright else 0
    axes.set_xticks([grid.samples.places[i] for i in shown], [names[i] for i in shown], rotation=turned)
    names = [common.number_label(value) for value in grid.widths.values]
    places = [grid.widths.points(place) for place in grid.widths.places]
    shown = common.spaced(places, [common.TICK_SIZE] * len(names)) if outer else []
    axes.set_yticks([grid.widths.places[i] for i in shown], [names[i] for i in shown])


def _colour_bar(axes: Axes, figure: Figure) -> None:
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), cax=axes, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.ax.tick_params(length=2, labelsize=common.TICK_SIZE)
    bar.set_label("success probability", size=common.LABEL_SIZE)
    bar.outline.set_visible(False)


def _note(table: SuccessTable, grid: Grid) -> str:
    equal = {"widths": grid.widths.equal_steps, "samples": grid.samples.equal_steps}
    steps = ["axes" if all(equal.values()) else name for name, is_equal in equal.items() if is_equal][:1]
    pending = any(cell.runs == 0 for cell in table.cells)
    return "; ".join(
        [
            *common.unfinished(table),
            *["hatched: no run finished yet"] * pending,
            *(f"{name} in equal steps" for name in steps),
        ]
    )
