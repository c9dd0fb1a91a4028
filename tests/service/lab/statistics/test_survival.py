from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from service.lab.statistics.survival import median_steps

BUDGET = 10_000


@given(st.lists(st.integers(1, 20).map(lambda step: 500 * step), max_size=40), st.integers(0, 40))
def test_median_is_the_kaplan_meier_median_of_scipy(successes, failures):
    runs = len(successes) + failures
    if runs == 0:
        return
    sample = CensoredData(uncensored=successes, right=[BUDGET] * failures)
    survival = ecdf(sample).sf
    # 1e-12: scipy's product of ratios misses 1/2 by a rounding where the count of runs meets it exactly.
    reached = survival.quantiles[np.asarray(survival.probabilities) <= 0.5 + 1e-12]
    expected = float(reached[0]) if reached.size else None
    assert median_steps(Counter(successes), runs) == expected


@pytest.mark.parametrize(
    ("successes_by_steps", "runs", "expected"),
    [
        ({500: 1, 1000: 1, 1500: 1}, 3, 1000.0),
        ({500: 1, 1000: 1}, 4, 1000.0),  # S(1000) is 1/2 exactly
        ({500: 1, 1000: 1}, 5, None),
        ({1000: 1, 500: 3}, 4, 500.0),  # in any order
        ({500: 0, 1000: 2}, 2, 1000.0),  # a step without successes is no median
        ({}, 8, None),
        ({}, 0, None),
    ],
)
def test_median_counts_every_failure_as_never(successes_by_steps, runs, expected):
    assert median_steps(successes_by_steps, runs) == expected


def test_median_rejects_more_successes_than_runs():
    with pytest.raises(ValueError, match="runs must be at least the 5 successes, got runs=4"):
        median_steps({500: 3, 1000: 2}, 4)


def test_median_rejects_a_negative_count():
    with pytest.raises(ValueError, match="must be 0 or more, got -1 at step 500"):
        median_steps({500: -1}, 4)
