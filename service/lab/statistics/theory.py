"""What theory says: lucky neurons and their parallel search, the statistical-query bound, linear algebra.

"The paper" is Edelman, Goel, Kakade, Malach and Zhang 2023, "Pareto Frontiers in Neural Feature Learning:
Data, Compute, Width, and Luck" (arXiv 2309.03800).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.lab.statistics.intervals import clopper_pearson

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Bounds of log(-log(1 - p)): p from 1e-15 to 1 for all that runs can tell.
_LEAST, _MOST = math.log(1e-15), math.log(700.0)


def lucky_probability(inputs: int, support: int, sparsity: int) -> float:
    """Return about the probability that an s-sparse neuron is lucky: (s / n)^k, or (k / n)^s where s < k.

    A neuron of s ones is lucky if it holds all of the k relevant coordinates, or, where s < k, only such. The
    paper: with s drawn without replacement it is C(n - k, s - k) / C(n, s) or C(k, s) / C(n, s), of
    which this is the order of magnitude.

    Args:
        inputs: n, the input dimension.
        support: k, the size of the hidden support.
        sparsity: s, the ones of a neuron at the start.
    """
    if sparsity >= support:
        return (sparsity / inputs) ** support
    return (support / inputs) ** sparsity


def parallel_search(probability: float, width: int) -> float:
    """Return the probability that one of r independent neurons is lucky: 1 - (1 - p)^r (the paper)."""
    return 1.0 if probability >= 1 else -math.expm1(width * math.log1p(-probability))


@dataclass(frozen=True, slots=True)
class Count:
    """Runs and successes at one width."""

    width: int
    successes: int
    runs: int


@dataclass(frozen=True, slots=True)
class SearchFit:
    """The parallel search that fits best.

    Attributes:
        probability: Of a neuron to be lucky; 0 where no run succeeded, 1 where all did.
        low: Lower confidence limit.
        high: Upper confidence limit.
        deviance: Twice the log-likelihood that the saturated model has more.
        degrees: Widths less one, with which to compare it; 0 where the fit is trivial.
        p_value: Of the deviance, by chi-squared; None without a degree of freedom.
    """

    probability: float
    low: float
    high: float
    deviance: float
    degrees: int
    p_value: float | None


def fit_search(counts: Sequence[Count], level: float = 0.95, design_effect: float = 1.0) -> SearchFit:
    """Return the probability of a lucky neuron under which successes over widths are likeliest.

    With success probability 1 - (1 - p)^r it is a binomial model with complementary log-log link, the offset
    log r and one parameter, log(-log(1 - p)); its log-likelihood is concave (McCullagh and Nelder 1989,
    "Generalized Linear Models", chapter 4). Limits are those of the profile likelihood: all p whose deviance
    is at most the quantile of chi-squared above the least one. Where no run succeeded, or every run, that is
    no guide, nor is there a design effect to see. The limit is then Clopper and Pearson's of one width, the
    widest or the narrowest, which is exact whatever the widths of a seed have in common.

    Args:
        counts: At least one width with a run.
        level: Confidence level, above 0 and below 1.
        design_effect: By how much the deviance of p is inflated by widths sharing their seeds; see
            `design_effect`. Limits are wider by it.
    """
    from scipy.optimize import brentq  # noqa: PLC0415  # half a second, paid when it is first asked for
    from scipy.special import chdtrc, chdtri  # noqa: PLC0415  # as above

    known = _Arrays(counts)
    if not known.won.any() or not known.lost.any():
        return _fit_of_one_outcome([count for count in counts if count.runs], level)
    best = brentq(known.score, _LEAST, _MOST, xtol=1e-12)
    highest = known.log_likelihood(best)
    reach = max(1.0, design_effect) * float(chdtri(1, 1 - level)) / 2

    def lacking(at: float) -> float:
        return known.log_likelihood(at) - (highest - reach)

    low, high = (
        outer if lacking(outer) > 0 else brentq(lacking, outer, best, xtol=1e-12) for outer in (_LEAST, _MOST)
    )
    deviance, degrees = max(0.0, 2 * (known.saturated - highest)), len(known.won) - 1
    return SearchFit(
        _of_log(best),
        _of_log(low),
        _of_log(high),
        deviance,
        degrees,
        float(chdtrc(degrees, deviance)) if degrees else None,
    )


def _fit_of_one_outcome(counts: Sequence[Count], level: float) -> SearchFit:
    """Return the fit where no run, or every run, succeeded, with the limit of the width that says most."""
    succeeded = counts[0].successes > 0
    told = min(counts, key=lambda count: count.width if succeeded else -count.width)
    limits = clopper_pearson(told.successes, told.runs, level)
    degrees = len(counts) - 1
    p_value = 1.0 if degrees else None
    if succeeded:
        return SearchFit(1.0, _of_one(limits.low, told.width), 1.0, 0.0, degrees, p_value)
    return SearchFit(0.0, 0.0, _of_one(limits.high, told.width), 0.0, degrees, p_value)


def _of_one(chance: float, width: int) -> float:
    """Return the probability of one lucky neuron, from that of one among so many."""
    return -math.expm1(math.log1p(-chance) / width)


class _Arrays:
    """Counts of the widths that have runs, and the log-likelihood of log(-log(1 - p))."""

    def __init__(self, counts: Sequence[Count]) -> None:
        known = [count for count in counts if count.runs]
        self.widths = np.array([float(count.width) for count in known])
        self.won = np.array([float(count.successes) for count in known])
        self.lost = np.array([float(count.runs - count.successes) for count in known])

    def log_likelihood(self, at: float) -> float:
        rate = self.widths * math.exp(at)
        return float((_times(self.won, np.log(-np.expm1(-rate))) - self.lost * rate).sum())

    def score(self, at: float) -> float:
        rate = self.widths * math.exp(at)
        return float((self.won * rate * np.exp(-rate) / -np.expm1(-rate) - self.lost * rate).sum())

    @property
    def saturated(self) -> float:
        """The log-likelihood of a probability for each width."""
        runs = self.won + self.lost
        with np.errstate(divide="ignore"):
            logs = np.log(self.won / runs), np.log(self.lost / runs)
        return float((_times(self.won, logs[0]) + _times(self.lost, logs[1])).sum())


def _times(counts: NDArray[np.float64], logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return products, 0 where the count is 0 whatever the logarithm."""
    return counts * np.where(counts > 0, logs, 0.0)


