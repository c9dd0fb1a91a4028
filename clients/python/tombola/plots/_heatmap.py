"""The heat map of success probabilities."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from tombola.plots import _common as common

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tombola.results import Cell, SuccessTable

COLOURS = "cividis"  #: perceptually uniform, and the same to colour-blind eyes
COUNT_SIZE = 8.0
EQUAL_CONTRAST = 0.18  #: luminance on which black and white text read alike (WCAG 2.2)
LEAST_COUNT_SIZE = 5.0
GAP = 12.0  #: between panels
COLOUR_BAR = 10.0
MAX_COLOUR_BAR = 250.0
MAX_WIDTH = 1000.0  #: panels wrap into a second row beyond this
LEAST_WIDTH = 250.0
MAX_PANEL = 430.0
MIN_PANEL = 90.0
MIN_CELL = 1.0


@dataclass(frozen=True)
class Layout:
    """Where things stand, in points; cells are `cell_width` x `cell_height`."""

    widths: list[int]
    samples: list[int | None]
    panels: int
    cell_width: float
    cell_height: float
    left: float
    below: float
    upright: bool

    @property
    def panel_width(self) -> float:
        return self.cell_width * len(self.samples)

    @property
    def panel_height(self) -> float:
        return self.cell_height * len(self.widths)

    @property
    def columns(self) -> int:
        fitting = int((MAX_WIDTH - self.left) // (self.panel_width + GAP))
        return max(1, min(fitting, self.panels))

    @property
    def rows(self) -> int:
        return math.ceil(self.panels / self.columns)

    @property
    def row_pitch(self) -> float:
        return self.panel_height + self.below + common.LABEL_SIZE * common.LINE + GAP

    @property
    def right(self) -> float:
        """Right edge of the panels."""
        return self.left + self.columns * (self.panel_width + GAP) - GAP

    @property
    def total_width(self) -> float:
        return max(LEAST_WIDTH, self.right + GAP + COLOUR_BAR + 48)


def draw(table: SuccessTable, title: str | None) -> Figure:
    """See `tombola.plots.heatmap`."""
    panels = common.sparsities(table)
    layout = _layout(table, len(panels))
    header = common.Header(common.Text(title, _note(table)), layout.total_width)
    bottom = common.MARGIN + common.LABEL_SIZE
    total_height = header.height + layout.rows * layout.row_pitch - GAP + bottom
    figure = Figure(figsize=(layout.total_width / common.INCH, total_height / common.INCH))
    header.write(figure)

    def place(x: float, y: float, width: float, height: float) -> Axes:
        box = (x / layout.total_width, y / total_height, width / layout.total_width, height / total_height)
        return figure.add_axes(box)

    floor = bottom + layout.below
    cells: defaultdict[int | None, dict[tuple[int, int | None], Cell]] = defaultdict(dict)
    for cell in table.cells:
        cells[cell.sparsity][cell.width, cell.samples] = cell
    for index, sparsity in enumerate(panels):
        row, column = divmod(index, layout.columns)
        x = layout.left + column * (layout.panel_width + GAP)
        y = floor + (layout.rows - 1 - row) * layout.row_pitch
        axes = place(x, y, layout.panel_width, layout.panel_height)
        _panel(axes, layout, cells[sparsity])
        axes.set_title(common.sparsity_label(sparsity), size=common.LABEL_SIZE, pad=4)
        _ticks(axes, layout, outer=column == 0)
    top_row = floor + (layout.rows - 1) * layout.row_pitch
    bar = min(layout.panel_height, MAX_COLOUR_BAR)
    _colour_bar(figure, place(layout.right + GAP, top_row + layout.panel_height - bar, COLOUR_BAR, bar))
    middles = (layout.left + layout.right) / 2, (floor + top_row + layout.panel_height) / 2
    common.axis_names(figure, ("training samples", middles[0]), ("width", middles[1]))
    return figure


def _layout(table: SuccessTable, panels: int) -> Layout:
    widths = sorted({cell.width for cell in table.cells})
    samples = common.ascending({cell.samples for cell in table.cells})
    labels = [common.text_width(common.number_label(value), common.TICK_SIZE) for value in samples]
    count = max(common.text_width(_count(cell), COUNT_SIZE) for cell in table.cells) + 8
    cell_width = _cell_size(count, len(samples))
    upright = max(labels) + 4 > cell_width
    row_labels = [common.text_width(common.number_label(width), common.TICK_SIZE) for width in widths]
    return Layout(
        widths=widths,
        samples=samples,
        panels=panels,
        cell_width=cell_width,
        cell_height=_cell_size(25.0, len(widths)),
        left=common.MARGIN + common.LABEL_SIZE * common.LINE + max(row_labels) + 10,
        below=(max(labels) if upright else common.TICK_SIZE) + 8,
        upright=upright,
    )


def _cell_size(wanted: float, count: int) -> float:
    """Return a side that suits the text, yet makes neither a tiny nor a huge panel of `count` cells."""
    return max(MIN_CELL, min(max(wanted, MIN_PANEL / count), MAX_PANEL / count))


def _panel(axes: Axes, layout: Layout, cells: dict[tuple[int, int | None], Cell]) -> None:
    grid = [[cells.get((width, samples)) for samples in layout.samples] for width in layout.widths]
    known = [
        [math.nan if cell is None or not cell.runs else cell.successes / cell.runs for cell in row]
        for row in grid
    ]
    # The quads of cells without a run are left out: there the hatched ground shows.
    axes.patch.set(facecolor="0.93", edgecolor="0.75", hatch="////", linewidth=0)
    mesh = axes.pcolormesh(np.ma.masked_invalid(known), cmap=COLOURS, vmin=0, vmax=1)
    if min(layout.cell_width, layout.cell_height) >= common.TICK_SIZE:
        axes.vlines(range(1, len(layout.samples)), 0, len(layout.widths), colors="white", linewidth=0.8)
        axes.hlines(range(1, len(layout.widths)), 0, len(layout.samples), colors="white", linewidth=0.8)
    for spine in axes.spines.values():
        spine.set_visible(False)
    size = _count_size(layout, [_count(cell) for row in grid for cell in row if cell is not None])
    if size < LEAST_COUNT_SIZE:
        return
    for row, line in enumerate(grid):
        for column, cell in enumerate(line):
            if cell is not None and cell.runs:
                red, green, blue, _ = mesh.cmap(cell.successes / cell.runs)
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    _count(cell),
                    size=size,
                    color="black" if _luminance(red, green, blue) > EQUAL_CONTRAST else "white",
                    ha="center",
                    va="center",
                )


def _count(cell: Cell) -> str:
    return f"{cell.successes}/{cell.runs}"


def _count_size(layout: Layout, counts: list[str]) -> float:
    longest = max(common.text_width(count, 1.0) for count in counts) if counts else 1.0
    return min(COUNT_SIZE, (layout.cell_width - 4) / longest, (layout.cell_height - 3) / common.LINE)


def _luminance(red: float, green: float, blue: float) -> float:
    """Return the relative luminance of an sRGB colour (IEC 61966-2-1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]  # noqa: PLR2004  # the standard's own numbers
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _ticks(axes: Axes, layout: Layout, *, outer: bool) -> None:
    axes.tick_params(length=2, pad=3, labelsize=common.TICK_SIZE)
    height = common.TICK_SIZE
    names = [common.number_label(value) for value in layout.samples]
    extents = [height if layout.upright else common.text_width(name, common.TICK_SIZE) for name in names]
    shown = common.spaced([(i + 0.5) * layout.cell_width for i in range(len(names))], extents)
    axes.set_xticks([i + 0.5 for i in shown], [names[i] for i in shown], rotation=90 if layout.upright else 0)
    names = [common.number_label(value) for value in layout.widths]
    shown = common.spaced([(i + 0.5) * layout.cell_height for i in range(len(names))], [height] * len(names))
    axes.set_yticks([i + 0.5 for i in shown] if outer else [], [names[i] for i in shown] if outer else [])


def _colour_bar(figure: Figure, axes: Axes) -> None:
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), cax=axes, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.ax.tick_params(length=2, labelsize=common.TICK_SIZE)
    bar.set_label("success probability", size=common.LABEL_SIZE)
    bar.outline.set_visible(False)


def _note(table: SuccessTable) -> str:
    pending = any(cell.runs == 0 for cell in table.cells)
    return "; ".join(common.unfinished(table) + ["hatched: no run finished yet"] * pending)
