from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, chi2

from service.lab.statistics import theory
from service.lab.statistics.theory import Count


@pytest.mark.parametrize(
    ("inputs", "support", "sparsity", "expected"),
    [(50, 3, 2, 0.0036), (50, 3, 3, 0.000216), (50, 3, 5, 0.001), (30, 3, 2, 0.01), (20, 4, 1, 0.2)],
)
def test_a_neuron_is_lucky_as_the_paper_has_it(inputs, support, sparsity, expected):
    assert theory.lucky_probability(inputs, support, sparsity) == pytest.approx(expected)


@pytest.mark.parametrize(("inputs", "support", "sparsity"), [(50, 3, 2), (50, 3, 8), (40, 2, 2), (60, 4, 1)])
def test_the_prediction_is_of_the_order_of_the_exact_count(inputs, support, sparsity):
    ones = itertools.combinations(range(inputs), sparsity) if sparsity <= 2 else None
    if ones is None:
        exact = math.comb(inputs - support, sparsity - support) / math.comb(inputs, sparsity)
    else:
        lucky = [set(some) <= set(range(support)) or set(range(support)) <= set(some) for some in ones]
        exact = sum(lucky) / len(lucky)
    ratio = theory.lucky_probability(inputs, support, sparsity) / exact
    assert 0.5 <= ratio <= 4


@given(st.floats(0, 1), st.integers(1, 300))
def test_parallel_search_is_the_chance_of_a_lucky_neuron_among_many(probability, width):
    assert theory.parallel_search(probability, width) == pytest.approx(
        1 - (1 - probability) ** width, abs=1e-12
    )


COUNTS = [Count(10, 1, 24), Count(30, 2, 24), Count(100, 9, 24), Count(300, 20, 24)]


def likelihood(counts, p):
    return sum(binom.logpmf(c.successes, c.runs, theory.parallel_search(p, c.width)) for c in counts)


def test_the_fit_is_the_likeliest_one_and_its_limits_are_those_of_the_profile():
    fit = theory.fit_search(COUNTS)
    best = minimize_scalar(lambda at: -likelihood(COUNTS, math.exp(at)), bounds=(-12, -1), method="bounded")
    assert fit.probability == pytest.approx(math.exp(best.x), rel=1e-4)
    for end in (fit.low, fit.high):
        drop = 2 * (likelihood(COUNTS, fit.probability) - likelihood(COUNTS, end))
        assert drop == pytest.approx(chi2.ppf(0.95, 1), rel=1e-6)
    saturated = sum(binom.logpmf(c.successes, c.runs, c.successes / c.runs) for c in COUNTS)
    assert fit.deviance == pytest.approx(2 * (saturated - likelihood(COUNTS, fit.probability)), rel=1e-6)
    assert (fit.degrees, fit.p_value) == (3, pytest.approx(chi2.sf(fit.deviance, 3)))


def test_one_width_of_one_neuron_is_a_share():
    fit = theory.fit_search([Count(1, 7, 20)])
    assert fit.probability == pytest.approx(0.35)
    assert (fit.deviance, fit.degrees, fit.p_value) == (pytest.approx(0, abs=1e-12), 0, None)


