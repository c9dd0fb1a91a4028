"""What pictures of models compared on tables share: looks of models, names of sizes, axes of a data set."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from matplotlib import colormaps
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tombola.plots import _common as common
from tombola.plots._canvas import NAME_BESIDE, Legend, Panels, beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

    from tombola.plots._scales import Scale
    from tombola.results import Comparison, Contender, DatasetComparison, Limits, WidthGain, WidthPoint

MARKER = 5.0
LINE_WIDTH = 1.2
WHISKER_WIDTH = 0.9
LARGEST_SHIFT = 2.4  #: between the points of neighbouring lines
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
#: Limits that reach farther than so many times the spread of all values are cut at the edge of a panel.
ROOM = 0.6
LARGE, MOST_LARGE = (268.0, 200.0), 3  #: panels, and up to how many data sets they are so large
COLOURS = "viridis"
LIGHTEST = 0.85  #: beyond it is too light on white
LEAST_ROOM = 0.01


#: A row of an answer about some data sets.
Row = TypeVar("Row", "DatasetComparison", "WidthGain", "WidthPoint")


@dataclass(frozen=True)
class Look:
    """How a line is drawn; its marker and dashes tell it apart where there are no colours."""

    label: str
    colour: Any
    marker: str
    dashes: Any = "-"

    def line(self) -> Line2D:
        """Return what the legend shows."""
        return Line2D([], [], label=self.label, **self.style())

    def style(self) -> dict[str, Any]:
        """Return what matplotlib wants to know."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "markersize": MARKER,
            "markeredgewidth": 0,
            "linestyle": self.dashes,
            "linewidth": LINE_WIDTH,
        }


DASHED, _DOTTED = (0, (4, 1.5)), (0, (1, 1.2))
#: The same in every picture, whatever models it shows; networks are solid, trees dashed.
LOOKS: Mapping[Contender, Look] = {
    "mlp-sparse": Look("mlp, sparse", common.COLOURS[0], "o"),
    "mlp-dense": Look("mlp, dense", common.COLOURS[5], "s"),
    "mlp": Look("mlp", "#000000", "P"),
    "forest": Look("forest", common.COLOURS[2], "^", DASHED),
    "boosting": Look("boosting", common.COLOURS[1], "v", DASHED),
    "xgboost": Look("XGBoost", common.COLOURS[4], "D", DASHED),
    "lightgbm": Look("LightGBM", "#8C6D31", "p", DASHED),
    "catboost": Look("CatBoost", "#843C39", "h", DASHED),
    "tabm": Look("TabM", common.COLOURS[3], "*"),
    "logistic": Look("logistic", "0.5", "X", _DOTTED),
}


