"""How well class probabilities tell the classes of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from worker.engine.seam import Metrics

_LEAST = 1e-15  # a probability of 0 costs 34.5 nats, not infinitely many


def metrics(probabilities: NDArray[np.floating], classes: NDArray[np.int64]) -> Metrics:
    """Return accuracy, area under the ROC curve and mean cross-entropy in nats.

    Args:
        probabilities: Shape (rows, K).
        classes: In [0, K), shape (rows,).

    Returns:
        All None where a probability is not finite. The area is the mean of each class's against the rest (for
        two classes the same thing), None where the rows lack a class.
    """
    if not np.isfinite(probabilities).all():
        return Metrics(None, None, None)
    shares = probabilities.astype(np.float64)
    return Metrics(accuracy(shares, classes), _auc(shares, classes), mean_loss(shares, classes))


def accuracy(probabilities: NDArray[np.floating], classes: NDArray[np.int64]) -> float:
    """Return the share of rows whose class has the largest probability; arguments as those of `metrics`."""
    return float(np.mean(probabilities.argmax(axis=1) == classes))


def mean_loss(probabilities: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Return the mean cross-entropy in nats, of at least 10^-15; arguments as those of `metrics`."""
    own = probabilities[np.arange(len(classes)), classes]
    return float(-np.mean(np.log(np.maximum(own, _LEAST))))


def _auc(shares: NDArray[np.float64], classes: NDArray[np.int64]) -> float | None:
    """Return the mean area of each class against the rest, by the rank sums of Mann and Whitney 1947."""
    count = shares.shape[1]
    positive = np.bincount(classes, minlength=count)
    if (positive == 0).any():
        return None
    areas = []
    for number in range(1, 2) if count == 2 else range(count):  # noqa: PLR2004  # two classes mirror each other
        ranks = rankdata(shares[:, number])
        own = positive[number]
        above = ranks[classes == number].sum() - own * (own + 1) / 2
        areas.append(above / (own * (len(classes) - own)))
    return float(np.mean(areas))
