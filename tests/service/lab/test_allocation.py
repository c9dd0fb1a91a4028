from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab import allocation
from service.lab.statistics.intervals import wilson
from service.lab.statistics.sequences import confidence_sequence
from tombola.results import Decision
from tombola.spec import BoundarySeeds, HalfWidthSeeds

rules = st.one_of(
    st.builds(
        BoundarySeeds,
        probability=st.sampled_from([0.05, 0.5, 0.9]),
        max=st.integers(1, 120),
        level=st.sampled_from([0.8, 0.95]),
    ),
    st.builds(HalfWidthSeeds, half_width=st.sampled_from([0.1, 0.25]), max=st.integers(1, 120)),
)
outcomes = st.lists(st.booleans(), min_size=120, max_size=120)


@given(rules)
def test_rounds_rise_to_the_most_and_no_last_one_is_a_scrap(rule):
    ends = allocation.rounds(rule)
    assert list(ends) == sorted(set(ends))
    assert ends[-1] == rule.max
    steps = [after - before for before, after in itertools.pairwise(ends)]
    assert all(step >= 4 for step in steps)
    assert len(ends) <= 4 + math.log(rule.max) / math.log(1.25)


@given(rules, outcomes)
def test_a_walk_stops_in_the_first_round_that_decides(rule, flips):
    prefix = allocation.walk(rule, dict(enumerate(flips)))
    assert prefix.wanted == prefix.complete in allocation.rounds(rule)
    assert prefix.successes == sum(flips[: prefix.complete])
    for end in allocation.rounds(rule):
        decision = allocation.decide(rule, sum(flips[:end]), end)
        assert (decision is Decision.OPEN) == (end < prefix.complete)
        if end == prefix.complete:
            assert prefix.decision == decision
            break


@given(rules, outcomes, st.sets(st.integers(0, 119)), st.integers(0, 30))
def test_only_the_consecutive_runs_from_the_first_one_count(rule, flips, missing, at):
    known = {number: flip for number, flip in enumerate(flips) if number not in missing}
    prefix = allocation.walk(rule, known)
    gap = min(missing, default=120)
    assert prefix.complete <= gap
    full = allocation.walk(rule, dict(enumerate(flips)))
    if full.complete <= gap:
        assert prefix == full
    else:
        assert prefix.complete <= gap < prefix.wanted <= full.complete
        assert prefix.decision is Decision.OPEN
    # Resumed from any round it came through, it ends the same.
    begun = [end for end in allocation.rounds(rule) if end <= prefix.complete]
    if begun:
        start = begun[at % len(begun)]
        again = allocation.walk(rule, known, complete=start, successes=sum(flips[:start]))
        assert again == prefix


@given(rules, outcomes)
def test_what_is_decided_is_what_the_interval_says(rule, flips):
    prefix = allocation.walk(rule, dict(enumerate(flips)))
    low, high = confidence_sequence(prefix.successes, prefix.complete, rule.level)
    match prefix.decision:
        case Decision.ABOVE:
            assert low > rule.probability
        case Decision.BELOW:
            assert high < rule.probability
        case Decision.NARROW:
            assert (high - low) / 2 <= rule.half_width
        case _:
            assert prefix.complete == rule.max


@pytest.mark.parametrize(
    ("rule", "fewest", "first"),
    [
        (BoundarySeeds(), 7, 7),
        (BoundarySeeds(probability=0.9), 2, 4),
        (HalfWidthSeeds(), 24, 24),
        (BoundarySeeds(max=3), 4, 3),
        (HalfWidthSeeds(half_width=0.001), 201, 200),
    ],
)
def test_the_first_round_is_the_least_that_can_decide(rule, fewest, first):
    assert allocation.fewest(rule) == fewest
    assert allocation.rounds(rule)[0] == first


@given(rules, st.integers(0, 60), st.integers(0, 60))
def test_a_forecast_is_between_what_is_wanted_and_the_most(rule, successes, failures):
    runs = min(successes + failures, rule.max)
    wanted = next(end for end in allocation.rounds(rule) if end >= runs)
    assert wanted <= allocation.forecast(rule, min(successes, runs), runs, wanted=wanted) <= rule.max


def test_cells_at_the_boundary_are_forecast_to_take_more_than_those_far_from_it():
    rule = BoundarySeeds()
    at, near, far = (allocation.forecast(rule, s, 30, wanted=38) for s in (15, 10, 4))
    assert at > near > far


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_design_of_one_look_needs_the_fewest_runs_that_are_as_narrow(count):
    rule = BoundarySeeds()
    runs = allocation.one_look_runs(rule, *count)
    low, high = confidence_sequence(*count)
    assert 1 <= runs <= count[1] + 1
    if count[0] * runs % count[1] == 0 and runs <= count[1]:  # that rate, of so many runs
        interval = wilson(count[0] * runs // count[1], runs)
        assert interval.high - interval.low <= high - low + 1e-9


def figure_1_rates():
    """Return success probabilities of the down-scaled Figure 1 (left): 6 widths, 9 sizes, 2-sparse and dense.

    A logistic surface by the counts that were measured for this project (n = 50, k = 3, 50 000 steps, of 24
    runs: at m = 1000 and width 16: 5, 112: 16, 304: 23; at m = 600 and width 304: 6, 1008: 19), dense below.
    """
    return {
        (width, samples, dense): 1
        / (1 + math.exp(-(0.7 - 1.0 * dense + 1.4 * math.log(width / 112) + 5.7 * math.log(samples / 1000))))
        for width in (10, 30, 100, 300, 1000, 3000)
        for samples in (100, 200, 300, 600, 1000, 2000, 3000, 6000, 10_000)
        for dense in (False, True)
    }


def simulated(rule, rates, number):
    rng = random.Random(f"grid {number}")  # noqa: S311  # a simulation
    return {
        cell: allocation.walk(rule, {seed: rng.random() < rate for seed in range(rule.max)})
        for cell, rate in rates.items()
    }


def test_on_the_grid_of_figure_1_it_saves_more_than_fivefold_at_the_same_frontier():
    """Both sides decide by the same rule; the fixed design gives every cell what the hardest one needs."""
    rule, rates = BoundarySeeds(), figure_1_rates()
    wrong = undecided = 0
    for number in range(10):
        cells = simulated(rule, rates, number)
        spent = sum(prefix.complete for prefix in cells.values())
        hardest = max(prefix.complete for prefix in cells.values())
        assert len(cells) * hardest / spent > 5
        undecided += sum(prefix.decision is Decision.UNDECIDED for prefix in cells.values())
        wrong += sum(
            prefix.decision is (Decision.BELOW if rates[cell] > 0.5 else Decision.ABOVE)
            for cell, prefix in cells.items()
        )
    assert wrong <= 0.05 * 10 * len(rates)
    assert undecided <= 0.05 * 10 * len(rates)
