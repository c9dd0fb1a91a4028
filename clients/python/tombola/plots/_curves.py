"""Training curves: errors of runs at their evaluations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tombola.plots import _common as common
from tombola.plots._canvas import NAME_BESIDE, Legend, Panels, Text, plain
from tombola.plots._scales import round_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import Curve

MOST = 12
LARGE = (340.0, 210.0)  #: width and height of the only panel
SMALL = (205.0, 125.0)  #: of one among several
TEST: dict[str, Any] = {"color": common.COLOURS[0], "linewidth": 1.3}
TRAINING: dict[str, Any] = {"color": common.COLOURS[1], "linewidth": 1.1, "linestyle": (0, (3, 1.5))}
GOAL: dict[str, Any] = {"color": "0.45", "linewidth": 0.8, "linestyle": (0, (1, 1.5))}
#: Last over first evaluation from which steps stand on a logarithmic axis.
LARGE_RANGE = 20
ERROR_TICKS = [0, 0.1, 0.2, 0.3, 0.4, 0.5]
CHANCE = 0.55  #: the axis reaches so far where no error is above


@dataclass(frozen=True)
class Steps:
    """The axis of steps that all panels share."""

    first: int
    last: int

    @property
    def logarithmic(self) -> bool:
        """Whether the range is large."""
        return self.last >= LARGE_RANGE * self.first

    def horizontal(self, axes: Axes, side: float) -> None:
        """Make it the horizontal axis, of length `side`."""
        if self.logarithmic:
            ends = self.first / 1.1, self.last * 1.1
            axes.set(xscale="log", xlim=ends)
            ticks = round_numbers(*ends, side, upright=False)
        else:
            margin = 0.04 * (self.last - self.first) or 0.5 * self.last
            ends = max(0.0, self.first - margin), self.last + margin
            axes.set(xlim=ends)
            nice = MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]).tick_values(*ends)
            ticks = [int(tick) for tick in nice if ends[0] <= tick <= ends[1]]
        axes.set_xticks(ticks, [common.number_label(tick) for tick in ticks])


def draw(curves: Sequence[Curve], title: str | None, success_error: float | None) -> Figure:
    """See `tombola.plots.curves`."""
    _check(curves)
    width, height = LARGE if len(curves) == 1 else SMALL
    every = [step for curve in curves for step in curve.steps if step > 0] or [1]
    steps = Steps(min(every), max(every))
    errors = [error for curve in curves for error in _finite(curve.test_error) + _finite(curve.train_error)]
    top = max(CHANCE, 1.05 * max(errors, default=0.0))
    legend = Legend(_entries(curves, success_error))
    panels = Panels(
        count=len(curves),
        width=width,
        height=height,
        left=NAME_BESIDE + 26,
        below=common.TICK_SIZE + 8,
        right=legend.width,
        gap=14.0,
    )
    canvas = panels.canvas(Text(title, _note(curves)))
    for number, (curve, (x, y, outer)) in enumerate(zip(curves, panels.corners(), strict=True), start=1):
        axes = canvas.axes(x, y, width, height)
        plain(axes)
        steps.horizontal(axes, width)
        axes.minorticks_off()
        axes.set(
            ylim=(-0.02 * top, top), yticks=ERROR_TICKS if top < 2 * CHANCE - 0.5 else [0, 0.25, 0.5, 0.75, 1]
        )
        axes.tick_params(labelleft=outer)
        axes.set_title(f"seed {curve.seed}", size=common.LABEL_SIZE, pad=4)
        if success_error is not None:
            axes.axhline(success_error, zorder=2, **GOAL)
        _line(axes, curve.steps, curve.train_error, zorder=3, **TRAINING)
        _line(axes, curve.steps, curve.test_error, zorder=4, **TEST)
        if number == panels.columns:
            legend.draw(axes)
    x, y = panels.middle
    canvas.name_below("steps", x)
    canvas.name_beside("error", y)
    return canvas.figure


def _check(curves: Sequence[Curve]) -> None:
    if not curves:
        raise ValueError("a picture of curves needs at least one")
    if len(curves) > MOST:
        raise ValueError(f"a picture shows at most {MOST} curves, not {len(curves)}")
    cells = sorted({curve.cell for curve in curves})
    if len(cells) > 1:
        raise ValueError(f"the curves are of several cells: {', '.join(map(str, cells))}; give those of one")


def _line(axes: Axes, steps: Sequence[int], errors: Sequence[float | None], **style: Any) -> None:  # noqa: ANN401  # as Axes.plot
    """Draw one error; a single evaluation is a point."""
    values = [math.nan if error is None else error for error in errors]
    lonely = len(_finite(errors)) == 1
    axes.plot(steps, values, marker="o" if lonely else "", markersize=3.5, **style)


def _finite(errors: Sequence[float | None]) -> list[float]:
    return [error for error in errors if error is not None]


def _entries(curves: Sequence[Curve], success_error: float | None) -> list[Artist]:
    entries: list[Artist] = [Line2D([], [], label="test error", **TEST)]
    if _trained(curves):
        entries.append(Line2D([], [], label="training error", **TRAINING))
    if success_error is not None:
        label = f"success at {success_error:g}"
        entries.append(Line2D([], [], label=label, **GOAL))
    return entries


def _trained(curves: Sequence[Curve]) -> bool:
    return any(_finite(curve.train_error) for curve in curves)


def _note(curves: Sequence[Curve]) -> str:
    return "" if _trained(curves) else "no training error: every sample is fresh"
