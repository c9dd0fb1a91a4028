from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control, norm, permutation_test

from service.lab.statistics import paired

#: The differences in height of Darwin's plants, in eighths of an inch: cross-fertilised less self-fertilised.
#: Fisher 1935, "The Design of Experiments", section 21, counts 863 of 2^15 sums as large in either direction.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_fishers_count_of_darwins_plants():
    flips = paired.sign_flips(np.array(DARWIN, dtype=float))
    assert flips.statistic == 314
    assert flips.greater == pytest.approx(863 / 2**15, rel=1e-9)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9))
def test_the_p_values_are_shares_of_all_signs(values):
    flips = paired.sign_flips(np.array(values, dtype=float))
    sums = [
        sum(sign * value for sign, value in zip(signs, values, strict=True))
        for signs in itertools.product((-1, 1), repeat=len(values))
    ]
    assert flips.greater == pytest.approx(sum(total >= sum(values) for total in sums) / len(sums), abs=1e-12)
    assert flips.less == pytest.approx(sum(total <= sum(values) for total in sums) / len(sums), abs=1e-12)
    assert flips.informative == sum(value != 0 for value in values)


def test_contrasts_that_are_no_whole_numbers_agree_with_scipys_enumeration():
    luck = np.random.default_rng(5)
    for shift in (0.0, 0.4):
        values = luck.normal(shift, size=12)
        expected = permutation_test(
            (values,),
            np.sum,
            permutation_type="samples",
            alternative="greater",
            n_resamples=2**12,
        )
        # Rounded to a thousandth of the largest one: few of 4096 sums change their order.
        assert paired.sign_flips(values).greater == pytest.approx(expected.pvalue, abs=2e-3)


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60).filter(
        lambda pairs: any(one != other for one, other in pairs)
    )
)
def test_of_two_binary_cells_it_is_mcnemars_exact_test(pairs):
    one, other = np.array(pairs, dtype=float).T
    won, lost = int((one > other).sum()), int((one < other).sum())
    expected = binomtest(won, won + lost, alternative="greater").pvalue
    assert paired.sign_flips(one - other).greater == pytest.approx(expected, abs=1e-12)
    assert paired.mcnemar(np.array([won]), np.array([lost]))[0] == pytest.approx(expected, abs=1e-12)


def test_without_discordant_pairs_nothing_is_known():
    assert paired.sign_flips(np.zeros(20)).greater == 1.0
    assert paired.mcnemar(np.array([0]), np.array([0]))[0] == 1.0


@pytest.mark.parametrize("seeds", [1, 2, 4, 10])
def test_no_p_value_is_below_one_of_all_signs(seeds):
    assert paired.sign_flips(np.ones(seeds)).greater == pytest.approx(0.5**seeds)
    assert paired.sign_flips(np.linspace(0.1, 0.9, seeds)).greater == pytest.approx(0.5**seeds)


@pytest.mark.parametrize("whole", [True, False])
def test_many_contrasts_agree_with_the_normal_approximation(whole):
    luck = np.random.default_rng(8)
    values = luck.normal(0.01, 1.0, size=30_000)
    values = np.rint(50 * values) if whole else values
    expected = norm.sf(values.sum() / np.sqrt((values**2).sum()))
    # Rounding moves the sum by under a hundredth of its standard deviation.
    assert paired.sign_flips(values).greater == pytest.approx(expected, rel=0.05)


def test_what_is_beyond_all_reach_has_the_smallest_p_value():
    flips = paired.sign_flips(np.ones(5_000))
    assert (flips.greater, flips.less) == (paired.SMALLEST_P, 1.0)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.integers(0, 100))
def test_to_change_all_signs_exchanges_the_directions(values, number):
    contrasts = np.array(values) * (1 + number)
    there, back = paired.sign_flips(contrasts), paired.sign_flips(-contrasts)
    assert (there.greater, there.less) == (pytest.approx(back.less), pytest.approx(back.greater))


def test_the_test_keeps_its_level_for_skewed_pairs_that_are_exchangeable():
    luck = np.random.default_rng(11)
    rejected, repetitions = 0, 2_000
    for _ in range(repetitions):
        one, other = luck.exponential(size=(2, 7)) ** 3
        rejected += paired.sign_flips(one - other).greater <= 0.05
    assert rejected / repetitions <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repetitions)


