"""Confidence intervals of a success probability."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from service.lab.statistics.sequences import confidence_sequence
from tombola.results import Interval, IntervalMethod


@dataclass(frozen=True, slots=True)
class Confidence:
    """How intervals are made: the method and its level.

    Attributes:
        method: `wilson`, `clopper-pearson` and `jeffreys` are right where the number of runs was fixed
            beforehand, `confidence-sequence` also where the runs themselves decided when to stop.
        level: Confidence level, above 0 and below 1.
    """

    method: IntervalMethod = "wilson"
    level: float = 0.95

    def limits(self, successes: int, runs: int) -> tuple[float, float]:
        """Return the ends (low, high) of an interval; before the first run nothing is known: (0, 1).

        Raises:
            ValueError: `successes` is outside 0 to `runs`, `runs` is below 0, or `level` is outside (0, 1).
        """
        return (0.0, 1.0) if runs == 0 else _limits(self.method, successes, runs, self.level)

    def interval(self, successes: int, runs: int) -> Interval | None:
        """Return the interval with its method and level; None before the first run. Raises as `limits`."""
        if runs == 0:
            return None
        low, high = self.limits(successes, runs)
        return Interval(low=low, high=high, level=self.level, method=self.method)


def wilson(successes: int, runs: int, level: float = 0.95) -> Interval:
    """Return the score interval of a success probability, without continuity correction.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference"; method 3 of
    Newcombe 1998. It stays inside [0, 1] and has a width above zero at 0 and at all successes, where the
    normal approximation collapses to a point. Its coverage is the level on average over p, and less at some.

    Args:
        successes: Runs that succeeded, 0 to `runs`.
        runs: Finished runs, at least 1.
        level: Confidence level, above 0 and below 1.

    Raises:
        ValueError: `runs` is below 1, `successes` is outside 0 to `runs`, or `level` is outside (0, 1).
    """
    return _interval("wilson", successes, runs, level)


def clopper_pearson(successes: int, runs: int, level: float = 0.95) -> Interval:
    """Return the exact interval: its coverage is nowhere below the level, and mostly above it.

    Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the
    binomial"; method 5 of Newcombe 1998. Arguments and errors as those of `wilson`.
    """
    return _interval("clopper-pearson", successes, runs, level)


def jeffreys(successes: int, runs: int, level: float = 0.95) -> Interval:
    """Return the equal-tailed posterior interval under Jeffreys' prior Beta(1/2, 1/2).

    Brown, Cai and DasGupta 2001, "Interval estimation for a binomial proportion", section 3.1.2: the lower
    end at no success is 0, the upper end at no failure 1. Its coverage is the level on average over p, and
    less at some. Arguments and errors as those of `wilson`.
    """
    return _interval("jeffreys", successes, runs, level)


def _interval(method: IntervalMethod, successes: int, runs: int, level: float) -> Interval:
    low, high = _limits(method, successes, runs, level)
    return Interval(low=low, high=high, level=level, method=method)


@lru_cache(maxsize=65_536)
def _limits(method: IntervalMethod, successes: int, runs: int, level: float) -> tuple[float, float]:
    if runs < 1:
        raise ValueError(f"an interval needs at least 1 finished run, got runs={runs}")
    if not 0 <= successes <= runs:
        raise ValueError(f"successes must be between 0 and runs={runs}, got {successes}")
    if not 0 < level < 1:
        raise ValueError(f"level must be above 0 and below 1 (0.95 is 95 %), got {level}")
    if method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
    low, high = _METHODS[method](successes, runs, level)
    # At the edges every method has the end 0 or 1 exactly; rounding must not move it.
    return 0.0 if successes == 0 else max(0.0, low), 1.0 if successes == runs else min(1.0, high)


def _wilson(successes: int, runs: int, level: float) -> tuple[float, float]:
    # From the upper tail's own probability: (1 + level) / 2 would round to 1 for levels next to 1.
    z_squared = NormalDist().inv_cdf((1 - level) / 2) ** 2
    centre = successes + z_squared / 2
    half_width = math.sqrt(z_squared * (successes * (runs - successes) / runs + z_squared / 4))
    total = runs + z_squared
    return (centre - half_width) / total, (centre + half_width) / total


def _clopper_pearson(successes: int, runs: int, level: float) -> tuple[float, float]:
    failures = runs - successes
    return (
        _beta_quantile(successes, failures + 1, (1 - level) / 2) if successes else 0.0,
        1.0 - _beta_quantile(failures, successes + 1, (1 - level) / 2) if failures else 1.0,
    )


def _jeffreys(successes: int, runs: int, level: float) -> tuple[float, float]:
    a, b = successes + 0.5, runs - successes + 0.5
    return _beta_quantile(a, b, (1 - level) / 2), 1.0 - _beta_quantile(b, a, (1 - level) / 2)


def _beta_quantile(a: float, b: float, tail: float) -> float:
    from scipy.special import betaincinv  # noqa: PLC0415  # half a second, which the default need not pay

    return float(betaincinv(a, b, tail))


_METHODS: dict[IntervalMethod, Callable[[int, int, float], tuple[float, float]]] = {
    "wilson": _wilson,
    "clopper-pearson": _clopper_pearson,
    "jeffreys": _jeffreys,
    "confidence-sequence": confidence_sequence,
}