def design_effect(outcomes: NDArray[np.bool_], widths: Sequence[int], probability: float) -> float:
    """Return the variance of the score over what it would be if the widths had seeds of their own.

    The log-likelihood ratio of a working model without dependence, over this number, is about chi-squared
    (Rotnitzky and Jewell 1990, "Hypothesis testing of regression parameters in semiparametric generalized
    linear models for cluster correlated data"; with one parameter).

    Args:
        outcomes: Whether the run of each width and seed succeeded, shape (widths, seeds).
        widths: The widths.
        probability: The fitted one.

    Returns:
        The ratio; 1 where p is 0 or 1.
    """
    if probability in (0, 1):
        return 1.0
    rate = -math.log1p(-probability) * np.asarray(widths, dtype=float)
    # With P = 1 - e^-rate the score of one run is (y - P) dP / (P (1 - P)) = (y - P) rate / P.
    chance = -np.expm1(-rate)
    weight = rate / chance
    scores = (weight[:, None] * (outcomes - chance[:, None])).sum(axis=0)
    information = len(scores) * float((weight**2 * chance * (1 - chance)).sum())
    return float((scores**2).sum()) / information if information else 1.0


def _of_log(at: float) -> float:
    """Return p from log(-log(1 - p))."""
    return 0.0 if at <= _LEAST else -math.expm1(-math.exp(at))


def statistical_query_samples(
    inputs: int, support: int, *, parameters: int, steps: int, probability: float
) -> float:
    """Return the fewest samples by the statistical-query bound: m >= p C(n, k) / (2 r T).

    The paper: gradient descent of r parameters over T steps, with gradients known up to tau, learns
    some (n, k)-parity with probability p only if r T / (tau^2 p) >= C(n, k) / 2; of m samples tau is about
    1 / sqrt(m). It is a lower bound, and says nothing where it is below 1.

    Args:
        inputs: n, the input dimension.
        support: k, the size of the hidden support.
        parameters: r.
        steps: T.
        probability: Of success, which the paper calls delta.
    """
    return probability * math.comb(inputs, support) / (2 * parameters * steps)


def rank_probability(inputs: int, samples: int) -> float:
    """Return the probability that so many random vectors of {-1, +1}^n span all n dimensions over GF(2).

    With signs read as bits the vectors are the rows of a random m by n matrix. Its column i lies in the span
    of the i columns before it, given that these are independent, with probability 2^i / 2^m, so the rank is n
    with the product of 1 - 2^(i - m) over i = 0, ..., n - 1. Then Gaussian elimination finds the parity,
    whatever its size k.
    """
    if samples < inputs:
        return 0.0
    return math.exp(sum(math.log1p(-(2.0 ** (number - samples))) for number in range(inputs)))


def elimination_samples(inputs: int, probability: float) -> int:
    """Return the fewest samples with which Gaussian elimination finds a parity with a probability.

    Raises:
        ValueError: `probability` is not above 0 and below 1.
    """
    if not 0 < probability < 1:
        raise ValueError(f"probability must be above 0 and below 1, got {probability}")
    samples = inputs
    while rank_probability(inputs, samples) < probability:
        samples += 1
    return samples
