"""Against Demšar 2006, "Statistical comparisons of classifiers", and by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from service.lab.statistics.ranks import (
    cliques,
    critical_difference,
    friedman,
    nemenyi,
    ranks,
    signed_ranks,
    wilcoxon,
)

#: Table 6: areas under the curve of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.974],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_mean_ranks_are_those_of_his_example():
    assert ranks(DEMSAR).mean(axis=0) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)


def test_the_signed_ranks_are_those_of_his_example():
    """His sums are 93 and 12: he gives the two zeros, of rank 1.5 each, half to either side."""
    found = signed_ranks(DEMSAR[:, 1] - DEMSAR[:, 0])
    assert found[found > 0].sum() == 93 - 1.5
    assert found[found < 0].sum() == -(12 - 1.5)
    assert (found == 0).sum() == 2


def test_friedmans_statistic_is_that_of_his_example_corrected_for_ties():
    """His 9.28 leaves the ties out of account: three data sets have some."""
    ranked = ranks(DEMSAR)
    count, models = ranked.shape
    mean = ranked.mean(axis=0)
    plain = 12 * count / (models * (models + 1)) * ((mean**2).sum() - models * (models + 1) ** 2 / 4)
    assert plain == pytest.approx(9.28, abs=0.01)
    ties = sum(size**3 - size for row in ranked for size in np.unique(row, return_counts=True)[1] if size > 1)
    tied = plain / (1 - ties / (count * (models**3 - models)))
    assert friedman(ranked) == pytest.approx(stats.chi2.sf(tied, models - 1))


def test_friedmans_test_has_nothing_to_say_of_two_models_or_of_equal_ones():
    assert friedman(ranks(DEMSAR[:, :2])) is None
    assert friedman(np.full((5, 3), 2.0)) == 1.0


@pytest.mark.parametrize(
    ("level", "published"),
    [
        (0.95, [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
        (0.90, [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]),
    ],
)
def test_critical_values_are_those_of_his_table_5a(level, published):
    assert [nemenyi(models, level) for models in range(2, 11)] == pytest.approx(published, abs=1.5e-3)


def test_critical_differences_are_those_of_his_example():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, 0.90) == pytest.approx(1.12, abs=0.005)


def test_the_groups_of_his_example_are_those_of_his_figure_1():
    """At 0.10, where he says that C4.5 is worse than C4.5+m and C4.5+m+cf, and no more is known."""
    mean = np.sort(ranks(DEMSAR).mean(axis=0))
    assert cliques(mean, critical_difference(4, 14, 0.90)) == [[0, 1, 2], [2, 3]]
    assert cliques(mean, critical_difference(4, 14, 0.95)) == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("mean_ranks", "found"),
    [([1.0, 3.0, 5.0], []), ([1.0, 2.9, 4.8], [[0, 1], [1, 2]]), ([1.0, 1.0, 3.0], [[0, 1]])],
)
def test_groups_are_the_largest_and_of_two_at_least(mean_ranks, found):
    assert cliques(np.array(mean_ranks), 2.0) == found


def test_wilcoxon_is_scipys_exact_test_without_ties_and_zeros():
    luck = np.random.default_rng(3)
    for count in (2, 5, 7, 16, 40):
        differences = luck.normal(0.3, 1.0, count)
        assert wilcoxon(differences) == pytest.approx(
            stats.wilcoxon(differences, method="exact").pvalue, rel=1e-6
        )


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=9))
def test_wilcoxon_counts_all_signs_with_ties_and_zeros_too(differences):
    ranked = stats.rankdata(np.abs(differences))
    sizes = ranked[np.array(differences) != 0]
    observed = (ranked * np.sign(differences)).sum()
    sums = np.array([(sizes * signs).sum() for signs in product((-1, 1), repeat=len(sizes))])
    expected = min(1.0, 2 * min((sums >= observed).mean(), (sums <= observed).mean()))
    assert wilcoxon(np.array(differences) / 10) == pytest.approx(expected)


def test_with_one_data_set_nothing_can_be_tested():
    assert wilcoxon(np.array([0.3])) is None


def test_what_differs_by_rounding_is_equal():
    assert signed_ranks(np.array([0.3 - 0.1, 0.2, -0.1, 0.3 - 0.2 - 0.1])).tolist() == [3.5, 3.5, -2.0, 0.0]
    assert ranks(np.array([[0.1 + 0.2, 0.3, 0.2]])).tolist() == [[1.5, 1.5, 3.0]]


@given(st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=8))
def test_ranks_of_a_data_set_have_the_same_sum_with_ties_too(scores):
    assert ranks(np.array(scores, dtype=float)).sum(axis=1) == pytest.approx(np.full(len(scores), 6.0))
