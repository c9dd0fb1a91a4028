"""The picture of parallel search: success over widths, with the lines of theory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.lines import Line2D

from tombola.plots import _common as common
from tombola.plots._canvas import NAME_BESIDE, Legend, Panels, Text, beside, plain
from tombola.plots._scales import Scale, horizontal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import ParallelSearch, Report

PANEL = (250.0, 200.0)
PAD = 16.0  #: at either end of the horizontal axis
COLOURS = "viridis"
LIGHTEST = 0.9  #: of the colours, the part that is too light on white is left out
ONLINE_COLOUR = "0.15"
PREDICTED_COLOUR = "#D55E00"
MOST_SIZES = 10  #: more training-set sizes in one panel hide each other
DODGE = 2.2  #: between the intervals of neighbouring sizes


def draw(report: Report, title: str | None) -> Figure:
    """See `tombola.plots.theory`."""
    lines = report.parallel_search
    if not lines:
        raise ValueError(
            f"a picture needs at least one complete cell; experiment {report.experiment.id} has none"
        )
    labels = common.few({line.sparsity for line in lines}, f"the report on {report.experiment.id}")
    every = common.ascending({line.samples for line in lines})
    shown = [every[number] for number in common.spread(len(every), MOST_SIZES)]
    colours = _colours(shown)
    legend = Legend(_entries(lines, colours), ("dots: observed", "lines: fitted"))
    panels = Panels(
        count=len(labels),
        width=PANEL[0],
        height=PANEL[1],
        left=NAME_BESIDE + 30,
        below=common.TICK_SIZE + 10,
        right=legend.width,
    )
    canvas = panels.canvas(Text(title, _note(report, every, shown)))
    for number, (label, (x, y, outer)) in enumerate(zip(labels, panels.corners(), strict=True), start=1):
        axes = canvas.axes(x, y, *PANEL)
        _panel(axes, [line for line in lines if line.sparsity == label and line.samples in colours], colours)
        axes.set_title(common.sparsity_label(label), size=common.LABEL_SIZE, pad=4)
        axes.tick_params(labelleft=outer)
        if number == panels.columns:
            legend.draw(axes)
    canvas.name_below("width", panels.middle[0])
    canvas.name_beside("success probability", panels.middle[1])
    return canvas.figure


def _colours(sizes: Sequence[int | None]) -> dict[int | None, Any]:
    numbers = [size for size in sizes if size is not None]
    shades = colormaps[COLOURS](np.linspace(0, LIGHTEST, len(numbers)))
    found: dict[int | None, Any] = dict(zip(numbers, shades, strict=True))
    return found | ({None: ONLINE_COLOUR} if None in sizes else {})


def _panel(axes: Axes, lines: Sequence[ParallelSearch], colours: dict[int | None, Any]) -> None:
    x = Scale(sorted({point.width for line in lines for point in line.points}), PANEL[0], PAD)
    smooth = np.geomspace(*x.limits, 200)
    for number, line in enumerate(lines):
        colour = colours[line.samples]
        p = line.fitted.value
        if p is not None:
            axes.plot(smooth, _search(p, smooth), color=colour, linewidth=1.1, zorder=2)
        shift = (number - (len(lines) - 1) / 2) * DODGE
        at = [point.width for point in line.points]
        seen = np.array([point.probability for point in line.points])
        ends = np.array([[point.low, point.high] for point in line.points]).T
        axes.errorbar(
            at,
            seen,
            yerr=np.abs(ends - seen),
            fmt="o",
            color=colour,
            markersize=4,
            elinewidth=0.9,
            zorder=3,
            transform=beside(axes, shift),
        )
    predicted = next((line.predicted for line in lines if line.predicted is not None), None)
    if predicted is not None:
        style: dict[str, Any] = {"color": PREDICTED_COLOUR, "linestyle": "--", "linewidth": 1.4, "zorder": 4}
        axes.plot(smooth, _search(predicted, smooth), **style)
    horizontal(axes, x)
    axes.set(ylim=(-0.04, 1.04), yticks=[0, 0.25, 0.5, 0.75, 1])
    plain(axes)


def _search(p: float, widths: np.ndarray[Any, np.dtype[np.float64]]) -> Any:  # noqa: ANN401  # an array
    """Return 1 - (1 - p)^width."""
    return np.ones(len(widths)) if p >= 1 else -np.expm1(widths * math.log1p(-p))


def _entries(lines: Sequence[ParallelSearch], colours: dict[int | None, Any]) -> list[Artist]:
    entries: list[Artist] = [
        Line2D([], [], marker="o", markersize=4, color=colour, label=_name(size), linewidth=1.1)
        for size, colour in colours.items()
    ]
    if any(line.predicted is not None for line in lines):
        entries.append(Line2D([], [], color=PREDICTED_COLOUR, linestyle="--", label="predicted"))
    return entries


def _name(size: int | None) -> str:
    return "online" if size is None else f"m = {common.number_label(size)}"


def _note(report: Report, every: Sequence[int | None], shown: Sequence[int | None]) -> str:
    said = ["parallel search: 1 \N{MINUS SIGN} (1 \N{MINUS SIGN} p)^width; 95 % intervals"]
    if len(shown) < len(every):
        said.append(f"{len(shown)} of {len(every)} training-set sizes")
    if report.provisional:
        said.append("provisional: runs are missing")
    return "; ".join(said)
