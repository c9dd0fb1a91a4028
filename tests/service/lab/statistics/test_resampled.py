from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from service.lab.statistics.resampled import corrected

ROWS, TESTED, SPLITS, TABLES = 300, 90, 5, 300


def test_the_limits_are_those_of_the_formula():
    values = np.array([0.81, 0.84, 0.79, 0.85])
    mean, low, high = corrected(values, 0.3, 0.9)
    error = np.sqrt(values.var(ddof=1) * (1 / 4 + 0.3 / 0.7))
    assert mean == pytest.approx(0.8225)
    assert (low, high) == pytest.approx(stats.t.interval(0.9, 3, loc=mean, scale=error))


def test_with_nothing_in_common_they_are_students():
    values = np.array([0.1, 0.4, 0.2])
    _, low, high = corrected(values, 0.0)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, loc=values.mean(), scale=stats.sem(values)))


def test_one_split_has_a_mean_and_no_limits():
    assert corrected(np.array([0.7]), 0.3) == (0.7, None, None)


@pytest.mark.parametrize("tested", [-0.1, 1.0])
def test_what_is_no_share_is_refused(tested):
    with pytest.raises(ValueError, match="from 0 to below 1"):
        corrected(np.array([0.1, 0.2]), tested)


@pytest.mark.parametrize(
    ("samples", "at_least", "at_most", "student"),
    [(180, 0.92, 0.98, 0.85), (60, 0.95, 1.0, 0.93), (12, 0.95, 1.0, 0.98)],
    ids=["all training rows", "a third of them", "a few of them"],
)
def test_they_cover_the_difference_of_two_learners_where_students_do_not(samples, at_least, at_most, student):
    """Over tables of one population: what a nearest centroid has above a stump, on average over tables.

    Of 300 tables, a share of 0.95 is within 0.025 of it with probability 0.95; of a few rows, training sets
    hardly overlap, and Student's limits are right, too.
    """
    differences = np.array([differences_of(table, samples) for table in range(TABLES)])
    covered = {
        tested: np.mean([low <= differences.mean() <= high for _, low, high in limits])
        for tested in (TESTED / ROWS, 0.0)
        for limits in [[corrected(values, tested) for values in differences]]
    }
    assert at_least <= covered[TESTED / ROWS] <= at_most
    assert covered[0.0] < min(student, covered[TESTED / ROWS])


def differences_of(seed, samples):
    """Return the differences in accuracy on the splits of one table."""
    luck = np.random.default_rng(seed)
    x = luck.normal(size=(ROWS, 3))
    y = luck.random(ROWS) < 1 / (1 + np.exp(-(1.2 * x[:, 0] + 0.8 * x[:, 1])))
    found = []
    for _ in range(SPLITS):
        order = luck.permutation(ROWS)
        train, test = order[:samples], order[-TESTED:]
        centroid = (centroids(x[train], y[train], x[test]) == y[test]).mean()
        found.append(centroid - (stump(x[train], y[train], x[test]) == y[test]).mean())
    return found


def centroids(x, y, asked):
    if y.all() or not y.any():
        return np.full(len(asked), y.all())
    distances = [((asked - x[y == label].mean(axis=0)) ** 2).sum(axis=1) for label in (False, True)]
    return distances[1] < distances[0]


def stump(x, y, asked):
    """Return the answers of the best threshold on the best column, "above it is true"."""
    order = x.argsort(axis=0)
    below = np.cumsum(~y[order], axis=0)
    above = y.sum() - np.cumsum(y[order], axis=0)
    row, column = np.unravel_index((below + above).argmax(), below.shape)
    return asked[:, column] > x[order[row, column], column]
