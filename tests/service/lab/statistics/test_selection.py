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
ACCURACIES = arrays(float, SHAPE, elements=st.sampled_from([0.5, 0.7, 0.88, 0.9, NAN]))
LOSSES = arrays(float, SHAPE, elements=st.sampled_from([0.2, 0.4, NAN]))
#: Of 100 rows, 0.88 is within one standard error of 0.9; of 10 000 it is not.
ROWS = arrays(int, (2,), elements=st.sampled_from([0, 1, 100, 10_000]))
WITHIN = arrays(bool, (2, 4), elements=st.booleans())


@given(ACCURACIES, LOSSES, LOSSES, ROWS, WITHIN)
def test_of_those_near_the_best_the_largest_area_counts_then_the_lower_loss_then_the_first(
    accuracy, auc, loss, rows, within
):
    chosen = by_validation(accuracy, auc, loss, rows=rows, within=within)
    for table, split, seed in np.ndindex(2, 3, 2):
        known = {
            candidate: accuracy[table, split, candidate, seed]
            for candidate in range(4)
            if within[table, candidate] and not math.isnan(accuracy[table, split, candidate, seed])
        }
        if not known:
            assert chosen[table, split, seed] == NONE
            continue
        best = max(known.values())
        least = best - math.sqrt(best * (1 - best) / max(int(rows[table]), 1))
        keys = {}
        for candidate in [one for one, reached in known.items() if reached >= least]:
            area, lost = (values[table, split, candidate, seed] for values in (auc, loss))
            keys[candidate] = -area if area > 0 else math.inf, lost if lost > 0 else math.inf, candidate
        assert chosen[table, split, seed] == min(keys, key=keys.get)


def test_an_accuracy_that_the_rows_tell_apart_decides_alone():
    accuracy, auc = (
        np.array([[[one] for one in values]]) for values in ([0.80, 0.83, 0.86], [0.9, 0.8, 0.7])
    )
    loss, within = np.zeros_like(accuracy), np.ones(3, dtype=bool)
    chosen = [
        int(by_validation(accuracy, auc, loss, rows=np.array(rows), within=within)[0, 0])
        for rows in (30, 120, 900)
    ]
    assert chosen == [0, 1, 2]


@given(ACCURACIES, LOSSES, WITHIN)
def test_what_is_chosen_has_its_own_values_and_nothing_where_none_is(accuracy, loss, within):
    chosen = by_validation(accuracy, -loss, loss, rows=np.array([100, 100]), within=within)
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
