from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab.statistics.intervals import wilson
from service.lab.statistics.sequences import confidence_sequence

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.5, 0.8, 0.95, 0.99])


def ever_misses(p, level, trials, rng):
    """Tell whether one sequence of Bernoulli trials leaves p out after any number of them."""
    successes = 0
    for n in range(1, trials + 1):
        successes += rng.random() < p
        low, high = bounds(successes, n, level)
        if not low <= p <= high:
            return True
    return False


_known = {}


def bounds(successes, n, level):
    key = successes, n, level
    if key not in _known:
        _known[key] = confidence_sequence(*key)
    return _known[key]


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.9])
def test_whoever_stops_where_it_looks_worst_is_still_covered(p):
    """The law of a confidence sequence: over the whole path, it leaves p out with at most 1 - level."""
    level, sequences = 0.8, 600
    rng = random.Random(f"sequence {p}")  # noqa: S311  # a simulation
    missed = sum(ever_misses(p, level, 150, rng) for _ in range(sequences))
    # Five standard deviations above the most that is allowed; it misses far less, for it is conservative.
    assert missed / sequences <= 0.2 + 5 * math.sqrt(0.2 * 0.8 / sequences)


def test_the_same_stopping_makes_wilsons_interval_miss_too_often():
    """What the sequence is for; and the simulation above can fail."""
    rng = random.Random("wilson")  # noqa: S311  # a simulation
    missed = 0
    for _ in range(300):
        successes = 0
        for n in range(1, 151):
            successes += rng.random() < 0.5
            interval = wilson(successes, n, 0.8)
            if not interval.low <= 0.5 <= interval.high:
                missed += 1
                break
    assert missed / 300 > 0.5


@given(counts, levels)
def test_at_its_ends_the_mixture_is_as_likely_as_the_level_allows(count, level):
    """The closed form: B(s + 1/2, n - s + 1/2) / pi = p^s (1 - p)^(n - s) / (1 - level) at both ends."""
    successes, n = count
    low, high = confidence_sequence(successes, n, level)
    mixture = math.lgamma(successes + 0.5) + math.lgamma(n - successes + 0.5) - math.lgamma(n + 1)
    for end, trivial in ((low, successes == 0), (high, successes == n)):
        if trivial:
            assert end in (0.0, 1.0)
            continue
        likelihood = successes * math.log(end) + (n - successes) * math.log1p(-end)
        assert mixture - math.log(math.pi) - likelihood == pytest.approx(-math.log(1 - level), abs=1e-6)


def test_the_known_case_of_successes_only():
    """For s = n the equation has the solution ((1 - level) B(n + 1/2, 1/2) / pi)^(1/n)."""
    for n in (1, 7, 50):
        wanted = (0.05 * math.comb(2 * n, n) / 4**n) ** (1 / n)
        low, high = confidence_sequence(n, n)
        assert (low, high) == (pytest.approx(wanted), 1.0)
    assert confidence_sequence(7, 7)[0] > 0.5 > confidence_sequence(6, 6)[0]


@given(counts, levels)
def test_it_holds_the_rate_and_turns_with_successes_and_failures(count, level):
    successes, n = count
    low, high = confidence_sequence(successes, n, level)
    assert 0 <= low <= successes / n <= high <= 1
    assert confidence_sequence(n - successes, n, level) == (
        pytest.approx(1 - high, abs=1e-9),
        pytest.approx(1 - low, abs=1e-9),
    )


@given(counts)
def test_it_is_wider_at_a_higher_level_and_than_an_interval_for_one_look(count):
    ends = [confidence_sequence(*count, level) for level in (0.8, 0.95, 0.99)]
    assert [low for low, _ in ends] == sorted((low for low, _ in ends), reverse=True)
    assert [high for _, high in ends] == sorted(high for _, high in ends)
    one_look = wilson(*count, 0.95)
    low, high = ends[1]
    assert high - low > one_look.high - one_look.low or count[1] <= 5


def test_before_the_first_trial_nothing_is_known():
    assert confidence_sequence(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0, -1), "trials must be 0 or more, got -1"),
        ((3, 2), "successes must be between 0 and trials=2, got 3"),
        ((-1, 2), "got -1"),
        ((1, 2, 1.0), "level must be above 0 and below 1"),
        ((1, 2, 0.0), "got 0.0"),
    ],
)
def test_what_is_no_count_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        confidence_sequence(*arguments)