def by_dataset(rows: Iterable[Row]) -> list[list[Row]]:
    """Return the rows of each data set; data sets as they come."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.dataset_id, []).append(row)
    return list(found.values())


def shades(count: int) -> list[Any]:
    """Return so many colours, from light to dark."""
    scale: Any = colormaps[COLOURS]
    return [scale(LIGHTEST * (1 - number / max(count - 1, 1))) for number in range(count)]


def on_one_axis(
    count: int, small: tuple[float, float], legend: Legend, ticks: str, row_gap: float | None = None
) -> Panels:
    """Return panels that share a vertical axis, one for each of some data sets.

    Args:
        count: How many.
        small: Width and height of those of many data sets.
        legend: What stands right of them.
        ticks: The longest label of the axis.
        row_gap: As that of `Panels`.
    """
    large = count <= MOST_LARGE
    width, height = LARGE if large else small
    return Panels(
        count=count,
        width=width,
        height=max(height, legend.height) if large else height,
        left=NAME_BESIDE + common.widest([ticks]) + 10,
        below=common.TICK_SIZE + 8,
        right=legend.width,
        gap=16.0,
        row_gap=row_gap,
    )


def models(comparison: Comparison) -> list[Contender]:
    """Return the models to draw: networks by their initialisation where both are there, not all together."""
    found = {model.model for row in comparison.datasets for model in row.models}
    if {"mlp-sparse", "mlp-dense"} <= found:
        found.discard("mlp")
    return [name for name in LOOKS if name in found]


def size_label(fraction: float | None, samples: int | None) -> str:
    """Name a size: 10 % of the rows, or 1k rows."""
    return f"{common.number_label(samples)} rows" if fraction is None else f"{100 * fraction:g}%"


def shortened(text: str, room: float, size: float) -> str:
    """Return a text that fits into `room`: its middle is left out where it is too long."""

    def kept(count: int) -> str:
        head = (count + 1) // 2
        return text[:head] + ELLIPSIS + text[len(text) - (count - head) :]

    if common.text_width(text, size) <= room:
        return text
    counts = range(len(text))
    fitting = bisect_right(counts, room, key=lambda count: common.text_width(kept(count), size))
    return kept(max(fitting - 1, 0))


def name(axes: Axes, dataset: str, room: float) -> None:
    """Write the name of a data set above its panel."""
    short = shortened(dataset, room, common.LABEL_SIZE)
    axes.set_title(short, size=common.LABEL_SIZE, pad=4, parse_math=False)


def shifts(count: int, x: Scale, pad: float) -> list[float]:
    """Return how far to set the points of each of some lines beside the others, in points.

    Args:
        count: How many lines.
        x: The axis along which they go; where it has a single place, it is all theirs.
        pad: What is empty at either end of the axis.
    """
    most = LARGEST_SHIFT if len(x.values) > 1 else pad
    step = min(most, 0.7 * min(x.least_gap, 2 * pad if len(x.values) > 1 else x.side) / max(count, 1))
    return [(number - (count - 1) / 2) * step for number in range(count)]


def draw_line(
    axes: Axes, look: Look, points: Sequence[tuple[float, Limits]], *, shift: float, order: int
) -> None:
    """Join values along the horizontal axis, each with its limits as a bar; what has no value is left out."""
    known = [(place, one) for place, one in points if one.value is not None]
    moved = beside(axes, shift)
    places = [place for place, _ in known]
    axes.plot(
        places,
        [one.value or 0.0 for _, one in known],
        transform=moved,
        zorder=3 + order / 100,
        label=look.label,
        **look.style(),
    )
    bars = [
        (place, one.low, one.high) for place, one in known if one.low is not None and one.high is not None
    ]
    axes.vlines(
        [place for place, _, _ in bars],
        [low for _, low, _ in bars],
        [high for _, _, high in bars],
        color=look.colour,
        linewidth=WHISKER_WIDTH,
        alpha=0.7,
        transform=moved,
        zorder=2,
    )


def span(limits: Iterable[Limits], least: float, most: float) -> tuple[float, float]:
    """Return the ends of a vertical axis: around all values, with room for limits that are not far off.

    Few splits have wide limits, which would leave no room for the values; they are cut.
    """
    every = list(limits)
    values = [one.value for one in every if one.value is not None]
    if not values:
        return least, most
    room = max(ROOM * (max(values) - min(values)), LEAST_ROOM)
    low = min([one.low for one in every if one.low is not None], default=min(values))
    high = max([one.high for one in every if one.high is not None], default=max(values))
    low, high = max(low, min(values) - room), min(high, max(values) + room)
    edge = 0.04 * max(high - low, LEAST_ROOM)
    return max(low - edge, least - edge), min(high + edge, most + edge)


def vertical(axes: Axes, ends: tuple[float, float]) -> None:
    """Give a vertical axis its ends, and round numbers in between."""
    low, high = ends
    ticks = [
        tick for tick in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high
    ]
    digits = max(2, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9)) if len(ticks) > 1 else 3
    axes.set_ylim(ends)
    axes.set_yticks(ticks, [f"{tick:.{digits}f}".replace("-", "\N{MINUS SIGN}") for tick in ticks])


def cut(limits: Iterable[Limits], ends: tuple[float, float]) -> bool:
    """Tell whether any limits reach beyond the ends of an axis."""
    return any(
        (one.low is not None and one.low < ends[0]) or (one.high is not None and one.high > ends[1])
        for one in limits
    )


def note(comparison: Comparison, *, limited: bool, is_cut: bool) -> list[str]:
    """Say what the picture stands on.

    Args:
        comparison: What is drawn.
        limited: Whether any limits are drawn.
        is_cut: Whether some reach beyond the picture.
    """
    splits = sorted({row.splits for row in comparison.datasets})
    count = " to ".join(map(str, dict.fromkeys([splits[0], splits[-1]]))) if splits else "0"
    said = [f"means over {count} split{'' if splits == [1] else 's'}"]
    if limited:
        said[0] += f" with {100 * comparison.level:g}% limits"
    else:
        said.append("no limits from a single split")
    if is_cut:
        said.append("wide limits are cut")
    return [*said, *unfinished(comparison)]


def unfinished(comparison: Comparison) -> list[str]:
    """Say that runs are missing, where they are."""
    if not comparison.provisional:
        return []
    return [f"provisional: {comparison.left_out} sizes of data sets lack runs and are left out"]


def require(comparison: Comparison, what: object) -> None:
    """See whether there is anything to draw.

    Raises:
        ValueError: There is not.
    """
    if not what:
        raise ValueError(
            f"a picture needs a data set with all runs of a size; experiment {comparison.experiment} has "
            "none to show yet"
        )
