"""Which of several candidates counts: by validation scores, by test scores, within a budget.

Arrays end in the axes (splits, candidates, seeds); what stands before them is any number of axes more, such
as data sets and sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Whole = NDArray[np.int64]

#: Of a split and seed at which no candidate has a score.
NONE = -1


def by_validation(accuracy: Numbers, auc: Numbers, loss: Numbers, *, rows: Whole, within: Flags) -> Whole:
    """Return for every split and seed the candidate that its validation rows speak for.

    Of the candidates whose accuracy is within one standard error of the best one's it is that with the
    largest area under the ROC curve; of equal areas the one with the lower loss, then the first. A thousand
    rows do not tell such accuracies apart, and their best is best by luck: it is the rule of one standard
    error of Breiman et al. 1984 (Classification and Regression Trees, 3.4.3), with the area, which has less
    noise, in place of the simpler model. No test row has a part in it.

    Args:
        accuracy: On validation rows, shape (..., splits, candidates, seeds); NaN of runs that diverged.
        auc: The same, of areas; NaN counts as the smallest.
        loss: The same, of cross-entropy; NaN counts as the worst.
        rows: Validation rows, shape (...).
        within: Candidates that may be chosen, shape (..., candidates).

    Returns:
        Numbers of candidates, shape (..., splits, seeds); `NONE` where none has an accuracy.
    """
    known = np.isfinite(accuracy) & within[..., None, :, None]
    accuracy = np.where(known, accuracy, -np.inf)
    best = accuracy.max(axis=-2, keepdims=True)
    share = np.clip(best, 0.0, 1.0)
    error = np.sqrt(share * (1 - share) / np.maximum(rows, 1)[..., None, None, None])
    left = known & (accuracy >= best - error)
    for better in (auc, -loss):
        values = np.where(left & np.isfinite(better), better, -np.inf)
        left &= values == values.max(axis=-2, keepdims=True)
    return np.where(known.any(axis=-2), left.argmax(axis=-2), NONE)


def of_chosen(values: Numbers, chosen: Whole) -> Numbers:
    """Return the values of the chosen candidates, NaN where none was chosen.

    Args:
        values: Shape (..., splits, candidates, seeds).
        chosen: As of `by_validation`, shape (..., splits, seeds).
    """
    taken = np.take_along_axis(values, np.maximum(chosen, 0)[..., None, :], axis=-2)[..., 0, :]
    return np.where(chosen == NONE, np.nan, taken)


def optimistic(accuracy: Numbers, within: Flags) -> Numbers:
    """Return the largest mean test accuracy of any candidate, over splits and seeds.

    It is what one reports who takes the maximum over a search space by the test rows. A candidate of which a
    run diverged has no mean.

    Args:
        accuracy: On test rows, shape (..., splits, candidates, seeds); NaN of runs that diverged.
        within: Candidates that enter, shape (..., candidates).

    Returns:
        Shape (...); NaN where no candidate has a mean.
    """
    means = np.where(within, accuracy.mean(axis=(-3, -1)), np.nan)
    found = np.where(np.isnan(means), -np.inf, means).max(axis=-1)
    return np.where(np.isinf(found), np.nan, found)


def affordable(seconds: Numbers, budget: float) -> Flags:
    """Return the candidates that a search can try for a budget: in their order, and one at least.

    Args:
        seconds: What each candidate takes, in the order of the search, shape (..., candidates).
        budget: Of all of them together.
    """
    within = seconds.cumsum(axis=-1) <= budget
    within[..., 0] = True
    return within
