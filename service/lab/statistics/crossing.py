"""Whether one curve reaches a probability at a smaller amount than another, by the limits of `monotone`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from service.lab.statistics.monotone import Point
from service.lab.statistics.sequences import sequence_p_value


def p_smaller(one: Sequence[Point], other: Sequence[Point], probability: float, *, stopped: bool) -> float:
    """Return the p-value against "the smallest amount that suffices for the one is not below the other's".

    It is the smallest a at which the limits of `monotone.smallest` that face each other lie apart, each made
    to miss with probability a / 2 at most (by Clopper and Pearson's one-sided limits; by confidence sequences
    where the runs decided when to stop): there is an amount from which on all of the one's lower limits reach
    the probability, and up to which no upper limit of the other's does. Only if one of the two misses can
    that be where the hypothesis is true, and one of them does with a at most, however the outcomes of the two
    depend on each other (Bonferroni).

    Args:
        one: The curve that is claimed to need less, rising in the amount.
        other: The other one, at the same amounts; points without a run show nothing.
        probability: Success probability to reach, above 0 and below 1.
        stopped: Whether the outcomes themselves decided how many runs there are.
    """
    reaches = [_p(point, probability, above=True, stopped=stopped) for point in one]
    lacks = [_p(point, probability, above=False, stopped=stopped) for point in other]
    from_here = list(accumulate(reversed(reaches), max))[::-1]
    up_to_here = accumulate(lacks, max)
    best = min((max(pair) for pair in zip(from_here, up_to_here, strict=True)), default=1.0)
    return min(1.0, 2 * best)


def _p(point: Point, probability: float, *, above: bool, stopped: bool) -> float:
    """Return the p-value against "the success probability is not above" (or not below) another."""
    from scipy.special import bdtr, bdtrc  # noqa: PLC0415  # half a second, paid when it is first asked for

    if not point.runs:
        return 1.0
    if stopped:  # right for both sides together, hence for each
        observed = point.successes / point.runs
        away = observed > probability if above else observed < probability
        return sequence_p_value(point.successes, point.runs, probability) if away else 1.0
    if above:
        return float(bdtrc(point.successes - 1, point.runs, probability)) if point.successes else 1.0
    return float(bdtr(point.successes, point.runs, probability))
