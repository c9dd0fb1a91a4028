from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf, ttest_1samp

from service.lab.statistics.intervals import Confidence
from service.lab.statistics.survival import Sums, median_steps, steps_limits, steps_until

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


@given(
    st.lists(st.integers(1, 20).map(lambda step: 500 * step), min_size=1, max_size=40),
    st.integers(0, 40),
    st.sampled_from([0.1, 0.25, 0.3, 0.75, 0.9, 1.0]),
)
def test_quantiles_are_the_kaplan_meier_quantiles_of_scipy(successes, failures, share):
    survival = ecdf(CensoredData(uncensored=successes, right=[BUDGET] * failures)).sf
    reached = survival.quantiles[np.asarray(survival.probabilities) <= 1 - share + 1e-9]
    expected = float(reached[0]) if reached.size else None
    assert steps_until(Counter(successes), len(successes) + failures, share) == expected


@pytest.mark.parametrize(
    ("runs", "low", "high"), [(6, 1, 6), (10, 2, 9), (20, 6, 15), (21, 6, 16), (25, 8, 18), (50, 18, 33)]
)
def test_exact_limits_of_the_median_are_the_ranks_of_the_tables(runs, low, high):
    everyone = dict.fromkeys(range(1, runs + 1), 1)
    limits = steps_limits(everyone, runs, 0.5, Confidence("clopper-pearson"), 1)
    assert (limits.low, limits.high) == (low, high)


def test_limits_of_a_published_median():
    # Freireich et al. 1963, weeks in remission under placebo: median 8, ranks 6 and 16 of 21 are 4 and 12.
    weeks = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    limits = steps_limits(Counter(weeks), 21, 0.5, Confidence("clopper-pearson"), 1)
    assert (limits.value, limits.low, limits.high) == (8, 4, 12)


@given(
    st.dictionaries(st.integers(1, 20), st.integers(0, 9)),
    st.integers(0, 40),
    st.sampled_from([0.1, 0.5, 0.8]),
    st.sampled_from(["wilson", "clopper-pearson", "jeffreys", "confidence-sequence"]),
)
def test_limits_hold_the_quantile(successes, failures, share, method):
    limits = steps_limits(successes, sum(successes.values()) + failures, share, Confidence(method), 1)
    low, value, high = (math.inf if end is None else end for end in (limits.low, limits.value, limits.high))
    assert low <= value <= high


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_limits_cover_the_true_quantile_at_their_level(share):
    luck = np.random.default_rng(20_230_908)
    steps = luck.geometric(0.08, size=(2000, 30))
    budget, true = 12, int(np.ceil(np.log1p(-share) / np.log(0.92)))
    covered = 0
    for one in steps:
        successes = Counter(one[one <= budget].tolist())
        limits = steps_limits(successes, 30, share, Confidence("clopper-pearson", 0.9), 1)
        above = math.inf if limits.high is None else limits.high
        covered += (math.inf if limits.low is None else limits.low) <= true <= above
    assert 0.9 <= covered / len(steps) < 1


@pytest.mark.parametrize(
    ("successes", "runs", "expected"),
    [
        ({}, 0, (None, None, None)),
        ({}, 20, (None, None, None)),  # half cannot have succeeded: 0 of 20 are at most 16 %
        ({}, 2, (None, 100, None)),  # nobody knows from two runs
        ({900: 6}, 20, (None, 900, None)),
        ({900: 10}, 20, (900, 900, None)),
        ({900: 20}, 20, (900, 900, 900)),
    ],
)
def test_what_is_not_reached_within_the_budget_has_no_limit(successes, runs, expected):
    limits = steps_limits(successes, runs, 0.5, Confidence(), 100)
    assert (limits.value, limits.low, limits.high) == expected


@pytest.mark.parametrize("share", [0, -0.5, 1.1, 50, float("nan")])
def test_a_share_is_above_0_and_at_most_1(share):
    with pytest.raises(ValueError, match="share must be above 0 and at most 1"):
        steps_until({500: 1}, 1, share)


@given(st.lists(st.floats(1e-6, 1e12), min_size=2, max_size=50))
def test_the_spread_of_sums_is_that_of_the_runs(took):
    one = sum((Sums(1, value, value**2) for value in took), Sums()).spread(0.9)
    size = max(took) or 1.0
    assert one.mean == pytest.approx(np.mean(took), abs=1e-9 * size)
    assert one.sd == pytest.approx(np.std(took, ddof=1), abs=1e-6 * size)
    if np.std(took) > 1e-3 * size:  # scipy warns of its own cancellation
        expected = ttest_1samp(took, 0).confidence_interval(0.9)
        assert one.low == pytest.approx(max(0, expected.low), abs=1e-5 * size)
        assert one.high == pytest.approx(expected.high, abs=1e-5 * size)


def test_one_run_has_a_mean_and_no_spread():
    one = Sums(1, 3.0, 9.0).spread(0.95)
    assert (one.mean, one.sd, one.low, one.high) == (3.0, None, None, None)
    assert Sums().spread(0.95) is None


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
