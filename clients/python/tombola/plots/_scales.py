"""Logarithmic axes with a place for online, and the ticks of axes. All lengths are in points."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tombola.plots import _common as common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

#: Multiples of powers of ten that bear ticks, the finest first.
_SUBDIVISIONS = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,))
_MOST_TICKS = 7
#: What stands for online.
SHADE = "0.96"


@dataclass(frozen=True)
class Scale:
    """One logarithmic axis of length `side`, `pad` points of it empty at either end.

    None (online) has a place of its own beyond the last number.
    """

    values: Sequence[int | None]
    side: float
    pad: float

    def place(self, value: int | None) -> float:
        """Return where a value stands, as a number on the axis."""
        if value is not None:
            return float(value)
        numbers = [number for number in self.values if number is not None]
        return numbers[-1] * self.band_step**2 if numbers else 1.0

    @property
    def band_step(self) -> float:
        """Return the factor from the last number to the edge of the online band, and on to its middle."""
        numbers = [number for number in self.values if number is not None]
        return float(max(numbers[-1] / numbers[0], 4.0) ** 0.1) if numbers else 2.0

    @property
    def band(self) -> tuple[float, float] | None:
        """Return both ends of the online band, if there is one."""
        if None not in self.values:
            return None
        low, high = self.limits
        return (self.place(None) / self.band_step if len(self.values) > 1 else low), high

    @property
    def limits(self) -> tuple[float, float]:
        """Return both ends of the axis."""
        first, last = self.place(self.values[0]), self.place(self.values[-1])
        margin = max(last / first, 2.0) ** (self.pad / (self.side - 2 * self.pad))
        if first == last:
            margin *= math.sqrt(2)
        return first / margin, last * margin

    def points(self, value: int | None) -> float:
        """Return the distance of a value from the start of the axis."""
        low, high = self.limits
        return math.log(self.place(value) / low) / math.log(high / low) * self.side

    @property
    def least_gap(self) -> float:
        """Return the distance of the nearest neighbours."""
        places = [self.points(value) for value in self.values]
        return min((after - before for before, after in itertools.pairwise(places)), default=self.side)


def horizontal(axes: Axes, scale: Scale, below: Sequence[str] = ()) -> None:
    """Make a scale the horizontal axis: limits, ticks and the band of online.

    Args:
        axes: Where.
        scale: What stands along it.
        below: For each value a second line under its number.
    """
    axes.set(xscale="log", xlim=scale.limits)
    names = [common.number_label(value) for value in scale.values]
    if below:
        names = ["\n".join(pair) for pair in zip(names, below, strict=True)]
    extents = [common.widest(name.split("\n")) for name in names]
    shown = common.spaced([scale.points(value) for value in scale.values], extents)
    axes.set_xticks([scale.place(scale.values[i]) for i in shown], [names[i] for i in shown])
    if scale.band is not None:
        axes.axvspan(*scale.band, color=SHADE, zorder=0, linewidth=0)


def vertical(axes: Axes, scale: Scale) -> None:
    """Make a scale the vertical axis: limits, ticks and the band of online."""
    axes.set(yscale="log", ylim=scale.limits)
    names = [common.number_label(value) for value in scale.values]
    shown = common.spaced([scale.points(value) for value in scale.values], [common.TICK_SIZE] * len(names))
    axes.set_yticks([scale.place(scale.values[i]) for i in shown], [names[i] for i in shown])
    if scale.band is not None:
        axes.axhspan(*scale.band, color=SHADE, zorder=0, linewidth=0)


def round_numbers(low: float, high: float, side: float, *, upright: bool) -> list[int]:
    """Return the round whole numbers that bear the ticks of a logarithmic axis: as many as are legible.

    Args:
        low: Lower end, above 0.
        high: Upper end.
        side: Length of the axis.
        upright: Whether the axis is vertical, so that labels take their height along it.
    """
    found: list[int] = []
    for multiples in _SUBDIVISIONS:
        powers = [10**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
        every = sorted({multiple * power for power in powers for multiple in multiples})
        found = [int(number) for number in every if low <= number <= high and number == int(number)]
        places = [math.log(number / low) / math.log(high / low) * side for number in found]
        names = [common.number_label(number) for number in found]
        extents = [common.TICK_SIZE if upright else common.widest([name]) for name in names]
        shown = common.spaced(places, extents)
        if len(shown) == len(found) <= _MOST_TICKS:
            return found
        found = [found[index] for index in shown]
    return found
