from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab.statistics.intervals import Confidence
from service.lab.statistics.monotone import Point, Smallest, isotonic, smallest

USUAL = Confidence()


@st.composite
def axes(draw):
    counts = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12))
    return [Point(number + 1, min(pair), max(pair)) for number, pair in enumerate(counts)]


def both(points, probability, confidence=USUAL):
    return smallest(points, isotonic(points), probability, confidence)


@given(axes())
def test_the_fit_is_the_max_min_formula_of_isotonic_regression(points):
    known = [point for point in points if point.runs]

    def mean(first, last):
        part = known[first : last + 1]
        return sum(point.successes for point in part) / sum(point.runs for point in part)

    expected = iter(
        [
            max(min(mean(first, last) for last in range(number, len(known))) for first in range(number + 1))
            for number in range(len(known))
        ]
    )
    for point, value in zip(points, isotonic(points), strict=True):
        assert value == (pytest.approx(next(expected), abs=1e-12) if point.runs else None)


def test_a_rising_table_is_its_own_fit():
    points = [Point(600, 6, 24), Point(1000, 20, 24), Point(2000, 24, 24)]
    assert isotonic(points) == pytest.approx([6 / 24, 20 / 24, 1.0])


def test_neighbours_that_fall_share_their_mean_by_runs():
    assert isotonic([Point(1, 6, 10), Point(2, 10, 30), Point(3, 9, 10)]) == pytest.approx([0.4, 0.4, 0.9])


@given(
    axes(), st.sampled_from([0.1, 0.5, 0.9, 1.0]), st.sampled_from(["wilson", "clopper-pearson", "jeffreys"])
)
def test_the_limits_hold_the_fitted_amount(points, probability, method):
    found = both(points, probability, Confidence(method))
    low, fitted, high = (math.inf if at is None else at for at in (found.low, found.fitted, found.high))
    assert low <= fitted <= high


def test_the_smallest_amount_that_reaches_a_probability():
    points = [
        Point(100, 0, 50),
        Point(300, 20, 50),
        Point(600, 46, 50),
        Point(1000, 44, 50),
        Point(2000, 50, 50),
    ]
    # Fitted, 600 and 1000 share 0.9 exactly. By their intervals 600 may suffice, and 1000 may not.
    assert both(points, 0.9) == Smallest(observed=600, fitted=600, low=600, high=2000)
    assert both(points, 0.95) == Smallest(observed=2000, fitted=2000, low=600, high=None)
    assert both(points, 0.05) == Smallest(observed=300, fitted=300, low=100, high=300)


def test_without_runs_nothing_is_excluded():
    points = [Point(1, 0, 0), Point(2, 0, 0)]
    assert isotonic(points) == [None, None]
    assert both(points, 0.5) == Smallest(observed=None, fitted=None, low=1, high=None)
    # A gap in the table may hold the threshold.
    assert both([Point(1, 0, 50), Point(2, 0, 0), Point(3, 50, 50)], 0.5) == Smallest(3, 3, 2, 3)


def test_what_none_reaches_has_no_smallest_amount():
    assert both([Point(1, 0, 50), Point(2, 1, 50)], 0.9) == Smallest(None, None, None, None)


@pytest.mark.parametrize("probability", [0.5, 0.9])
def test_the_limits_cover_the_true_amount_at_their_level(probability):
    luck = np.random.default_rng(20_230_908)
    true = 1 / (1 + np.exp(-0.7 * (np.arange(12) - 5.5)))
    first = int(np.argmax(true >= probability))
    covered, repetitions = 0, 1500
    for _ in range(repetitions):
        points = [Point(at, int(won), 20) for at, won in enumerate(luck.binomial(20, true))]
        found = smallest(points, [None] * 12, probability, Confidence("clopper-pearson", 0.9))
        low = math.inf if found.low is None else found.low
        covered += low <= first <= (math.inf if found.high is None else found.high)
    assert covered / repetitions >= 0.9
