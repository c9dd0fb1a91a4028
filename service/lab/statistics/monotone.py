"""The smallest resource that reaches a probability, where more of it is taken to be no worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.lab.statistics.intervals import Confidence

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Point:
    """Runs and successes at one amount of the resource."""

    at: int
    successes: int
    runs: int


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest amount that reaches a probability; None is "none of those there are"."""

    observed: int | None
    fitted: int | None
    low: int | None
    high: int | None


def isotonic(points: Sequence[Point]) -> list[float | None]:
    """Return the success probabilities that never fall along the points and are likeliest.

    The maximum-likelihood fit of binomial probabilities in rising order is the isotonic regression of the
    observed shares with the runs as weights (Ayer et al. 1955, "An empirical distribution function for
    sampling with incomplete information"). Points without a run have none.
    """
    from scipy.optimize import isotonic_regression  # noqa: PLC0415  # a second, paid when it is first asked for

    known = [point for point in points if point.runs]
    if not known:
        return [None] * len(points)
    fit = isotonic_regression(
        [point.successes / point.runs for point in known], weights=[float(point.runs) for point in known]
    )
    values = iter(fit.x.tolist())
    return [next(values) if point.runs else None for point in points]


def smallest(
    points: Sequence[Point], fit: Sequence[float | None], probability: float, confidence: Confidence
) -> Smallest:
    """Return the smallest amount that reaches a probability: as observed, as fitted, and with limits.

    Let m be the first amount whose true probability reaches p, all later ones reaching it too. The lower
    limit is the first amount whose own interval does not exclude p from above; it is above m only if the
    interval at m itself misses. The upper limit is the amount after the last one whose interval does not
    exclude a probability below p; it is below m only if the interval at the amount before m misses. So the
    band misses m with at most the probability that one of two intervals misses on its side: it has their
    level however many amounts there are, and rests on nothing but the order.

    Args:
        points: Rising in the resource; those without a run exclude nothing.
        fit: What `isotonic` makes of them.
        probability: Success probability to reach.
        confidence: Method and level of the intervals.
    """
    limits = [confidence.limits(point.successes, point.runs) for point in points]
    enough = probability - _TOLERANCE
    doubtful = [number for number, (low, _) in enumerate(limits) if low < enough]
    after = doubtful[-1] + 1 if doubtful else 0
    return Smallest(
        observed=next(
            (point.at for point in points if point.runs and point.successes >= enough * point.runs), None
        ),
        fitted=next(
            (
                point.at
                for point, value in zip(points, fit, strict=True)
                if value is not None and value >= enough
            ),
            None,
        ),
        low=next((point.at for point, (_, high) in zip(points, limits, strict=True) if high >= enough), None),
        high=points[after].at if after < len(points) else None,
    )
