"""What a sparse start gains over a dense one against width: a panel a data set, a line a size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib import colormaps

from tombola.plots import _common as common
from tombola.plots import _compared as compared
from tombola.plots._canvas import NAME_BESIDE, Legend, Panels, Text, plain
from tombola.plots._scales import Scale, horizontal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import Comparison, WidthGain

LARGE, SMALL = (268.0, 200.0), (190.0, 130.0)
MOST_LARGE = 3
PAD = 18.0
COLOURS = "viridis"
LIGHTEST = 0.85  #: beyond it is too light on white
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
    found: dict[str, list[WidthGain]] = {}
    for gain in comparison.gains:
        found.setdefault(gain.dataset_id, []).append(gain)
    every = sorted({_size(gain) for gain in comparison.gains}, key=_rising)
    shown = [every[number] for number in common.spread(len(every), MOST_SIZES)]
    looks = _looks(shown)
    drawn = [gain.gain for gain in comparison.gains if _size(gain) in looks]
    ends = compared.span(drawn, -1.0, 1.0)
    ends = min(ends[0], -0.005), max(ends[1], 0.005)
    legend = Legend([look.line() for look in looks.values()], ("training rows",))
    large = len(found) <= MOST_LARGE
    width, height = LARGE if large else SMALL
    panels = Panels(
        count=len(found),
        width=width,
        height=max(height, legend.height) if large else height,
        left=NAME_BESIDE + common.widest([TICKS]) + 10,
        below=common.TICK_SIZE + 8,
        right=legend.width,
        gap=16.0,
    )
    limited = any(limits.low is not None for limits in drawn)
    said = compared.note(comparison, limited=limited, is_cut=compared.cut(drawn, ends))
    said += [f"{len(shown)} of {len(every)} sizes"] if len(shown) < len(every) else []
    canvas = panels.canvas(Text(title, "; ".join(said)))
    for number, (gains, (left, bottom, outer)) in enumerate(
        zip(found.values(), panels.corners(), strict=True), start=1
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
    scale: Any = colormaps[COLOURS]
    last = max(len(sizes) - 1, 1)
    return {
        size: compared.Look(
            compared.size_label(*size), scale(LIGHTEST * (1 - number / last)), common.MARKERS[number]
        )
        for number, size in enumerate(sizes)
    }


def _size(gain: WidthGain) -> Size:
    return (gain.fraction, None) if gain.fraction is not None else (None, gain.samples)


def _rising(size: Size) -> float:
    fraction, samples = size
    return float(samples or 0) if fraction is None else fraction
