"""How often networks match the baseline, against training rows: a panel a data set, a line a width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from tombola.plots import _common as common
from tombola.plots import _compared as compared
from tombola.plots._canvas import Legend, Text, beside, plain
from tombola.plots._scales import Scale, horizontal
from tombola.results import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import WidthFrontier, WidthPoint

SMALL = (190.0, 130.0)
PAD = 18.0
MOST_WIDTHS = 6
ENDS = (-0.04, 1.04)
LEVEL = {"color": "0.45", "linewidth": 0.9, "linestyle": (0, (1, 2)), "zorder": 1}
RING = {"marker": "o", "markersize": 10.0, "markerfacecolor": "none", "color": "0.15", "linestyle": ""}
TICKS = "0.25"

Start = tuple[int, int | None]


def draw(frontier: WidthFrontier, title: str | None) -> Figure:
    """See `tombola.plots.width`."""
    if not frontier.points:
        raise ValueError(
            "a frontier needs networks and a data set with all runs of a size; experiment "
            f"{frontier.experiment} has none to show yet"
        )
    found = compared.by_dataset(frontier.points)
    every = sorted({point.width for point in frontier.points})
    shown = [every[number] for number in common.spread(len(every), MOST_WIDTHS)]
    looks = _looks(frontier.points, shown)
    ring = Line2D([], [], label="on the frontier", **RING)  # type: ignore[arg-type]  # a style
    legend = Legend([*(look.line() for look in looks.values()), ring], ("width",))
    panels = compared.on_one_axis(len(found), SMALL, legend, TICKS, row_gap=12.0)
    said = _note(frontier) + ([f"{len(shown)} of {len(every)} widths"] if len(shown) < len(every) else [])
    canvas = panels.canvas(Text(title, "; ".join(said)))
    for number, (points, (x, y, outer)) in enumerate(zip(found, panels.corners(), strict=True), start=1):
        axes = canvas.axes(x, y, panels.width, panels.height)
        axes.axhline(frontier.probability, **LEVEL)  # type: ignore[arg-type]  # a style
        _panel(axes, points, looks, panels.width)
        axes.tick_params(labelleft=outer)
        if number == panels.columns:
            legend.draw(axes)
    canvas.name_below("training rows", panels.middle[0])
    canvas.name_beside(f"share as accurate as the {frontier.baseline}", panels.middle[1])
    return canvas.figure


def _panel(
    axes: Axes, points: Sequence[WidthPoint], looks: Mapping[Start, compared.Look], width: float
) -> None:
    x = Scale(sorted({point.samples for point in points}), width, PAD)
    aside = compared.shifts(len(looks), x, PAD)
    for (number, (start, look)), shift in zip(enumerate(looks.items()), aside, strict=True):
        own = [point for point in points if (point.width, point.sparsity) == start]
        line = [
            (float(one.samples), Limits(value=one.probability, low=one.low, high=one.high)) for one in own
        ]
        compared.draw_line(axes, look, line, shift=shift, order=number)
        axes.plot(
            [one.samples for one in own if one.on_frontier],
            [one.probability for one in own if one.on_frontier],
            transform=beside(axes, shift),
            zorder=5,
            **RING,  # type: ignore[arg-type]  # a style
        )
    horizontal(axes, x)
    compared.vertical(axes, ENDS)
    plain(axes)
    compared.name(axes, points[0].dataset, width)


def _looks(points: Sequence[WidthPoint], widths: Sequence[int]) -> dict[Start, compared.Look]:
    """Return a look for each width and start: wide ones dark, sparse ones solid."""
    shades = dict(zip(widths, compared.shades(len(widths)), strict=True))
    starts = {(point.width, point.sparsity) for point in points}
    found = {}
    for width, sparsity in sorted(starts, key=lambda start: (start[0], start[1] is None, start[1] or 0)):
        if width in shades:
            what = "dense" if sparsity is None else f"{sparsity}-sparse"
            found[width, sparsity] = compared.Look(
                f"{common.number_label(width)}, {what}",
                shades[width],
                "s" if sparsity is None else "o",
                compared.DASHED if sparsity is None else "-",
            )
    return found


def _note(frontier: WidthFrontier) -> list[str]:
    what = "of the same size" if frontier.against == "same" else "of all training rows"
    return [
        f"of splits and seeds, against the {frontier.baseline} {what}, with {100 * frontier.level:g}% limits",
        f"on the frontier: at least {frontier.probability:g}, and nothing narrower with less data",
    ]
