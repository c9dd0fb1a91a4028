"""The picture of resources: how many samples suffice for each width, and how many theory asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from tombola.plots import _common as common
from tombola.plots._canvas import NAME_BESIDE, Legend, Panels, Text, beside, plain
from tombola.plots._scales import Scale, horizontal, vertical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import ObservedThreshold, Report

SIDES = (340.0, 270.0)
PADS = (24.0, 18.0)  #: at either end of the axes
DODGE = 4.0  #: between the marks of neighbouring sparsities
ELIMINATION_COLOUR = "0.25"
BOUND_COLOUR = "#7F3C8D"
ELIMINATION: dict[str, Any] = {"color": ELIMINATION_COLOUR, "linestyle": "--", "linewidth": 1.2}
BOUND: dict[str, Any] = {"color": BOUND_COLOUR, "linestyle": ":", "linewidth": 1.6}


def draw(report: Report, title: str | None) -> Figure:
    """See `tombola.plots.resources`."""
    resources = report.resources
    if not resources.thresholds:
        raise ValueError(
            "a picture needs at least one complete cell with a training set; "
            f"experiment {report.experiment.id} has none"
        )
    labels = common.few(
        {row.sparsity for row in resources.thresholds}, f"the report on {report.experiment.id}"
    )
    x = Scale(sorted(resources.widths), SIDES[0], PADS[0])
    y = Scale(sorted({*resources.samples, resources.elimination}), SIDES[1], PADS[1])
    legend = Legend(_entries(report, labels, y), ("fewest samples that", f"reach {resources.probability:g}"))
    panels = Panels(
        count=1,
        width=SIDES[0],
        height=SIDES[1],
        left=NAME_BESIDE + 34,
        below=common.TICK_SIZE + 10,
        right=legend.width,
    )
    canvas = panels.canvas(Text(title, _note(report, y)))
    axes = canvas.axes(panels.left, panels.floor, *SIDES)
    horizontal(axes, x)
    vertical(axes, y)
    plain(axes)
    for number, label in enumerate(labels):
        rows = [row for row in resources.thresholds if row.sparsity == label]
        _threshold(axes, rows, _look(number), (number - (len(labels) - 1) / 2) * DODGE)
    axes.axhline(resources.elimination, zorder=1, **ELIMINATION)
    if _bound_inside(report, y):
        bound = [(point.width, point.samples) for point in resources.statistical_query]
        axes.plot(*zip(*bound, strict=True), zorder=1, **BOUND)
    legend.draw(axes)
    canvas.name_below("width", panels.middle[0])
    canvas.name_beside("training samples", panels.middle[1])
    return canvas.figure


def _look(number: int) -> dict[str, Any]:
    """Return colour and marker of a sparsity."""
    return {
        "color": common.COLOURS[number % len(common.COLOURS)],
        "marker": common.MARKERS[number // len(common.COLOURS)],
    }


def _threshold(axes: Axes, rows: Sequence[ObservedThreshold], look: dict[str, Any], shift: float) -> None:
    """Draw the thresholds of one sparsity, `shift` to the right."""
    style: dict[str, Any] = {"color": look["color"], "transform": beside(axes, shift)}
    top = axes.get_ylim()[1]
    for row in rows:
        band = (row.low or top, row.high or top)
        axes.plot([row.width, row.width], band, linewidth=3.5, alpha=0.35, solid_capstyle="butt", **style)
        if row.fitted is None:
            axes.plot([row.width], [top / 1.12], "^", fillstyle="none", markersize=6, zorder=4, **style)
    reached = [(row.width, row.fitted) for row in rows if row.fitted is not None]
    if reached:
        style["marker"] = look["marker"]
        axes.plot(*zip(*reached, strict=True), markersize=5, linewidth=1.2, zorder=3, **style)


def _entries(report: Report, labels: Sequence[int | None], y: Scale) -> list[Artist]:
    entries: list[Artist] = [
        Line2D(
            [],
            [],
            markersize=5,
            linewidth=1.2,
            label=f"{common.sparsity_label(label)}, with limits",
            **_look(number),
        )
        for number, label in enumerate(labels)
    ]
    if any(row.fitted is None for row in report.resources.thresholds):
        hollow: dict[str, Any] = {"marker": "^", "fillstyle": "none", "color": "0.4", "linestyle": "none"}
        entries.append(Line2D([], [], label="not reached in the grid", markersize=5, **hollow))
    entries.append(Line2D([], [], label="Gaussian elimination", **ELIMINATION))
    if _bound_inside(report, y):
        entries.append(Line2D([], [], label="statistical-query bound", **BOUND))
    return entries


def _most_bound(report: Report) -> float:
    return max((point.samples for point in report.resources.statistical_query), default=0.0)


def _bound_inside(report: Report, y: Scale) -> bool:
    low, high = y.limits
    return low <= _most_bound(report) <= high


def _note(report: Report, y: Scale) -> str:
    bound = _most_bound(report)
    inside = _bound_inside(report, y)
    said = [] if inside else [f"the statistical-query bound ({bound:.2g} samples) is outside"]
    if report.provisional:
        said.append("provisional: runs are missing")
    return "; ".join(said)
