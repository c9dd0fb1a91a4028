"""Critical-difference diagrams: mean ranks of models over data sets, one diagram for each size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tombola.plots import _common as common
from tombola.plots import _compared as compared
from tombola.plots._canvas import Panels, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import Comparison, Ranks

SCALE = 250.0  #: from the first to the last rank
ROW = 15.0  #: from one name to the next
CLIQUE = 6.0  #: from one bar to the next
HEAD = 44.0  #: above the axis: the length of the critical difference, the numbers of the ranks
FIRST = 12.0  #: from the axis to the first bar
TICK = 4.0
INK = "0.15"
BAR = {"linewidth": 3.0, "solid_capstyle": "butt", "zorder": 3}


@dataclass(frozen=True)
class Layout:
    """Where things stand in a diagram, in points from its lower left corner.

    Attributes:
        names: Room for a name at either side.
        models: How many ranks there are.
        height: Of the diagram.
    """

    names: float
    models: int
    height: float

    @property
    def width(self) -> float:
        """Of the diagram."""
        return SCALE + 2 * self.names

    @property
    def axis(self) -> float:
        """Height of the axis."""
        return self.height - HEAD

    def place(self, rank: float) -> float:
        """Return where a rank stands along the axis."""
        return self.names + SCALE * (rank - 1) / max(self.models - 1, 1)


def draw(comparison: Comparison, title: str | None) -> Figure:
    """See `tombola.plots.ranks`."""
    found = sorted(comparison.ranks, key=lambda one: (one.fraction or 0.0, one.samples or 0))
    compared.require(comparison, found)
    layout = _layout(found)
    panels = Panels(
        count=len(found),
        width=layout.width,
        height=layout.height,
        left=common.MARGIN,
        below=0.0,
        right=common.MARGIN,
        gap=24.0,
    )
    canvas = panels.canvas(Text(title, "; ".join(_note(comparison, found))))
    for one, (x, y, _) in zip(found, panels.corners(), strict=True):
        axes = canvas.axes(x, y, layout.width, layout.height)
        axes.set(xlim=(0, layout.width), ylim=(0, layout.height), xticks=[], yticks=[])
        axes.set_axis_off()
        _diagram(axes, one, layout)
        count = f"{one.datasets} data set{'' if one.datasets == 1 else 's'}"
        size = compared.size_label(one.fraction, one.samples)
        what = f"{size} of the training rows" if one.fraction is not None else size
        axes.set_title(f"{what}, {count}", size=common.LABEL_SIZE, pad=4)
    canvas.name_below("mean rank, 1 the best", panels.middle[0])
    return canvas.figure


def _layout(found: Sequence[Ranks]) -> Layout:
    models = max(len(one.ranks) for one in found)
    names = common.widest(_name(rank.model, rank.rank) for one in found for rank in one.ranks) + 12
    bars = max(len(_bars(one)) for one in found)
    below = FIRST + bars * CLIQUE + math.ceil(models / 2) * ROW
    return Layout(names, models, HEAD + below)


def _diagram(axes: Axes, one: Ranks, layout: Layout) -> None:
    thin: dict[str, Any] = {"color": INK, "linewidth": 0.9, "zorder": 2}
    small: dict[str, Any] = {"size": common.TICK_SIZE, "color": INK}
    top = layout.axis
    axes.plot([layout.place(1), layout.place(layout.models)], [top, top], **thin)
    for whole in range(1, layout.models + 1):
        axes.plot([layout.place(whole)] * 2, [top, top + TICK], **thin)
        axes.text(layout.place(whole), top + TICK + 2, str(whole), ha="center", va="bottom", **small)
    if one.critical_difference is not None:
        _length(axes, one.critical_difference, layout)
    bars = _bars(one)
    for number, clique in enumerate(bars):
        places = [layout.place(rank.rank) for rank in one.ranks if rank.model in clique]
        height = top - FIRST - number * CLIQUE + CLIQUE / 2
        axes.plot([min(places) - 2, max(places) + 2], [height, height], color="0.4", **BAR)  # type: ignore[arg-type]  # a style
    first = top - FIRST - len(bars) * CLIQUE - ROW / 2
    left = (len(one.ranks) + 1) // 2
    for number, rank in enumerate(one.ranks):
        on_left = number < left
        height = first - ROW * (number if on_left else len(one.ranks) - 1 - number)
        end = layout.names - 8 if on_left else layout.width - layout.names + 8
        look = compared.LOOKS[rank.model]
        axes.plot([layout.place(rank.rank)] * 2 + [end], [top, height, height], **thin)
        axes.plot(
            layout.place(rank.rank),
            top,
            color=look.colour,
            marker=look.marker,
            markersize=compared.MARKER,
            zorder=4,
        )
        axes.text(
            end + (-4 if on_left else 4),
            height,
            _name(rank.model, rank.rank),
            ha="right" if on_left else "left",
            va="center",
            **small,
        )


def _length(axes: Axes, difference: float, layout: Layout) -> None:
    """Draw the length of the critical difference above the first ranks, cut where it is beyond the axis."""
    start = layout.place(1)
    end = layout.place(min(1 + difference, layout.models))
    height = layout.height - 16
    whole = 1 + difference <= layout.models
    thin: dict[str, Any] = {"color": INK, "linewidth": 0.9}
    axes.plot([start, end], [height, height], **thin)
    for place in [start, end] if whole else [start]:
        axes.plot([place, place], [height - 3, height + 3], **thin)
    text = f"critical difference {difference:.2f}"
    axes.text(start, height + 4, text, ha="left", va="bottom", size=common.TICK_SIZE, color=INK)


def _bars(one: Ranks) -> list[list[Any]]:
    """Return the groups that bars join: those of two models or more."""
    return [list(clique) for clique in one.cliques if len(clique) > 1]


def _name(model: Any, rank: float) -> str:  # noqa: ANN401  # a Contender
    return f"{compared.LOOKS[model].label}  {rank:.2f}"


def _note(comparison: Comparison, found: Sequence[Ranks]) -> list[str]:
    said = []
    if any(one.critical_difference is not None for one in found):
        level = 100 * (1 - comparison.level)
        said.append(f"bars join models that Nemenyi's test at {level:.2g}% does not tell apart")
    else:
        said.append("with one data set there is no critical difference")
    return said + compared.unfinished(comparison)
