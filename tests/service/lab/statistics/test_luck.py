from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab.statistics.intervals import Confidence
from service.lab.statistics.luck import (
    best_of,
    difference,
    expected_restarts,
    first_success_cost,
    restarts_to,
)
from service.lab.statistics.survival import Sums
from tombola.results import Limits

USUAL = Confidence()
BOUNDS = (100.0, 10_000.0)


@st.composite
def counts(draw):
    runs = draw(st.integers(1, 1000))
    return draw(st.integers(0, runs)), runs


def sums(costs):
    return Sums(len(costs), float(np.sum(costs)), float(np.sum(np.square(costs, dtype=float))))


def ends(limits):
    """Return low, value, high, with infinity for what there is none of."""
    return tuple(math.inf if end is None else end for end in (limits.low, limits.value, limits.high))


def test_restarts_are_the_reciprocal_of_the_probability():
    limits = expected_restarts(6, 24, USUAL)
    interval = USUAL.interval(6, 24)
    assert limits.value == 4.0
    assert (limits.low, limits.high) == (1 / interval.high, 1 / interval.low)


def test_without_a_success_the_restarts_have_a_lower_limit_only():
    limits = expected_restarts(0, 20, Confidence("clopper-pearson"))
    assert (limits.value, limits.high) == (None, None)
    assert limits.low == pytest.approx(1 / 0.1684, abs=0.01)  # Newcombe 1998: 0 of 20 is at most 16.84 %


def test_before_the_first_run_luck_is_unknown():
    unknown = Limits(value=None, low=None, high=None)
    assert expected_restarts(0, 0, USUAL) == unknown
    assert best_of(8, 0, 0, USUAL) == unknown
    assert restarts_to(0.9, 0, 0, USUAL) == unknown
    assert first_success_cost(Sums(), Sums(), USUAL, BOUNDS) == unknown
    assert difference(unknown, best_of(1, 1, 2, USUAL)) == unknown


@pytest.mark.parametrize(("restarts", "expected"), [(0, 0.0), (1, 0.5), (2, 0.75), (3, 0.875), (2.5, 0.8125)])
def test_the_best_of_some_restarts_fails_only_where_all_do(restarts, expected):
    assert best_of(restarts, 5, 10, USUAL).value == expected


@given(counts(), st.floats(0, 50))
def test_more_restarts_are_never_worse_and_limits_hold_the_value(count, restarts):
    limits, more = best_of(restarts, *count, USUAL), best_of(restarts + 0.5, *count, USUAL)
    assert 0 <= limits.low <= limits.value + 1e-12
    assert limits.value <= limits.high + 1e-12 <= 1 + 2e-12
    assert limits.value <= more.value + 1e-12


@given(counts(), st.floats(0.01, 0.99))
def test_the_restarts_to_a_probability_are_the_fewest_that_reach_it(count, probability):
    needed = restarts_to(probability, *count, USUAL).value
    if count[0] == 0:
        assert needed is None
        return
    assert best_of(needed, *count, USUAL).value >= probability - 1e-6
    if needed > 1:
        assert best_of(needed - 1, *count, USUAL).value < probability + 1e-9


@pytest.mark.parametrize("probability", [0, 1, 90, float("nan")])
def test_restarts_to_what_is_no_probability_are_refused(probability):
    with pytest.raises(ValueError, match="probability must be above 0 and below 1, got"):
        restarts_to(probability, 1, 2, USUAL)


@pytest.mark.parametrize("restarts", [-1, float("nan")])
def test_a_negative_number_of_restarts_is_refused(restarts):
    with pytest.raises(ValueError, match="restarts must be 0 or more, got"):
        best_of(restarts, 1, 2, USUAL)


def test_the_cost_of_a_first_success_is_that_of_all_runs_over_the_successes():
    limits = first_success_cost(sums([500, 700]), sums([10_000] * 3), USUAL, BOUNDS)
    assert limits.value == pytest.approx(31_200 / 2)
    # In words: three failures in two successes before each, and a success of 600.
    assert limits.value == pytest.approx(600 + 1.5 * 10_000)


costs = st.lists(st.integers(100, 10_000), max_size=30)


@given(costs, costs, st.sampled_from([USUAL, Confidence("jeffreys", 0.8), Confidence("confidence-sequence")]))
def test_the_limits_of_a_cost_hold_it_and_what_is_possible(won, lost, confidence):
    limits = first_success_cost(sums(won), sums(lost), confidence, BOUNDS)
    if not won:
        assert (limits.value, limits.high) == (None, None)
        return
    low, value, high = ends(limits)
    assert 99.999 <= low <= value <= high


def test_without_a_failure_a_cost_still_has_an_upper_limit_above_the_successes():
    limits = first_success_cost(sums([1000] * 24), Sums(), USUAL, BOUNDS)
    low, value, high = ends(limits)
    assert (low, value) == (1000, 1000)
    # At the lowest p that Wilson's interval admits, 0.862, there are 0.16 failures of 10 000 to a success.
    assert high == pytest.approx(1000 + 10_000 * (1 / USUAL.limits(24, 24)[0] - 1))


def test_without_a_success_a_cost_is_at_least_that_of_the_failures_that_must_be_expected():
    limits = first_success_cost(Sums(), sums([10_000] * 20), Confidence("clopper-pearson"), BOUNDS)
    assert limits.low == pytest.approx(100 + 10_000 * (1 / 0.16843 - 1), rel=1e-3)


@pytest.mark.parametrize(("p", "runs"), [(0.15, 60), (0.5, 24), (0.9, 40)])
def test_the_limits_of_a_cost_cover_it_at_their_level(p, runs):
    luck = np.random.default_rng(20_230_908)
    true = 3000 + 10_000 * (1 - p) / p
    covered, repetitions = 0, 1500
    for _ in range(repetitions):
        won = luck.binomial(runs, p)
        cost = luck.integers(1000, 5001, size=won)
        limits = first_success_cost(sums(cost), sums([10_000] * (runs - won)), USUAL, BOUNDS)
        low, _, high = ends(limits)
        covered += low <= true <= high
    assert 0.93 <= covered / repetitions < 0.995


def test_a_difference_has_newcombes_hybrid_score_interval():
    one, other = (best_of(1, *count, USUAL) for count in ((56, 70), (48, 80)))
    limits = difference(one, other)
    assert [round(end, 4) for end in (limits.value, limits.low, limits.high)] == [0.2, 0.0524, 0.3339]
