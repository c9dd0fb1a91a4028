"""Tests of contrasts between cells that share random numbers: the seed is the unit, not the run.

Outcomes of different cells at the same seed are dependent, those of different seeds are independent. So
whatever is compared is first made one number for each seed, a *contrast*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.lab.statistics.survival import student

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

#: Contrasts that are no small whole numbers are rounded to such: none larger than the one, and the sums that
#: matter no larger than the other. More would only take more time.
_LEVELS = 1_024
_MOST = 32_768
_LARGEST = 2**31
#: A sum of signed contrasts lies beyond 8 standard deviations with probability 2 exp(-8^2 / 2) at most.
_REACH = 8.0
#: A smaller p-value is not told from 0, for what is beyond the reach (Hoeffding 1963) and for rounding.
SMALLEST_P = 1e-12


@dataclass(frozen=True, slots=True)
class Flips:
    """What the sign-flip test says.

    Attributes:
        statistic: The sum of the contrasts.
        seeds: Contrasts, those of size 0 included.
        informative: Contrasts that are not 0; with few of them no p-value can be small.
        greater: One-sided p-value against "the sum is not above 0".
        less: One-sided p-value against "the sum is not below 0".
    """

    statistic: float
    seeds: int
    informative: int
    greater: float
    less: float


def sign_flips(contrasts: Vector) -> Flips:
    """Test whether contrasts are symmetric about 0, by all their signs.

    The Fisher-Pitman test for one sample (Fisher 1935, "The Design of Experiments", section 21; Pitman 1937):
    if each contrast is symmetric about 0 and they are independent, all 2^n choices of their signs are equally
    likely, and the p-value is the share of those whose sum is at least the observed one. It is exact for any
    number of seeds: with n of them no p-value is below 2^-n. Of contrasts that are -1, 0 or 1, such as the
    difference of two outcomes, it is McNemar's exact test.

    The distribution of the sum comes from its characteristic function, the product of cos(t |contrast|)
    (Pagano and Tritchler 1983, "On obtaining permutation distributions in polynomial time"), so no sign has
    to be drawn. It wants whole numbers: contrasts that are none, or are too large, are scaled and rounded. To
    round is an odd function, so what was symmetric stays it, and the test exact.

    Args:
        contrasts: One for each seed, shape (seeds,); finite.

    Returns:
        Both one-sided p-values, each at least `SMALLEST_P` unless so few seeds allow no smaller one.
    """
    whole = _whole(contrasts)
    sizes, counts = np.unique(np.abs(whole[whole != 0]), return_counts=True)
    informative = int(counts.sum())
    observed = int(whole.sum())
    least = max(SMALLEST_P, 0.5**informative)
    top = _top(whole)
    chances = _distribution(sizes, counts, top)
    tails = [
        1.0 if at <= -top else 0.0 if at > top else float(chances[at + top :].sum())
        for at in (observed, -observed)
    ]
    greater, less = (min(1.0, max(least, tail)) for tail in tails)
    return Flips(float(contrasts.sum()), len(contrasts), informative, greater, less)


def _whole(contrasts: Vector) -> NDArray[np.int64]:
    """Return contrasts as whole numbers without a common factor, scaled and rounded where they are not."""
    rounded = np.rint(contrasts)
    if np.array_equal(rounded, contrasts) and np.abs(rounded).max(initial=0) < _LARGEST:
        whole: NDArray[np.int64] = rounded.astype(np.int64)
        whole //= max(1, int(np.gcd.reduce(np.abs(whole), initial=0)))
        if _top(whole) <= _MOST:
            return whole
    largest = float(np.abs(contrasts).max(initial=0))
    if not largest:
        return np.zeros(len(contrasts), dtype=np.int64)
    relative = contrasts / largest
    spread = math.sqrt(float((relative**2).sum()))
    scaled: NDArray[np.int64] = np.rint(relative * min(_LEVELS, _MOST / (_REACH * spread))).astype(np.int64)
    return scaled


def _top(whole: NDArray[np.int64]) -> int:
    """Return the largest sum that matters: of all sizes, or as far as the reach goes."""
    spread = math.sqrt(float((whole.astype(float) ** 2).sum()))
    return int(min(np.abs(whole).sum(), math.ceil(_REACH * spread)))


def _distribution(sizes: NDArray[np.int64], counts: NDArray[np.int64], top: int) -> Vector:
    """Return the chances of the sums -top, ..., top of so many contrasts of each size, signs at random."""
    length = 2 * top + 1
    # What is beyond the top, if anything, is folded back and adds next to nothing.
    angles = 2 * np.pi * np.arange(top + 1) / length
    characteristic = np.ones(top + 1)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        characteristic *= np.cos(angles * size) ** count
    chances = np.fft.irfft(characteristic, n=length)
    return np.clip(np.fft.fftshift(chances), 0.0, None)


def interval(contrasts: Vector, bound: float, level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean of bounded contrasts with confidence limits that are right for few seeds, too.

    Bonett and Price 2012, "Adjusted Wald confidence interval for a difference of binomial proportions based
    on paired data", add one pair to either kind of discordant ones. So here: two more seeds whose contrasts
    are as large as can be, one of either sign, and Student's quantile. Where all contrasts are equal, as
    those of few seeds may be, the usual interval is a point, and misses; this one has about the width of the
    rule of three.

    Args:
        contrasts: One for each seed, shape (seeds,), from -`bound` to `bound`; at least one.
        bound: The largest size that a contrast can have.
        level: Confidence level, above 0 and below 1.

    Returns:
        The mean of the contrasts themselves, and the lower and the upper limit, inside of what is possible.
    """
    more = np.concatenate([contrasts, [-bound, bound]])
    mean, half = float(more.mean()), student(len(more) - 1, level) * _error(more)
    own = float(contrasts.mean())
    return own, min(own, max(-bound, mean - half)), max(own, min(bound, mean + half))


