"""Speeds are learnt from what training took, whatever noise there is in it."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab.learning import ASSUMED_SPREAD, Correction, at_width, learn, width_class


def train(known, *, factor, times, noise=0.1, outliers=0.0, seconds=2.0, seed=0):
    """Return what is known after some batches of runs that take `factor` times what was predicted."""
    chance = random.Random(seed)  # noqa: S311  # simulated noise
    for _ in range(times):
        predicted = seconds / factor
        measured = predicted * factor * math.exp(chance.gauss(0, noise))
        if chance.random() < outliers:
            measured *= 50
        known = learn(known, measured=measured, predicted=predicted)
    return known


@pytest.mark.parametrize(("factor", "minutes"), [(0.3, 1), (1, 1), (4, 1), (0.01, 5), (100, 5)])
def test_a_wrong_assumption_is_corrected_within_minutes_of_training(factor, minutes):
    known = train(Correction(), factor=factor, times=30 * minutes)
    assert known.log_factor == pytest.approx(math.log(factor), abs=0.15)


@pytest.mark.parametrize("factor", [0.3, 4])
def test_noise_is_told_apart_from_the_mean(factor):
    known = train(Correction(), factor=factor, times=400, noise=0.3)
    assert known.log_factor == pytest.approx(math.log(factor), abs=0.1)
    assert known.spread == pytest.approx(0.3, abs=0.1)


def test_one_batch_in_twenty_fifty_times_too_slow_does_little_harm():
    known = train(Correction(), factor=2, times=400, outliers=0.05)
    assert known.log_factor == pytest.approx(math.log(2), abs=0.1)


def test_a_laptop_that_slept_in_its_first_shard_is_known_soon_after():
    known = learn(Correction(), measured=8 * 3600.0, predicted=1.0)
    assert train(known, factor=1, times=100).log_factor == pytest.approx(0, abs=0.1)


def test_a_pause_of_hours_moves_what_is_known_well_by_little():
    known = train(Correction(), factor=1, times=300)
    paused = learn(known, measured=3600.0, predicted=2.0)
    assert abs(paused.log_factor - known.log_factor) < 0.01


def test_a_machine_that_changed_is_learnt_anew():
    known = train(Correction(), factor=1, times=2000)
    slower = train(known, factor=3, times=900)
    assert slower.log_factor == pytest.approx(math.log(3), abs=0.15)


def test_without_measurements_the_assumption_stands_with_its_spread():
    assumed = at_width({}, 100)
    assert (assumed.log_factor, assumed.spread) == (0.0, pytest.approx(ASSUMED_SPREAD))


def test_what_was_measured_at_one_width_says_something_of_others_and_less_of_far_ones():
    known = {width_class(100): train(Correction(), factor=3, times=30)}
    near, next_, far = (at_width(known, width) for width in (100, 200, 100_000))
    assert near.log_factor == pytest.approx(math.log(3), abs=0.15)
    assert near.log_factor > next_.log_factor > far.log_factor > 0
    assert near.spread < next_.spread < far.spread


def test_what_is_known_well_of_a_width_is_not_blurred_by_its_neighbours():
    known = {
        octave: train(Correction(), factor=factor, times=300) for octave, factor in ((5, 9), (6, 3), (7, 9))
    }
    assert at_width(known, 100).log_factor == pytest.approx(math.log(3), abs=0.1)


@given(
    st.dictionaries(
        st.integers(0, 16),
        st.builds(Correction, st.floats(-5, 5), st.floats(0, 1), st.floats(0.01, 600)),
        max_size=5,
    ),
    st.integers(1, 100_000),
)
def test_a_correction_lies_between_the_assumption_and_what_was_measured(known, width):
    factors = [0.0, *(item.log_factor for item in known.values())]
    found = at_width(known, width)
    assert min(factors) - 1e-9 <= found.log_factor <= max(factors) + 1e-9
    assert found.spread >= 0.05


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_learning_never_overshoots(measured, predicted):
    known = learn(Correction(), measured=measured, predicted=predicted)
    assert abs(known.log_factor) <= abs(math.log(measured / predicted)) + 1e-9
    assert known.variance >= 0
    assert 0 < known.evidence <= 600


@pytest.mark.parametrize(("width", "octave"), [(1, 0), (2, 1), (3, 1), (4, 2), (1023, 9), (1024, 10)])
def test_widths_are_classed_by_octaves(width, octave):
    assert width_class(width) == octave
