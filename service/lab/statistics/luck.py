"""Luck: how many restarts, and how much of them, a first success takes; and whether width buys more."""

from __future__ import annotations

import math

from service.lab.statistics.intervals import Confidence
from service.lab.statistics.survival import Sums, student
from tombola.results import Limits

Ends = tuple[float, float]
_UNKNOWN = Limits(value=None, low=None, high=None)
#: Forgives the rounding of a logarithm: 1 - 0.5^3 is reached by 3 restarts, not 4.
_TOLERANCE = 1e-9


def expected_restarts(successes: int, runs: int, confidence: Confidence) -> Limits:
    """Return the expected number of runs to a first success, that one included: 1 / p (geometric).

    The limits are the reciprocals of those of p; without a success there is no upper one.
    """
    if not runs:
        return _UNKNOWN
    low, high = confidence.limits(successes, runs)
    return Limits(value=_inverse(successes / runs), low=1 / high, high=_inverse(low))


def best_of(restarts: float, successes: int, runs: int, confidence: Confidence) -> Limits:
    """Return the probability that the best of some restarts succeeds: 1 - (1 - p)^q.

    Of a number that is not whole, the last restart is made with the probability of the fraction:
    1 - (1 - p)^floor(q) (1 - (q - floor(q)) p). It rises with p, so its limits are its values at those of p.

    Raises:
        ValueError: `restarts` is below 0.
    """
    if not restarts >= 0:
        raise ValueError(f"restarts must be 0 or more, got {restarts}")
    if not runs:
        return _UNKNOWN
    whole, rest = divmod(restarts, 1)

    def at(p: float) -> float:
        return 1 - math.pow(1 - p, whole) * (1 - rest * p)

    low, high = confidence.limits(successes, runs)
    return Limits(value=at(successes / runs), low=at(low), high=at(high))


def restarts_to(probability: float, successes: int, runs: int, confidence: Confidence) -> Limits:
    """Return the fewest restarts whose best one succeeds with a probability.

    Raises:
        ValueError: `probability` is not above 0 and below 1.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability must be above 0 and below 1, got {probability}")
    if not runs:
        return _UNKNOWN

    def at(p: float) -> float | None:
        if p in (0, 1):
            return 1.0 if p else None
        return float(max(1, math.ceil(math.log1p(-probability) / math.log1p(-p) - _TOLERANCE)))

    low, high = confidence.limits(successes, runs)
    return Limits(value=at(successes / runs), low=at(high), high=at(low))


def first_success_cost(won: Sums, lost: Sums, confidence: Confidence, bounds: Ends) -> Limits:
    """Return what a first success is expected to cost, the failures before it included.

    With s and f the mean costs of a success and a failure it is s + f (1 - p) / p; estimated so, it is the
    cost of all runs over the number of successes. Its two terms have limits each: s by Student's interval,
    (1 - p) / p by the interval of p, f by Student's again; they are combined by the method of variance
    estimates recovery (Zou & Donner 2008, "Construction of confidence limits about effect measures"), on a
    logarithmic scale for the product. What too few runs leave open is as good, and as bad, as it can be.

    Args:
        won: Costs of the runs that succeeded.
        lost: Costs of the runs that did not.
        confidence: Method of the interval of p, and the level.
        bounds: Least and most that a run can cost: to its first evaluation, and to its step budget.

    Returns:
        The cost and its limits. Without a success only the lower one is known; no upper one where p may be 0.
    """
    runs = won.runs + lost.runs
    if not runs:
        return _UNKNOWN
    low, high = confidence.limits(won.runs, runs)
    if not won.runs:
        least = _mean_limits(lost, confidence.level, bounds)[0]
        return Limits(value=None, low=bounds[0] + least * _odds(high), high=None)
    value = (won.total + lost.total) / won.runs
    success = _mean_limits(won, confidence.level, bounds)
    failures = _failures_limits(won.runs, lost, confidence, bounds)
    in_failures = lost.total / won.runs
    least = value - math.hypot(won.mean - success[0], in_failures - failures[0])
    return Limits(
        value=value,
        low=min(value, max(bounds[0], least)),
        high=value + math.hypot(success[1] - won.mean, failures[1] - in_failures) if low else None,
    )


def _failures_limits(successes: int, lost: Sums, confidence: Confidence, bounds: Ends) -> Ends:
    """Return the limits of what the failures before a first success cost: f (1 - p) / p."""
    low, high = confidence.limits(successes, successes + lost.runs)
    most = _odds(low) if low else math.inf
    if not lost.total:
        return 0.0, bounds[1] * most
    cost = _mean_limits(lost, confidence.level, bounds)
    odds = lost.runs / successes

    def away(cost_end: float, odds_end: float) -> float:
        return math.exp(math.hypot(math.log(cost_end / lost.mean), math.log(odds_end / odds)))

    value = lost.mean * odds
    return (
        value / away(cost[0], _odds(high)) if high < 1 else 0.0,
        value * away(cost[1], most) if low else math.inf,
    )


def _mean_limits(sums: Sums, level: float, bounds: Ends) -> Ends:
    """Return Student's interval of a mean inside of what is possible; of one run, all that is possible."""
    if sums.runs == 1:
        return min(bounds[0], sums.mean), max(bounds[1], sums.mean)
    half = student(sums.runs - 1, level) * math.sqrt(sums.variance / sums.runs)
    return (
        min(sums.mean, max(bounds[0], sums.mean - half)),
        max(sums.mean, min(bounds[1], sums.mean + half)),
    )


def _odds(p: float) -> float:
    """Return failures per success."""
    return (1 - p) / p


def difference(one: Limits, other: Limits) -> Limits:
    """Return the difference of two independent probabilities, from the limits of either.

    Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10: with
    Wilson's limits of two proportions it is his hybrid score interval.
    """
    ends = (one.value, one.low, one.high, other.value, other.low, other.high)
    if None in ends:
        return _UNKNOWN
    p, p_low, p_high, q, q_low, q_high = (float(end) for end in ends if end is not None)
    return Limits(
        value=p - q,
        low=p - q - math.hypot(p - p_low, q_high - q),
        high=p - q + math.hypot(p_high - p, q - q_low),
    )


def _inverse(p: float) -> float | None:
    return 1 / p if p else None
