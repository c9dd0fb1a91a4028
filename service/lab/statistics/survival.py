"""Time to success, with the runs that never succeed counted."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from service.lab.statistics.intervals import Confidence
from tombola.results import Limits, Spread

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Forgives the rounding of a share such as 0.07 * 100 > 7.
_TOLERANCE = 1e-9


def median_steps(successes_by_steps: Mapping[int, int], runs: int) -> float | None:
    """Return the Kaplan-Meier median of the steps to success; see `steps_until` at a share of 1/2."""
    return steps_until(successes_by_steps, runs, 0.5)


def steps_until(successes_by_steps: Mapping[int, int], runs: int, share: float) -> float | None:
    """Return the Kaplan-Meier quantile of the steps to success: the smallest t with 1 - S(t) >= share.

    Every run without success stays at risk until the step budget (a diverged one never succeeds, so it is
    held at risk as well). No run leaves before the budget, hence the product-limit estimate (Kaplan & Meier
    1958, "Nonparametric estimation from incomplete observations") is S(t) = 1 - successes by step t / runs.

    Args:
        successes_by_steps: Number of runs that succeeded at each step number.
        runs: Finished runs in all, those without success included.
        share: Share of the runs that is to have succeeded, above 0 and at most 1.

    Returns:
        Steps; None where a smaller share of the runs succeeded, or none has finished.

    Raises:
        ValueError: A count is negative, there are more successes than runs, or `share` is not in (0, 1].
    """
    _check_share(share)
    return _first(_reached(successes_by_steps, runs), (share - _TOLERANCE) * runs) if runs else None


def steps_limits(
    successes_by_steps: Mapping[int, int], runs: int, share: float, confidence: Confidence, first: int
) -> Limits:
    """Return `steps_until` with its confidence limits.

    The limits invert the interval of the share that has succeeded by each step (Brookmeyer & Crowley 1982,
    "A confidence interval for the median survival time"), made by the method of `confidence`. As no run is
    censored before the budget, that share is binomial at each step, so with `clopper-pearson` these are the
    distribution-free limits from order statistics, whose coverage is nowhere below the level.

    Args:
        successes_by_steps: Number of runs that succeeded at each step number.
        runs: Finished runs in all, those without success included.
        share: Share of the runs that is to have succeeded, above 0 and at most 1.
        confidence: Method and level of the intervals.
        first: Step of the first evaluation: the lower limit where even no success yet is compatible with
            the share.

    Returns:
        Steps, with None for what is not reached within the budget.

    Raises:
        ValueError: As `steps_until`.
    """
    _check_share(share)
    reached = _reached(successes_by_steps, runs)
    if not runs:
        return Limits(value=None, low=None, high=None)
    highest, lowest = _fewest(runs, share, confidence)
    return Limits(
        value=_first(reached, (share - _TOLERANCE) * runs),
        low=first if highest == 0 else _first(reached, highest),
        high=_first(reached, lowest),
    )


@lru_cache(maxsize=16_384)
def _fewest(runs: int, share: float, confidence: Confidence) -> tuple[float, float]:
    """Return the fewest successes whose upper and whose lower limit reach a share; infinity where none do."""

    def reaching(end: int) -> float:
        found = bisect_left(range(runs + 1), share, key=lambda count: confidence.limits(count, runs)[end])
        return math.inf if found > runs else found

    return reaching(1), reaching(0)


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1 (0.5 is the median), got {share}")


def _reached(successes_by_steps: Mapping[int, int], runs: int) -> tuple[list[int], list[int]]:
    """Return the steps with successes, rising, and how many runs had succeeded by each."""
    steps = sorted(step for step, count in successes_by_steps.items() if count)
    reached = list(accumulate(successes_by_steps[step] for step in steps))
    if steps and min(successes_by_steps.values()) < 0:
        at = min(step for step, count in successes_by_steps.items() if count < 0)
        raise ValueError(f"a count of successes must be 0 or more, got {successes_by_steps[at]} at step {at}")
    if reached and reached[-1] > runs:
        raise ValueError(f"runs must be at least the {reached[-1]} successes, got runs={runs}")
    return steps, reached


def _first(reached: tuple[list[int], list[int]], wanted: float) -> float | None:
    """Return the first step by which at least so many runs had succeeded."""
    steps, counts = reached
    at = bisect_left(counts, wanted)
    return float(steps[at]) if at < len(steps) else None


@dataclass(frozen=True, slots=True)
class Sums:
    """Number, sum and sum of squares of what runs took: enough for a mean and its spread."""

    runs: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.runs + other.runs, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """The mean of at least one run."""
        return self.total / self.runs

    @property
    def variance(self) -> float:
        """The unbiased variance of at least two runs; rounding of the sums must not make it negative."""
        return max(0.0, self.squares - self.total * self.mean) / (self.runs - 1)

    def spread(self, level: float) -> Spread | None:
        """Return mean, standard deviation and Student's interval of the mean; None without a run.

        The interval is right for many runs, or for few that are spread about normally.
        """
        if not self.runs:
            return None
        if self.runs == 1:
            return Spread(mean=self.mean, sd=None, low=None, high=None)
        half = student(self.runs - 1, level) * math.sqrt(self.variance / self.runs)
        return Spread(
            mean=self.mean, sd=math.sqrt(self.variance), low=max(0.0, self.mean - half), high=self.mean + half
        )


@lru_cache(maxsize=4_096)
def student(degrees: int, level: float) -> float:
    """Return Student's two-sided quantile: half the interval of a mean, in standard errors."""
    from scipy.special import stdtrit  # noqa: PLC0415  # half a second, paid when it is first asked for

    return -float(stdtrit(degrees, (1 - level) / 2))
