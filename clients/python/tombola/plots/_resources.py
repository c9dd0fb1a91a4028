"""The picture of resources: how many samples suffice for each width, and how many theory asks for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from tombola.plots import _common as common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from tombola.results import ObservedThreshold, Report

SIDES = (340.0, 270.0)
LEGEND = 150.0
DODGE = 4.0  #: between the marks of neighbouring sparsities
ELIMINATION_COLOUR = "0.25"
BOUND_COLOUR = "#7F3C8D"


def draw(report: Report, title: str | None) -> Figure:
    """See `tombola.plots.resources`."""
    resources = report.resources
    if not resources.thresholds:
        raise ValueError(
            "a picture needs at least one complete cell with a training set; "
            f"experiment {report.experiment.id} has none"
        )
    labels = common.checked_sparsities({row.sparsity for row in resources.thresholds}, "the report")
    left = common.MARGIN + common.LABEL_SIZE * common.LINE + 34
    below = common.MARGIN + common.LABEL_SIZE + common.TICK_SIZE + 10
    width = left + SIDES[0] + LEGEND
    header = common.Header(common.Text(title, _note(report)), width)
    height = below + SIDES[1] + header.height + 6
    figure = Figure(figsize=(width / common.INCH, height / common.INCH))
    header.write(figure)
    axes = figure.add_axes((left / width, below / height, SIDES[0] / width, SIDES[1] / height))
    low, high = _limits(report)
    narrow, wide = min(resources.widths) / 1.8, max(resources.widths) * 1.8
    axes.set(xscale="log", yscale="log", xlim=(narrow, wide), ylim=(low, high))
    entries = [
        _threshold(axes, [row for row in resources.thresholds if row.sparsity == label], number, len(labels))
        for number, label in enumerate(labels)
    ]
    if any(row.fitted is None for row in resources.thresholds):
        hollow: dict[str, Any] = {"marker": "^", "fillstyle": "none", "color": "0.4", "linestyle": "none"}
        entries.append(Line2D([], [], label="not reached in the grid", markersize=5, **hollow))
    entries += _theory(axes, report, low, high)
    _ticks(axes, sorted(resources.widths), (narrow, wide), SIDES[0], across=True)
    _ticks(axes, sorted({*resources.samples, resources.elimination}), (low, high), SIDES[1], across=False)
    common.quiet(axes)
    common.side_legend(axes, entries, f"fewest samples that\nreach {resources.probability:g}")
    common.axis_names(figure, ("width", left + SIDES[0] / 2), ("training samples", below + SIDES[1] / 2))
    return figure


def _limits(report: Report) -> tuple[float, float]:
    numbers = [*report.resources.samples, report.resources.elimination]
    return min(numbers) / 1.5, max(numbers) * 1.5


def _threshold(axes: Axes, rows: Sequence[ObservedThreshold], number: int, count: int) -> Line2D:
    """Draw the thresholds of one sparsity, and return its entry of the legend."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101  # for the type checker: these axes were made on a figure
    colour = common.COLOURS[number % len(common.COLOURS)]
    marker = common.MARKERS[number // len(common.COLOURS)]
    shift = (number - (count - 1) / 2) * DODGE / common.INCH
    moved = axes.transData + ScaledTranslation(shift, 0, figure.dpi_scale_trans)
    style: dict[str, Any] = {"color": colour, "transform": moved}
    top = axes.get_ylim()[1]
    for row in rows:
        band = (row.low or top, row.high or top)
        axes.plot([row.width, row.width], band, linewidth=3.5, alpha=0.35, solid_capstyle="butt", **style)
        if row.fitted is None:
            axes.plot([row.width], [top / 1.12], "^", fillstyle="none", markersize=6, zorder=4, **style)
    reached = [(row.width, row.fitted) for row in rows if row.fitted is not None]
    if reached:
        axes.plot(*zip(*reached, strict=True), marker=marker, markersize=5, linewidth=1.2, zorder=3, **style)
    label = f"{common.sparsity_label(rows[0].sparsity)}, with limits"
    return Line2D([], [], marker=marker, markersize=5, color=colour, linewidth=1.2, label=label)


def _theory(axes: Axes, report: Report, low: float, high: float) -> list[Line2D]:
    """Draw the lines of theory that lie in the picture, and return their entries of the legend."""
    resources = report.resources
    elimination: dict[str, Any] = {"color": ELIMINATION_COLOUR, "linestyle": "--", "linewidth": 1.2}
    axes.axhline(resources.elimination, zorder=1, **elimination)
    entries = [Line2D([], [], label="Gaussian elimination", **elimination)]
    bound = [(point.width, point.samples) for point in resources.statistical_query]
    if bound and low <= max(samples for _, samples in bound) <= high:
        style: dict[str, Any] = {"color": BOUND_COLOUR, "linestyle": ":", "linewidth": 1.6}
        axes.plot(*zip(*bound, strict=True), zorder=1, **style)
        entries.append(Line2D([], [], label="statistical-query bound", **style))
    return entries


def _ticks(
    axes: Axes, values: Sequence[int], limits: tuple[float, float], side: float, *, across: bool
) -> None:
    names = [common.number_label(value) for value in values]
    places = [math.log(value / limits[0]) / math.log(limits[1] / limits[0]) * side for value in values]
    extents = [common.text_width(name, common.TICK_SIZE) if across else common.TICK_SIZE for name in names]
    kept = common.spaced(places, extents)
    setter = axes.set_xticks if across else axes.set_yticks
    setter([values[at] for at in kept], [names[at] for at in kept])


def _note(report: Report) -> str:
    resources = report.resources
    bound = max((point.samples for point in resources.statistical_query), default=0.0)
    low, high = _limits(report)
    said = [] if low <= bound <= high else [f"the statistical-query bound ({bound:.2g} samples) is outside"]
    if report.provisional:
        said.append("provisional: runs are still to come")
    return "; ".join(said)
