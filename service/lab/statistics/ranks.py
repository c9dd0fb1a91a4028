"""Models compared over data sets by ranks (Demšar 2006, "Statistical comparisons of classifiers").

A data set is the unit: how far accuracies lie apart says little from one table to another, which of two is
larger says more.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from service.lab.statistics.paired import sign_flips

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]

#: Accuracies are ratios of whole numbers: what differs by less differs by rounding.
_DIGITS = 12
#: Of two models ranks say no more than a sign test.
_FRIEDMAN = 3


def signed_ranks(differences: Vector) -> Vector:
    """Return the ranks of the sizes of differences, from 1, each with its difference's sign.

    Equal sizes share the mean of their ranks. Zeros are ranked with the others and then count as 0 (Pratt
    1959, "Remarks on zeros and ties in the Wilcoxon signed rank procedures"): left out before ranking, as
    Wilcoxon did, they can make a difference more significant by growing smaller.
    """
    from scipy.stats import rankdata  # noqa: PLC0415  # seconds to load, paid when it is first asked for

    rounded = np.round(differences, _DIGITS)
    return np.asarray(rankdata(np.abs(rounded)) * np.sign(rounded))


def wilcoxon(differences: Vector) -> float | None:
    """Return the two-sided p-value against "differences are symmetric about 0".

    Wilcoxon 1945, "Individual comparisons by ranking methods"; exact with ties and zeros, too. Under the
    hypothesis every sign of the ranks is as likely as the other, and `paired.sign_flips` counts all of them.
    `scipy.stats.wilcoxon` has exact values without ties and zeros only, and is the same there. With n data
    sets no p-value is below 2^(1 - n).

    Args:
        differences: One for each data set, shape (datasets,).

    Returns:
        The p-value; None with fewer than two data sets, which cannot tell anything.
    """
    if len(differences) < 2:  # noqa: PLR2004  # as the docstring has it
        return None
    flips = sign_flips(2 * signed_ranks(differences))  # shared ranks can be halves
    return min(1.0, 2 * min(flips.greater, flips.less))


def ranks(scores: Matrix) -> Matrix:
    """Return the rank of each model on each data set: 1 is the highest score, equal ones share the mean.

    Args:
        scores: Shape (datasets, models); minus infinity where a model has none.
    """
    from scipy.stats import rankdata  # noqa: PLC0415  # as above

    return np.asarray(rankdata(-np.round(scores, _DIGITS), axis=1))


def friedman(ranked: Matrix) -> float | None:
    """Return the p-value of Friedman's test that all models rank alike; None with fewer than three of them.

    Friedman 1937, "The use of ranks to avoid the assumption of normality implicit in the analysis of
    variance", by the chi-squared distribution, corrected for ties.

    Args:
        ranked: Shape (datasets, models), as `ranks` gives them; at least two data sets.
    """
    from scipy.stats import friedmanchisquare  # noqa: PLC0415  # as above

    if ranked.shape[1] < _FRIEDMAN:
        return None
    if np.ptp(ranked, axis=1).max() == 0:  # all are alike everywhere, and ties leave no variance to divide by
        return 1.0
    return float(friedmanchisquare(*ranked.T).pvalue)


def critical_difference(models: int, datasets: int, level: float = 0.95) -> float:
    """Return how far mean ranks must lie apart to be told apart, all pairs at once.

    Nemenyi 1963, "Distribution-free multiple comparisons"; Demšar 2006, section 3.2.2: q sqrt(k (k + 1) /
    (6 N)) for k models and N data sets, with q the quantile of the studentized range over the root of 2.

    Args:
        models: At least 2.
        datasets: At least 1.
        level: Of all pairs together, above 0 and below 1.
    """
    return nemenyi(models, level) * math.sqrt(models * (models + 1) / (6 * datasets))


@lru_cache(maxsize=256)
def nemenyi(models: int, level: float) -> float:
    """Return the critical value q of `critical_difference`, as in Demšar 2006, table 5 (a)."""
    from scipy.stats import studentized_range  # noqa: PLC0415  # as above

    return float(studentized_range.ppf(level, models, math.inf)) / math.sqrt(2)


def cliques(mean_ranks: Vector, difference: float) -> list[list[int]]:
    """Return the largest groups of models whose mean ranks lie closer together than a critical difference.

    Args:
        mean_ranks: Rising, shape (models,).
        difference: Mean ranks that lie this far apart are told apart.

    Returns:
        The numbers of the models of each group, of two at least; a bar of a critical-difference diagram each.
    """
    found: list[list[int]] = []
    for first, rank in enumerate(mean_ranks):
        last = int(np.searchsorted(mean_ranks, rank + difference, side="left")) - 1
        if last > first and (not found or found[-1][-1] < last):
            found.append(list(range(first, last + 1)))
    return found
