from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom, binomtest

from service.lab.statistics.intervals import Confidence, clopper_pearson, jeffreys, wilson

EVERY = [wilson, clopper_pearson, jeffreys]
METHODS = ["wilson", "clopper-pearson", "jeffreys", "confidence-sequence"]


def coverage(method, runs, level, probabilities):
    """Return the exact probability that the interval holds p, at each p: a sum over the counts that do."""
    confidence = Confidence(method, level)
    low, high = np.array([confidence.limits(count, runs) for count in range(runs + 1)]).T
    p = probabilities[:, None]
    return (binom.pmf(np.arange(runs + 1), runs, p) * ((low <= p) & (p <= high))).sum(axis=1)


@st.composite
def counts(draw):
    runs = draw(st.integers(1, 1_000_000))
    return draw(st.integers(0, runs)), runs


@pytest.mark.parametrize(
    ("successes", "runs", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_values_of_newcombe_1998(successes, runs, low, high):
    interval = wilson(successes, runs)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)
    assert (interval.level, interval.method) == (0.95, "wilson")


@pytest.mark.parametrize(
    ("successes", "runs", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_gives_the_published_values_of_newcombe_1998(successes, runs, low, high):
    interval = clopper_pearson(successes, runs)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)
    assert (interval.level, interval.method) == (0.95, "clopper-pearson")


@given(counts(), st.floats(0.01, 0.9999))
def test_clopper_pearson_equals_scipy(count, level):
    successes, runs = count
    interval = clopper_pearson(successes, runs, level)
    expected = binomtest(successes, runs).proportion_ci(level, method="exact")
    assert interval.low == pytest.approx(expected.low, abs=1e-9)
    assert interval.high == pytest.approx(expected.high, abs=1e-9)


@given(counts(), st.floats(0.01, 0.9999))
def test_jeffreys_has_equal_tails_under_the_posterior(count, level):
    successes, runs = count
    interval = jeffreys(successes, runs, level)
    posterior = beta(successes + 0.5, runs - successes + 0.5)
    assert interval.method == "jeffreys"
    if successes:
        assert posterior.cdf(interval.low) == pytest.approx((1 - level) / 2, rel=1e-6)
    if successes < runs:
        assert posterior.sf(interval.high) == pytest.approx((1 - level) / 2, rel=1e-6)


@given(counts(), st.floats(0.01, 0.9999))
def test_wilson_equals_scipy(count, level):
    successes, runs = count
    interval = wilson(successes, runs, level)
    expected = binomtest(successes, runs).proportion_ci(level, method="wilson")
    assert interval.low == pytest.approx(expected.low, abs=1e-10)
    assert interval.high == pytest.approx(expected.high, abs=1e-10)


@pytest.mark.parametrize("method", EVERY)
@given(counts(), st.floats(0.5, 1 - 1e-15))
def test_swapping_success_and_failure_mirrors_the_interval(method, count, level):
    successes, runs = count
    interval, mirrored = method(successes, runs, level), method(runs - successes, runs, level)
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)
    assert 0 <= interval.low <= successes / runs <= interval.high <= 1


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("runs", [1, 7, 49, 1_000_003])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_intervals_touch_0_and_1_exactly_at_the_edges(method, runs, level):
    none, every = method(0, runs, level), method(runs, runs, level)
    assert none.low == 0.0
    assert 0 < none.high < 1
    assert every.high == 1.0
    assert 0 < every.low < 1


@pytest.mark.parametrize("runs", [1, 5, 24, 50])
@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("method", ["clopper-pearson", "confidence-sequence"])
def test_some_intervals_cover_every_probability_at_their_level(method, runs, level):
    assert coverage(method, runs, level, np.linspace(0, 1, 1001)).min() >= level - 1e-12


@pytest.mark.parametrize("runs", [24, 50, 200])
@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("method", ["wilson", "jeffreys"])
def test_others_cover_at_their_level_on_average_over_the_probabilities(method, runs, level):
    covered = coverage(method, runs, level, (np.arange(2000) + 0.5) / 2000)
    assert covered.mean() == pytest.approx(level, abs=0.015)
    # Brown, Cai and DasGupta 2001: at some probabilities they fall below their level.
    assert covered.min() < level


def test_clopper_pearson_holds_the_other_intervals_most_of_the_time():
    width = {
        name: sum(np.subtract(*Confidence(name).limits(s, 24)[::-1]) for s in range(25)) for name in METHODS
    }
    assert max(width["wilson"], width["jeffreys"]) < width["clopper-pearson"] < width["confidence-sequence"]


@pytest.mark.parametrize("method", METHODS)
def test_an_interval_names_its_method_and_level(method):
    interval = Confidence(method, 0.9).interval(3, 8)
    assert (interval.method, interval.level) == (method, 0.9)
    assert (interval.low, interval.high) == Confidence(method, 0.9).limits(3, 8)


def test_before_the_first_run_there_is_no_interval_and_nothing_is_known():
    assert Confidence().interval(0, 0) is None
    assert Confidence().limits(0, 0) == (0.0, 1.0)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method must be one of wilson, clopper-pearson, jeffreys"):
        Confidence("wald").limits(1, 2)


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("runs", [0, -1])
def test_an_interval_without_runs_says_what_would_be_right(method, runs):
    with pytest.raises(ValueError, match=f"needs at least 1 finished run, got runs={runs}"):
        method(0, runs)


@pytest.mark.parametrize("successes", [-1, 11])
def test_intervals_reject_successes_outside_the_runs(successes):
    with pytest.raises(ValueError, match=f"between 0 and runs=10, got {successes}"):
        wilson(successes, 10)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, float("nan")])
def test_intervals_reject_a_level_that_is_no_probability(level):
    with pytest.raises(ValueError, match=r"above 0 and below 1 \(0.95 is 95 %\), got"):
        wilson(1, 2, level)
