from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from service.lab.statistics.intervals import wilson


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


@given(counts(), st.floats(0.01, 0.9999))
def test_wilson_equals_scipy(count, level):
    successes, runs = count
    interval = wilson(successes, runs, level)
    expected = binomtest(successes, runs).proportion_ci(level, method="wilson")
    assert interval.low == pytest.approx(expected.low, abs=1e-10)
    assert interval.high == pytest.approx(expected.high, abs=1e-10)


@given(counts(), st.floats(0.01, 1 - 1e-15))
def test_wilson_is_mirrored_by_swapping_success_and_failure(count, level):
    successes, runs = count
    interval, mirrored = wilson(successes, runs, level), wilson(runs - successes, runs, level)
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)
    assert 0 <= interval.low <= successes / runs <= interval.high <= 1


@pytest.mark.parametrize("runs", [1, 7, 49, 1_000_003])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_wilson_touches_0_and_1_exactly_at_the_edges(runs, level):
    none, every = wilson(0, runs, level), wilson(runs, runs, level)
    assert none.low == 0.0
    assert 0 < none.high < 1
    assert every.high == 1.0
    assert 0 < every.low < 1


@pytest.mark.parametrize("runs", [50, 200, 1000])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson_covers_the_true_probability_at_its_level(runs, level):
    repetitions = 20_000
    luck = np.random.default_rng(20_230_908)
    # Over many probabilities: at a single one the coverage of a binomial interval oscillates.
    probabilities = luck.uniform(size=repetitions)
    intervals = [wilson(successes, runs, level) for successes in range(runs + 1)]
    seen = [intervals[successes] for successes in luck.binomial(runs, probabilities)]
    covered = sum(one.low <= p <= one.high for one, p in zip(seen, probabilities, strict=True))
    assert covered / repetitions == pytest.approx(level, abs=0.01)


@pytest.mark.parametrize("runs", [0, -1])
def test_wilson_without_runs_says_what_would_be_right(runs):
    with pytest.raises(ValueError, match=f"needs at least 1 finished run, got runs={runs}"):
        wilson(0, runs)


@pytest.mark.parametrize("successes", [-1, 11])
def test_wilson_rejects_successes_outside_the_runs(successes):
    with pytest.raises(ValueError, match=f"between 0 and runs=10, got {successes}"):
        wilson(successes, 10)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, float("nan")])
def test_wilson_rejects_a_level_that_is_no_probability(level):
    with pytest.raises(ValueError, match=r"above 0 and below 1 \(0.95 is 95 %\), got"):
        wilson(1, 2, level)
