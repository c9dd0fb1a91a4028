"""The picture of parallel search: success over widths, with the lines of theory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from tombola.plots import _common as common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from tombola.results import ParallelSearch, Report

PANEL = (250.0, 200.0)
GAP = 16.0
COLUMNS = 3
LEGEND = 112.0
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
    panels = common.checked_sparsities({line.sparsity for line in lines}, "the report")
    every = common.ascending({line.samples for line in lines})
    shown = _some(every)
    colours = _colours(shown)
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    left = common.MARGIN + common.LABEL_SIZE * common.LINE + 30
    below = common.MARGIN + common.LABEL_SIZE + common.TICK_SIZE + 10
    width = left + columns * (PANEL[0] + GAP) + LEGEND
    header = common.Header(common.Text(title, _note(report, every, shown)), width)
    pitch = PANEL[1] + common.LABEL_SIZE * common.LINE + common.TICK_SIZE + GAP
    height = below + rows * pitch - GAP - common.TICK_SIZE + header.height
    figure = Figure(figsize=(width / common.INCH, height / common.INCH))
    header.write(figure)
    for number, sparsity in enumerate(panels):
        row, column = divmod(number, columns)
        x, y = left + column * (PANEL[0] + GAP), below + (rows - 1 - row) * pitch
        axes = figure.add_axes((x / width, y / height, PANEL[0] / width, PANEL[1] / height))
        own = [line for line in lines if line.sparsity == sparsity and line.samples in colours]
        _panel(axes, own, colours)
        axes.set_title(common.sparsity_label(sparsity), size=common.LABEL_SIZE, pad=4)
        if column:
            axes.tick_params(labelleft=False)
        if number == columns - 1:
            predicted = any(line.predicted is not None for line in lines)
            _legend(axes, colours, predicted=predicted)
    across = left + (columns * (PANEL[0] + GAP) - GAP) / 2
    common.axis_names(figure, ("width", across), ("success probability", below + (rows * pitch - GAP) / 2))
    return figure


def _some(sizes: Sequence[int | None]) -> list[int | None]:
    """Return all sizes, or as many as a panel holds, evenly spread."""
    count = min(len(sizes), MOST_SIZES)
    return [sizes[round(number * (len(sizes) - 1) / max(1, count - 1))] for number in range(count)]


def _colours(sizes: Sequence[int | None]) -> dict[int | None, Any]:
    numbers = [size for size in sizes if size is not None]
    shades = colormaps[COLOURS](np.linspace(0, LIGHTEST, len(numbers)))
    found: dict[int | None, Any] = dict(zip(numbers, shades, strict=True))
    return found | ({None: ONLINE_COLOUR} if None in sizes else {})


def _panel(axes: Axes, lines: Sequence[ParallelSearch], colours: dict[int | None, Any]) -> None:
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101  # for the type checker: these axes were made on a figure
    widths = sorted({point.width for line in lines for point in line.points})
    low, high = widths[0] / 1.6, widths[-1] * 1.6
    smooth = np.geomspace(low, high, 200)
    for number, line in enumerate(lines):
        colour = colours[line.samples]
        p = line.fitted.value
        if p is not None:
            axes.plot(smooth, _search(p, smooth), color=colour, linewidth=1.1, zorder=2)
        shift = (number - (len(lines) - 1) / 2) * DODGE / common.INCH
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
            transform=axes.transData + ScaledTranslation(shift, 0, figure.dpi_scale_trans),
        )
    predicted = next((line.predicted for line in lines if line.predicted is not None), None)
    if predicted is not None:
        style: dict[str, Any] = {"color": PREDICTED_COLOUR, "linestyle": "--", "linewidth": 1.4, "zorder": 4}
        axes.plot(smooth, _search(predicted, smooth), **style)
    axes.set(xscale="log", xlim=(low, high), ylim=(-0.04, 1.04))
    names = [common.number_label(width) for width in widths]
    places = [math.log(width / low) / math.log(high / low) * PANEL[0] for width in widths]
    kept = common.spaced(places, [common.text_width(name, common.TICK_SIZE) for name in names])
    axes.set_xticks([widths[at] for at in kept], [names[at] for at in kept])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    common.quiet(axes)


def _search(p: float, widths: np.ndarray[Any, np.dtype[np.float64]]) -> Any:  # noqa: ANN401  # an array
    """Return 1 - (1 - p)^width."""
    return np.ones(len(widths)) if p >= 1 else -np.expm1(widths * math.log1p(-p))


def _legend(axes: Axes, colours: dict[int | None, Any], *, predicted: bool) -> None:
    entries = [
        Line2D([], [], marker="o", markersize=4, color=colour, label=_name(size), linewidth=1.1)
        for size, colour in colours.items()
    ]
    if predicted:
        entries.append(Line2D([], [], color=PREDICTED_COLOUR, linestyle="--", label="predicted"))
    common.side_legend(axes, entries, "dots: observed\nlines: fitted")


def _name(size: int | None) -> str:
    return "online" if size is None else f"m = {common.number_label(size)}"


def _note(report: Report, every: Sequence[int | None], shown: Sequence[int | None]) -> str:
    said = ["parallel search: 1 \N{MINUS SIGN} (1 \N{MINUS SIGN} p)^width; 95 % intervals"]
    if len(shown) < len(every):
        said.append(f"{len(shown)} of {len(every)} training-set sizes")
    if report.provisional:
        said.append("provisional: runs are still to come")
    return "; ".join(said)
