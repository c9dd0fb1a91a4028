from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.lab.statistics.selection import NONE, affordable, by_validation, of_chosen, optimistic

NAN = math.nan
SHAPE = (2, 3, 4, 2)  # data sets, splits, candidates, seeds
#: Few different values, so that there are ties; some runs diverged.
ACCURACIES = arrays(float, SHAPE, elements=st.sampled_from([0.5, 0.7, 0.9, NAN]))
LOSSES = arrays(float, SHAPE, elements=st.sampled_from([0.2, 0.4, NAN]))
WITHIN = arrays(bool, (2, 4), elements=st.booleans())


@given(ACCURACIES, LOSSES, WITHIN)
def test_the_best_by_validation_is_chosen_then_the_lower_loss_then_the_first(accuracy, loss, within):
    chosen = by_validation(accuracy, loss, within)
    for table, split, seed in np.ndindex(2, 3, 2):
        best = None
        for candidate in range(4):
            own = accuracy[table, split, candidate, seed], loss[table, split, candidate, seed]
            if not within[table, candidate] or math.isnan(own[0]):
                continue
            key = (-own[0], math.inf if math.isnan(own[1]) else own[1])
            if best is None or key < best[0]:
                best = key, candidate
        assert chosen[table, split, seed] == (NONE if best is None else best[1])


@given(ACCURACIES, LOSSES, WITHIN)
def test_what_is_chosen_has_its_own_values_and_nothing_where_none_is(accuracy, loss, within):
    chosen = by_validation(accuracy, loss, within)
    values = np.arange(math.prod(SHAPE), dtype=float).reshape(SHAPE)
    taken = of_chosen(values, chosen)
    for table, split, seed in np.ndindex(2, 3, 2):
        number = chosen[table, split, seed]
        if number == NONE:
            assert math.isnan(taken[table, split, seed])
        else:
            assert taken[table, split, seed] == values[table, split, number, seed]


@given(ACCURACIES, WITHIN)
def test_the_optimistic_one_is_the_largest_mean_of_a_candidate_without_divergence(accuracy, within):
    found = optimistic(accuracy, within)
    for table in range(2):
        means = [
            float(np.mean(accuracy[table, :, candidate]))
            for candidate in range(4)
            if within[table, candidate] and not np.isnan(accuracy[table, :, candidate]).any()
        ]
        if means:
            assert math.isclose(found[table], max(means))
        else:
            assert math.isnan(found[table])


def test_a_budget_buys_candidates_in_their_order_and_one_at_least():
    seconds = np.array([[1.0, 2.0, 3.0], [9.0, 0.1, 0.1], [0.0, 0.0, 0.0]])
    assert affordable(seconds, 3.0).tolist() == [[True, True, False], [True, False, False], [True] * 3]
