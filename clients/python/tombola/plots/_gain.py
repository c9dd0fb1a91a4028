"""What a sparse start gains over a dense one against width: a panel a data set, a line a size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tombola.plots import _common as common
from tombola.plots import _compared as compared
from tombola.plots._canvas import Legend, Text, plain
from tombola.plots._scales import Scale, horizontal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import Comparison, WidthGain

SMALL = (190.0, 130.0)
PAD = 18.0
MOST_SIZES = 8
ZERO = {"color": "0.45", "linewidth": 0.9, "zorder": 1}
TICKS = "\N{MINUS SIGN}0.025"

Size = tuple[float | None, int | None]


def draw(comparison: Comparison, title: str | None) -> Figure:
    """See `tombola.plots.gain`."""
    if comparison.datasets and not comparison.gains:
        raise ValueError(
            "a gain needs sparse and dense networks of one width; "
            f"experiment {comparison.experiment} has none"
        )
    compared.require(comparison, comparison.gains)
    found = compared.by_dataset(comparison.gains)
    every = sorted({_size(gain) for gain in comparison.gains}, key=_rising)
    shown = [every[number] for number in common.spread(len(every), MOST_SIZES)]
    looks = _looks(shown)
    drawn = [gain.gain for gain in comparison.gains if _size(gain) in looks]
    ends = compared.span(drawn, -1.0, 1.0)
    ends = min(ends[0], -0.005), max(ends[1], 0.005)
    legend = Legend([look.line() for look in looks.values()], ("training rows",))
    panels = compared.on_one_axis(len(found), SMALL, legend, TICKS)
    limited = any(limits.low is not None for limits in drawn)
    said = compared.note(comparison, limited=limited, is_cut=compared.cut(drawn, ends))
    said += [f"{len(shown)} of {len(every)} sizes"] if len(shown) < len(every) else []
    canvas = panels.canvas(Text(title, "; ".join(said)))
    for number, (gains, (left, bottom, outer)) in enumerate(
        zip(found, panels.corners(), strict=True), start=1
    ):
        axes = canvas.axes(left, bottom, panels.width, panels.height)
        _panel(axes, gains, looks, panels.width)
        compared.vertical(axes, ends)
        axes.tick_params(labelleft=outer)
        if number == panels.columns:
            legend.draw(axes)
    canvas.name_below("width", panels.middle[0])
    canvas.name_beside("accuracy, sparse \N{MINUS SIGN} dense", panels.middle[1])
    return canvas.figure


def _panel(axes: Axes, gains: Sequence[WidthGain], looks: dict[Size, compared.Look], width: float) -> None:
    x = Scale(sorted({gain.width for gain in gains}), width, PAD)
    axes.axhline(0, **ZERO)  # type: ignore[arg-type]  # a style
    aside = compared.shifts(len(looks), x, PAD)
    for (number, (size, look)), shift in zip(enumerate(looks.items()), aside, strict=True):
        own = sorted((gain for gain in gains if _size(gain) == size), key=lambda gain: gain.width)
        points = [(float(gain.width), gain.gain) for gain in own]
        compared.draw_line(axes, look, points, shift=shift, order=number)
    horizontal(axes, x)
    plain(axes)
    compared.name(axes, gains[0].dataset, width)


def _looks(sizes: Sequence[Size]) -> dict[Size, compared.Look]:
    """Return a look for each size, the larger the darker."""
    return {
        size: compared.Look(compared.size_label(*size), shade, marker)
        for size, shade, marker in zip(sizes, compared.shades(len(sizes)), common.MARKERS, strict=False)
    }


def _size(gain: WidthGain) -> Size:
    return (gain.fraction, None) if gain.fraction is not None else (None, gain.samples)


def _rising(size: Size) -> float:
    fraction, samples = size
    return float(samples or 0) if fraction is None else fraction