def p_above(contrasts: Vector, bound: float, least: float) -> float:
    """Return the one-sided p-value against "the mean of the contrasts is at most `least`".

    Student's, with two more seeds whose contrasts are the largest loss. Those of `interval`, one of either
    sign, do not do here: where all contrasts but rare losses are 0, and few seeds show none, a test with them
    rejects at a level of 0.05 with probability 0.09, and at 0.005 with 0.02. With two losses it keeps its
    level in simulations; no theorem says so.
    """
    from scipy.special import stdtr  # noqa: PLC0415  # half a second, paid when it is first asked for

    more = np.concatenate([contrasts, [-bound, -bound]])
    error = _error(more)
    if not error:  # all seeds are the largest loss
        return 1.0
    return float(stdtr(len(more) - 1, -(float(more.mean()) - least) / error))


def _error(values: Vector) -> float:
    """Return the standard error of the mean."""
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def ratio(numerators: Vector, denominators: Vector, level: float = 0.95) -> tuple[float, float, float]:
    """Return the ratio of two sums over seeds with confidence limits.

    The ratio estimator with its linearised standard error, sqrt(n) sd(a - r b) / sum of b (Cochran 1977,
    "Sampling Techniques", chapter 6), and Student's quantile; the seeds are the sampled units.

    Args:
        numerators: One for each seed, shape (seeds,), at least two.
        denominators: The same, 0 or more, and above 0 in sum.
        level: Confidence level, above 0 and below 1.
    """
    total = float(denominators.sum())
    value = float(numerators.sum()) / total
    count = len(numerators)
    error = float((numerators - value * denominators).std(ddof=1)) * math.sqrt(count) / total
    half = student(count - 1, level) * error
    return value, value - half, value + half


def mcnemar(won: NDArray[np.int64], lost: NDArray[np.int64]) -> Vector:
    """Return the exact p-values against "no more is won than lost", one-sided, for many pairs of cells.

    Under the hypothesis each discordant seed is won with probability 1/2 (McNemar 1947, "Note on the sampling
    error of the difference between correlated proportions or percentages"; exact by the binomial
    distribution). `sign_flips` of the differences gives the same number.
    """
    from scipy.special import bdtrc  # noqa: PLC0415  # as above

    p = bdtrc(won - 1.0, won + lost, 0.5)
    return np.where(won == 0, 1.0, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for there being several, whatever their dependence.

    Holm 1979, "A simple sequentially rejective multiple test procedure": the i-th smallest of n is multiplied
    by n - i + 1, and no smaller than those before it. To reject all below a keeps the probability of any
    wrong rejection at a or less.
    """
    found = [0.0] * len(p_values)
    highest = 0.0
    for rank, number in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[number]))
        found[number] = highest
    return found