def test_all_or_none_has_one_limit():
    none = theory.fit_search([Count(10, 0, 24), Count(100, 0, 24)])
    # The widest alone: 100 x 24 neurons without luck, (1 - p)^2400 = 0.025.
    assert (none.probability, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(-math.expm1(math.log(0.025) / 2400))
    every = theory.fit_search([Count(10, 24, 24), Count(100, 24, 24)])
    assert (every.probability, every.high) == (1.0, 1.0)
    assert theory.parallel_search(every.low, 10) == pytest.approx(0.025 ** (1 / 24))  # the narrowest alone
    assert (every.deviance, every.degrees, every.p_value) == (0.0, 1, 1.0)
    assert theory.fit_search([Count(10, 0, 24)]).p_value is None


def test_without_a_success_the_limit_covers_although_widths_share_their_neurons():
    luck, widths, repetitions = np.random.default_rng(5), [10, 30, 100, 300], 300
    true, missed = 1.2 * -math.log(0.147) / (440 * 24), 0
    for _ in range(repetitions):
        outcomes = nested(luck, true, widths, 24)
        fit = theory.fit_search(
            [Count(w, int(row.sum()), 24) for w, row in zip(widths, outcomes, strict=True)]
        )
        missed += not outcomes.any() and not fit.low <= true <= fit.high
    assert missed == 0  # chi-squared's limit, of all neurons as independent, missed each of them


def nested(luck, p, widths, seeds):
    """Return outcomes in which the neurons of a narrow network are the first ones of a wider one."""
    first = luck.geometric(p, size=seeds)
    return np.array([first <= width for width in widths])


def test_limits_cover_although_widths_share_their_neurons():
    luck, widths, true = np.random.default_rng(3), [10, 30, 100, 300, 1000], 0.004
    covered = {"seeds": 0, "independent": 0}
    for _ in range(400):
        outcomes = nested(luck, true, widths, 24)
        counts = [Count(width, int(row.sum()), 24) for width, row in zip(widths, outcomes, strict=True)]
        plain = theory.fit_search(counts)
        effect = theory.design_effect(outcomes, widths, plain.probability)
        wide = theory.fit_search(counts, design_effect=effect)
        covered["independent"] += plain.low <= true <= plain.high
        covered["seeds"] += wide.low <= true <= wide.high
    assert covered["seeds"] / 400 >= 0.92
    assert covered["independent"] < covered["seeds"]


def test_the_design_effect_is_about_one_where_widths_have_seeds_of_their_own():
    luck, widths, true = np.random.default_rng(4), [10, 100, 1000], 0.004
    chances = np.array([theory.parallel_search(true, width) for width in widths])
    effect = theory.design_effect(luck.random((3, 20_000)) < chances[:, None], widths, true)
    assert effect == pytest.approx(1, abs=0.05)
    # Copies of one width say the same several times.
    same = np.repeat(luck.random((1, 20_000)) < 0.3, 3, axis=0)
    p = theory.fit_search([Count(50, int(row.sum()), 20_000) for row in same]).probability
    assert theory.design_effect(same, [50, 50, 50], p) == pytest.approx(3, rel=1e-6)


def test_the_statistical_query_bound_of_the_paper():
    samples = theory.statistical_query_samples(50, 3, parameters=100, steps=1_000, probability=0.5)
    # r T / (tau^2 delta) = C(n, k) / 2 with tau^2 = 1 / m.
    assert 100 * 1_000 * samples / 0.5 == pytest.approx(math.comb(50, 3) / 2)


def rank(rows):
    """Return the rank over GF(2) of rows that are numbers, by elimination."""
    basis = []
    for row in rows:
        left = row
        for known in basis:
            left = min(left, left ^ known)
        if left:
            basis.append(left)
    return len(basis)


@pytest.mark.parametrize(("inputs", "samples"), [(2, 3), (3, 3), (3, 4), (4, 3)])
def test_the_rank_probability_counts_all_matrices(inputs, samples):
    full = sum(rank(rows) == inputs for rows in itertools.product(range(2**inputs), repeat=samples))
    assert theory.rank_probability(inputs, samples) == pytest.approx(full / 2 ** (inputs * samples))


def test_elimination_finds_the_parity_as_often_as_is_said():
    luck, inputs = np.random.default_rng(6), 12
    for probability in (0.5, 0.9):
        samples = theory.elimination_samples(inputs, probability)
        found = 0
        for _ in range(600):
            signs = luck.choice([-1, 1], size=(samples, inputs))
            rows = [sum(1 << at for at, sign in enumerate(row) if sign < 0) for row in signs.tolist()]
            found += rank(rows) == inputs
        expected = theory.rank_probability(inputs, samples)
        assert expected >= probability > theory.rank_probability(inputs, samples - 1)
        assert found / 600 == pytest.approx(expected, abs=0.06)


def test_about_n_samples_are_enough():
    assert theory.elimination_samples(50, 0.5) == 51
    assert theory.elimination_samples(50, 0.999) == 60
    with pytest.raises(ValueError, match="above 0 and below 1"):
        theory.elimination_samples(50, 1.0)
