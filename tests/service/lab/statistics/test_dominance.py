from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.lab.statistics.dominance import dominated_by, marks, non_dominated

values = st.integers(0, 4).map(float) | st.just(math.inf)


@st.composite
def tables(draw):
    columns = draw(st.integers(0, 4))
    rows = draw(st.lists(st.lists(values, min_size=columns, max_size=columns), max_size=25))
    return np.array(rows, dtype=float).reshape(len(rows), columns)


@st.composite
def limited(draw):
    """Return lower and upper limits with values between, and who surely and possibly qualifies."""
    low = draw(tables())
    wider = st.lists(st.integers(0, 2) | st.just(math.inf), min_size=low.size, max_size=low.size)
    value = low + np.reshape(draw(wider), low.shape)
    high = value + np.reshape(draw(wider), low.shape)
    # Whoever surely qualifies did so as observed, and whoever did possibly qualifies.
    states = st.sampled_from([(0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1)])
    state = draw(st.lists(states, min_size=len(low), max_size=len(low)))
    surely, observed, possibly = np.array(state, dtype=bool).reshape(-1, 3).T
    return low, value, high, surely, observed, possibly


def beats(one, other):
    return all(one <= other) and any(one < other)


@given(tables())
def test_the_front_is_what_comparing_every_pair_leaves(rows):
    expected = [not any(beats(other, one) for other in rows) for one in rows]
    assert non_dominated(rows).tolist() == expected


@given(tables(), st.randoms(use_true_random=False))
def test_the_front_does_not_depend_on_the_order(rows, random):
    order = random.sample(range(len(rows)), len(rows))
    assert non_dominated(rows[order]).tolist() == non_dominated(rows)[order].tolist()


@given(tables())
def test_who_is_dominated_by_others_is_told_pair_by_pair(rows):
    half = len(rows) // 2
    expected = [any(beats(other, one) for other in rows[half:]) for one in rows[:half]]
    assert dominated_by(rows[:half], rows[half:]).tolist() == expected


@given(limited())
def test_marks_are_as_defined(table):
    low, _, high, surely, _, possibly = table
    everyone = range(len(low))
    for number, mark in enumerate(marks(low, high, surely, possibly)):
        out = not possibly[number] or any(
            surely[other] and beats(high[other], low[number]) for other in everyone if other != number
        )
        safe = surely[number] and not any(
            possibly[other] and beats(low[other], high[number]) for other in everyone if other != number
        )
        assert mark == ("dominated" if out else "certain" if safe else "possible")


@given(limited())
def test_marks_agree_with_what_was_observed_within_the_limits(table):
    low, value, high, surely, observed, possibly = table
    front = [
        observed[number]
        and not any(observed[other] and beats(value[other], value[number]) for other in range(len(low)))
        for number in range(len(low))
    ]
    for mark, on_it in zip(marks(low, high, surely, possibly), front, strict=True):
        assert on_it or mark != "certain"
        assert not on_it or mark != "dominated"


@given(tables(), st.data())
def test_where_all_is_known_nothing_is_only_possible(rows, data):
    reaching = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), dtype=bool
    )
    front = np.zeros(len(rows), dtype=bool)
    front[np.flatnonzero(reaching)[non_dominated(rows[reaching])]] = True
    expected = ["certain" if one else "dominated" for one in front]
    assert marks(rows, rows, reaching, reaching) == expected
