"""Bands of the frontier's picture: the smallest number of samples for each width, with its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tombola.plots import _common as common

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from tombola.plots._scales import Scale
    from tombola.results import Frontier, SmallestSamples, Thresholds

#: Bands of more sparsities than this hide each other.
MOST = 4
SHADING = 0.11
EDGE = 0.6  #: opacity of the limits themselves
DASH = 3.0  #: of the fit, in line widths
HALF_WIDTH = 6.0  #: of the band of a width that stands alone, in points
FIT_WIDTH = 1.2


def check(thresholds: Thresholds, front: Frontier) -> None:
    """See whether thresholds belong to a frontier.

    Raises:
        ValueError: They are of another experiment or probability.
    """
    if thresholds.experiment != front.experiment:
        raise ValueError(
            f"the thresholds are of experiment {thresholds.experiment}, the frontier of {front.experiment}"
        )
    if thresholds.probability != front.probability:
        raise ValueError(
            f"the thresholds are of probability {thresholds.probability:g}, "
            f"the frontier of {front.probability:g}"
        )


@dataclass(frozen=True)
class Bands:
    """The smallest numbers of samples by sparsity, rising in width, each sparsity in its colour."""

    thresholds: Thresholds | None
    found: dict[int | None, list[SmallestSamples]]
    colours: dict[int | None, str]

    @classmethod
    def of(cls, thresholds: Thresholds | None, colours: dict[int | None, str]) -> Bands:
        """Sort thresholds by sparsity; there are no bands without any, nor of too many sparsities."""
        found: dict[int | None, list[SmallestSamples]] = {}
        if thresholds is not None and len(colours) <= MOST:
            for row in sorted(thresholds.samples, key=lambda row: row.width):
                if row.sparsity in colours:
                    found.setdefault(row.sparsity, []).append(row)
        return cls(thresholds, found, colours)

    def draw(self, axes: Axes, x: Scale, y: Scale) -> None:
        """Shade from the lower to the upper limit, upwards without end where there is none; draw the fit."""
        ceiling = y.limits[1] if y.band is None else y.band[0]
        low, high = x.limits
        factor = (high / low) ** (HALF_WIDTH / x.side)
        for number, (sparsity, rows) in enumerate(self.found.items()):
            colour = self.colours[sparsity]
            for within, group in groupby(rows, key=lambda row: row.low is not None):
                if not within:
                    continue
                some = list(group)
                places = [float(row.width) for row in some]
                bottom = [float(row.low or 0) for row in some]
                top = [ceiling if row.high is None else float(row.high) for row in some]
                if len(some) == 1:
                    places, bottom, top = [places[0] / factor, places[0] * factor], bottom * 2, top * 2
                axes.fill_between(places, bottom, top, color=colour, alpha=SHADING, linewidth=0, zorder=1)
                for limit in (bottom, top):
                    shown = [math.nan if value == ceiling else value for value in limit]
                    axes.plot(places, shown, color=colour, alpha=EDGE, linewidth=0.6, zorder=1)
            fitted = [math.nan if row.fitted is None else float(row.fitted) for row in rows]
            # Where fits coincide, their dashes take turns.
            dashes = (number * DASH, (DASH, DASH * max(len(self.found) - 1, 1)))
            style: dict[str, Any] = {"linestyle": dashes, "linewidth": FIT_WIDTH}
            axes.plot([row.width for row in rows], fitted, color=colour, zorder=1.5, **style)

    def entries(self) -> list[Artist]:
        """Return what the legend says of them."""
        rows = [row for some in self.found.values() for row in some]
        if self.thresholds is None or not any(row.low is not None for row in rows):
            return []
        return [
            Line2D(
                [],
                [],
                color=common.NOTE_COLOUR,
                linestyle=(0, (DASH, DASH)),
                linewidth=FIT_WIDTH,
                label="fewest samples, fitted",
            ),
            Patch(
                facecolor=common.NOTE_COLOUR,
                alpha=SHADING * 2,
                label=f"{100 * self.thresholds.level:g}% limits of them",
            ),
        ]

    def note(self) -> list[str]:
        """Say what is left out."""
        hidden = self.thresholds is not None and len(self.colours) > MOST
        return [f"bands are drawn of at most {MOST} sparsities"] if hidden else []
