"""Accuracy against training rows, a panel for each data set, a line for each model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from tombola.plots import _common as common
from tombola.plots import _compared as compared
from tombola.plots._canvas import NAME_BESIDE, Legend, Panels, Text, plain
from tombola.plots._scales import Scale, horizontal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import Comparison, Contender, DatasetComparison, Limits

SMALL = (172.0, 130.0)
PAD = 18.0  #: at either end of the horizontal axis
TICKS = "0.995"  #: room for the labels of a panel's own vertical axis
MAJORITY = compared.Look("largest class", "0.65", "", (0, (1, 2)))


def draw(comparison: Comparison, title: str | None) -> Figure:
    """See `tombola.plots.accuracy`."""
    found = [sorted(rows, key=lambda row: row.samples) for rows in compared.by_dataset(comparison.datasets)]
    compared.require(comparison, found)
    names = compared.models(comparison)
    ends = [compared.span(_limits(rows, names), 0.0, 1.0) for rows in found]
    majority = any(_majority(rows, own) is not None for rows, own in zip(found, ends, strict=True))
    entries: list[Artist] = [compared.LOOKS[name].line() for name in names]
    legend = Legend(entries + [MAJORITY.line()] * majority)
    width, height = compared.LARGE if len(found) <= compared.MOST_LARGE else SMALL
    ticks = common.widest([TICKS]) + 10
    panels = Panels(
        count=len(found),
        width=width,
        height=max(height, legend.height) if len(found) <= compared.MOST_LARGE else height,
        left=NAME_BESIDE + ticks,
        below=common.TICK_SIZE + 8,
        right=legend.width,
        gap=12 + ticks,
        row_gap=12.0,
    )
    every = [limits for rows in found for limits in _limits(rows, names)]
    is_cut = any(compared.cut(_limits(rows, names), own) for rows, own in zip(found, ends, strict=True))
    limited = any(limits.low is not None for limits in every)
    canvas = panels.canvas(Text(title, "; ".join(compared.note(comparison, limited=limited, is_cut=is_cut))))
    for number, (rows, own, (x, y, _)) in enumerate(zip(found, ends, panels.corners(), strict=True), start=1):
        axes = canvas.axes(x, y, panels.width, panels.height)
        _panel(axes, rows, names, own, panels.width)
        if number == panels.columns:
            legend.draw(axes)
    canvas.name_below("training rows", panels.middle[0])
    canvas.name_beside("accuracy on test rows", panels.middle[1])
    return canvas.figure


def _panel(
    axes: Axes,
    rows: Sequence[DatasetComparison],
    names: Sequence[Contender],
    ends: tuple[float, float],
    width: float,
) -> None:
    x = Scale([row.samples for row in rows], width, PAD)
    aside = compared.shifts(len(names), x, PAD)
    for number, (name, shift) in enumerate(zip(names, aside, strict=True)):
        points = [
            (float(row.samples), model.accuracy)
            for row in rows
            for model in row.models
            if model.model == name
        ]
        compared.draw_line(axes, compared.LOOKS[name], points, shift=shift, order=-number)
    if (share := _majority(rows, ends)) is not None:
        axes.add_line(Line2D([0, 1], [share, share], transform=axes.get_yaxis_transform(), zorder=1))
        axes.lines[-1].set(color=MAJORITY.colour, linestyle=MAJORITY.dashes, linewidth=compared.LINE_WIDTH)
    horizontal(axes, x)
    compared.vertical(axes, ends)
    plain(axes)
    compared.name(axes, rows[0].dataset, width)


def _limits(rows: Sequence[DatasetComparison], names: Sequence[Contender]) -> list[Limits]:
    return [model.accuracy for row in rows for model in row.models if model.model in names]


def _majority(rows: Sequence[DatasetComparison], ends: tuple[float, float]) -> float | None:
    """Return the share of the largest class where it lies within the panel."""
    share = rows[0].majority
    return share if share is not None and ends[0] <= share <= ends[1] else None
