from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab.statistics.frontier import pareto_front
from tombola.results import Cell


def cell(width, samples, sparsity=2, *, successes=10, runs=10):
    return Cell(
        width=width,
        samples=samples,
        sparsity=sparsity,
        runs=runs,
        runs_total=max(runs, 10),
        successes=successes,
        censored=runs - successes,
        diverged=0,
        probability=successes / runs if runs else None,
        interval=None,
        median_steps=None,
    )


@st.composite
def tables(draw):
    axes = st.tuples(
        st.integers(1, 6), st.none() | st.integers(1, 6), st.none() | st.integers(1, 3), st.integers(0, 5)
    )
    rows = draw(st.lists(axes, unique_by=lambda row: row[:3], max_size=40))
    return [cell(*row[:3], runs=row[3], successes=draw(st.integers(0, row[3]))) for row in rows]


def needs(one):
    return one.width, math.inf if one.samples is None else one.samples


def dominates(one, other):
    (width, samples), (other_width, other_samples) = needs(one), needs(other)
    return (
        width <= other_width and samples <= other_samples and (width, samples) != (other_width, other_samples)
    )


@given(tables(), st.sampled_from([0.0, 0.2, 0.25, 0.5, 0.6, 0.75, 1.0]))
def test_front_is_what_comparing_every_pair_leaves(cells, probability):
    reaching = [one for one in cells if one.runs and one.successes / one.runs >= probability - 1e-12]
    left = [one for one in reaching if not any(dominates(other, one) for other in reaching)]
    left.sort(key=lambda one: (*needs(one), math.inf if one.sparsity is None else one.sparsity))
    assert pareto_front(cells, probability) == left


@given(st.randoms(use_true_random=False), tables())
def test_front_does_not_depend_on_the_order_of_the_table(random, cells):
    shuffled = random.sample(cells, len(cells))
    assert pareto_front(shuffled, 0.5) == pareto_front(cells, 0.5)


@pytest.mark.parametrize("runs", [10, 20, 50, 100, 1_000_000])
def test_a_fraction_reaches_the_probability_it_is(runs):
    for percent in range(0, 101, 10):
        at = cell(1, 1, runs=runs, successes=runs * percent // 100)
        assert pareto_front([at], percent / 100) == [at]
        if percent:
            below = cell(1, 1, runs=runs, successes=runs * percent // 100 - 1)
            assert pareto_front([below], percent / 100) == []


def test_rounding_of_the_probability_is_forgiven():
    assert 0.07 * 100 > 7
    assert 0.1 + 0.2 > 0.3
    seven, three = cell(1, 1, runs=100, successes=7), cell(1, 1, runs=10, successes=3)
    assert pareto_front([seven], 0.07) == [seven]
    assert pareto_front([three], 0.1 + 0.2) == [three]


def test_equal_cells_of_different_sparsity_stand_together_dense_last():
    dense, three, two = cell(5, 10, None), cell(5, 10, 3), cell(5, 10, 2)
    assert pareto_front([dense, three, two, cell(5, 11, 2), cell(6, 10, 2)], 0.9) == [two, three, dense]


def test_online_counts_as_infinitely_many_samples():
    online, finite = cell(5, None), cell(6, 10_000_000)
    assert pareto_front([cell(7, None), finite, online], 0.9) == [online, finite]


def test_cells_without_a_run_are_passed_over():
    assert pareto_front([cell(1, 1, runs=0, successes=0)], 0.0) == []


@pytest.mark.parametrize("probability", [-0.1, 1.1, 90, float("nan")])
def test_front_rejects_what_is_no_probability(probability):
    with pytest.raises(ValueError, match="probability must be between 0 and 1, got"):
        pareto_front([], probability)