def test_bonett_and_prices_interval_of_paired_proportions():
    # With so many seeds that Student's quantile is the normal one, it is their closed form.
    won, lost, seeds = 900, 600, 10_000
    contrasts = np.repeat([1.0, -1.0, 0.0], [won, lost, seeds - won - lost])
    value, low, high = paired.interval(contrasts, 1.0)
    p, q = (won + 1) / (seeds + 2), (lost + 1) / (seeds + 2)
    half = norm.ppf(0.975) * np.sqrt((p + q - (p - q) ** 2) / (seeds + 2))
    assert value == pytest.approx(0.03)
    assert (low, high) == (pytest.approx(p - q - half, abs=1e-5), pytest.approx(p - q + half, abs=1e-5))


@pytest.mark.parametrize(
    ("chances", "seeds"),
    [
        ((0.0, 0.1, 0.9), 12),  # rare losses only, which few seeds may not show
        ((0.05, 0.05, 0.9), 8),
        ((0.5, 0.2, 0.3), 8),
        ((0.3, 0.3, 0.4), 32),
        ((0.9, 0.0, 0.1), 32),
    ],
)
def test_the_interval_covers_the_mean_though_seeds_are_few(chances, seeds):
    luck = np.random.default_rng(17)
    true, covered, repetitions = chances[0] - chances[1], 0, 1_000
    for contrasts in luck.choice([1.0, -1.0, 0.0], p=chances, size=(repetitions, seeds)):
        _, low, high = paired.interval(contrasts, 1.0)
        covered += low <= true <= high
    assert covered / repetitions >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / repetitions)


@pytest.mark.parametrize("won", [0.0, 0.02, 0.2])
@pytest.mark.parametrize("seeds", [3, 12, 23, 37, 40, 52])
def test_a_loss_of_the_margin_passes_for_none_at_most_as_often_as_the_level(seeds, won):
    luck = np.random.default_rng(23)
    chances, repetitions = [0.1 + won, 0.9 - 2 * won, won], 2_000
    p = np.array(
        [
            paired.p_above(contrasts, 1.0, -0.1)
            for contrasts in luck.choice([-1.0, 0.0, 1.0], p=chances, size=(repetitions, seeds))
        ]
    )
    for level in (0.05, 0.005):  # Holm's method asks for small ones
        assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / repetitions)


def test_that_no_margin_is_lost_is_seen_with_enough_seeds():
    assert paired.p_above(np.zeros(30), 1.0, -0.1) > 0.05  # of which a tenth may lose: 0.9^30 is 0.04
    assert paired.p_above(np.zeros(50), 1.0, -0.1) < 0.05
    assert paired.p_above(np.full(30, 0.1), 1.0, -0.1) < 0.05
    assert paired.p_above(np.full(50, -0.2), 1.0, -0.1) > 0.5
    assert paired.p_above(np.full(5, -1.0), 1.0, -0.1) == 1.0


def test_the_ratio_of_sums_covers_at_its_level():
    luck = np.random.default_rng(29)
    covered, repetitions = 0, 1_000
    for _ in range(repetitions):
        weights = luck.integers(1, 6, size=12).astype(float)
        sums = 0.7 * weights + luck.normal(size=12) * np.sqrt(weights)
        _, low, high = paired.ratio(sums, weights)
        covered += low <= 0.7 <= high
    assert covered / repetitions >= 0.92


def test_holms_example():
    # Holm 1979 in the form of Wright 1992, "Adjusted p-values for simultaneous inference".
    assert paired.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert paired.holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_adjustment_and_bonferronis(values):
    adjusted = paired.holm(values)
    for p, q in zip(values, adjusted, strict=True):
        assert p <= q <= min(1.0, len(values) * p)
    # Never below what controls the weaker rate of false discoveries, under any dependence less.
    weaker = false_discovery_control(np.array(values), method="bh")
    assert all(q >= w - 1e-12 for q, w in zip(adjusted, weaker, strict=True))
