from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab.statistics import monotone
from service.lab.statistics.crossing import p_smaller
from service.lab.statistics.intervals import Confidence
from service.lab.statistics.monotone import Point
from service.lab.statistics.sequences import confidence_sequence, sequence_p_value


def curve(successes, runs=20):
    return [Point(100 * 2**at, won, runs) for at, won in enumerate(successes)]


counts = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=6)


@given(counts, st.sampled_from([0.3, 0.5, 0.9]), st.booleans())
def test_it_is_the_level_at_which_the_bands_touch(pairs, probability, stopped):
    one, other = (curve(side) for side in zip(*pairs, strict=True))
    p = p_smaller(one, other, probability, stopped=stopped)
    method = "confidence-sequence" if stopped else "clopper-pearson"

    def apart(a):
        # Of a two-sided interval one side is used, which misses with half of what both do.
        confidence = Confidence(method, 1 - a / 2 if stopped else 1 - a)
        first, second = (
            monotone.smallest(side, [None] * len(side), probability, confidence) for side in (one, other)
        )
        if first.high is None:
            return False
        return second.low is None or first.high < second.low

    if p < 0.99:
        assert apart(min(0.999, p * 1.001))
    assert not apart(p * 0.999)


def test_where_one_suffices_and_the_other_does_not():
    sparse, dense = curve([0, 31, 32], runs=32), curve([0, 1, 32], runs=32)
    assert p_smaller(sparse, dense, 0.5, stopped=False) < 1e-7
    assert p_smaller(dense, sparse, 0.5, stopped=False) == 1.0


def test_few_runs_show_nothing():
    assert p_smaller(curve([4, 4], 4), curve([0, 4], 4), 0.5, stopped=False) == pytest.approx(1 / 8)
    assert p_smaller(curve([0, 0], 0), curve([0, 0], 0), 0.5, stopped=False) == 1.0
    assert p_smaller([], [], 0.5, stopped=False) == 1.0


@pytest.mark.parametrize("shared", [True, False])
def test_equal_thresholds_are_told_apart_at_most_as_often_as_the_level(shared):
    luck, chances = np.random.default_rng(2), np.array([0.05, 0.45, 0.5, 0.95])
    rejected, repetitions = 0, 1_000
    for _ in range(repetitions):
        draws = luck.random((2, 12)) if not shared else np.repeat(luck.random((1, 12)), 2, axis=0)
        if shared:
            draws[1] = 1 - draws[1]  # as differently as can be
        one, other = (curve((side[:, None] < chances).sum(axis=0), 12) for side in draws)
        rejected += p_smaller(one, other, 0.5, stopped=False) <= 0.05
    assert rejected / repetitions <= 0.05


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([0.2, 0.5, 0.8]))
def test_the_confidence_sequence_leaves_out_what_its_p_value_rejects(first, second, probability):
    successes, trials = min(first, second), max(first, second)
    p = sequence_p_value(successes, trials, probability)
    assert 0 < p <= 1
    for level in (0.9, 0.95, 0.99):
        low, high = confidence_sequence(successes, trials, level)
        if abs(p - (1 - level)) > 1e-9:
            assert (low <= probability <= high) == (p > 1 - level)
