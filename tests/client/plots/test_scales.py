from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tombola.plots._common import TICK_SIZE, number_label, text_width
from tombola.plots._scales import Scale, round_numbers

values = st.lists(st.integers(1, 10**7), min_size=1, max_size=30, unique=True).map(sorted)


@given(st.floats(1, 1e6), st.floats(1.6, 1e5), st.floats(60, 400), st.booleans())
def test_round_numbers_are_few_stand_apart_and_lie_on_the_axis(low, ratio, side, upright):
    high = low * ratio
    found = round_numbers(low, high, side, upright=upright)
    assert len(found) <= 7
    assert all(low <= number <= high for number in found)
    places = [math.log(number / low) / math.log(ratio) * side for number in found]
    extents = [TICK_SIZE if upright else text_width(number_label(number), TICK_SIZE) for number in found]
    ends = zip(places, extents, strict=True)
    for (before, extent), (after, other) in itertools.pairwise(ends):
        assert after - before >= (extent + other) / 2
    assert found or ratio < 10


@given(values, st.booleans(), st.floats(5, 20))
def test_a_scale_keeps_order_and_pads_both_ends(numbers, online, pad):
    scale = Scale([*numbers, *[None] * online], 300.0, pad)
    places = [scale.points(value) for value in scale.values]
    assert places == sorted(places)
    assert places[0] >= pad * 0.99
    assert places[-1] <= 300 - pad * 0.99
    if online:
        low, high = scale.band
        assert numbers[-1] < low < scale.place(None) < high
    else:
        assert scale.band is None


def test_a_scale_is_logarithmic():
    scale = Scale([10, 100, 1000], 200.0, 20.0)
    assert [scale.points(value) for value in scale.values] == pytest.approx([20, 100, 180])
