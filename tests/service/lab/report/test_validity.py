"""Simulations: without an effect one is claimed at most as often as is said; planted ones are found."""

from __future__ import annotations

import numpy as np
import pytest

from service.lab.report.compose import findings
from service.lab.report.findings.draft import Draft, verdicts

WIDTH = np.array([-1.0, 0.0, 1.0])[:, None, None]
SAMPLES = np.array([-0.7, 0.0, 0.7])[None, :, None]
SPARSE = np.array([1.0, 0.0])[None, None, :]
#: Findings that are false where success depends on the number of samples only.
OF_WIDTH_OR_SPARSITY = ("frontier", "width-luck", "width-time", "sparse-luck", "sparse-time", "sparse-data")


def judged(outcomes, names=None):
    drafts = [found for found in findings(outcomes, 0.5) if isinstance(found, Draft)]
    return {
        (found.id, found.scope): found
        for found in verdicts([draft for draft in drafts if names is None or draft.claim.id in names])
    }


def of(found, name):
    return next(finding for (known, _), finding in found.items() if known == name)


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_without_an_effect_any_finding_is_supported_or_contradicted_as_rarely_as_it_says(drawn, alike):
    luck, repetitions = np.random.default_rng(1), 150
    wrong = {"claimed": 0, "opposite": 0}
    for _ in range(repetitions):
        found = judged(drawn(luck, SAMPLES, seeds=9, alike=alike), OF_WIDTH_OR_SPARSITY).values()
        wrong["claimed"] += any(finding.verdict == "supported" for finding in found)
        wrong["opposite"] += any(finding.p_opposite <= 0.05 for finding in found)
    allowed = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / repetitions)
    assert wrong["claimed"] / repetitions <= allowed
    assert wrong["opposite"] / repetitions <= allowed


def test_without_an_effect_of_data_neither_time_nor_descent_is_claimed_too_often(drawn):
    luck, repetitions = np.random.default_rng(2), 150
    wrong = 0
    for _ in range(repetitions):
        found = judged(drawn(luck, 0.3, seeds=9), ("data-time", "double-descent")).values()
        wrong += any(finding.verdict == "supported" for finding in found)
    assert wrong / repetitions <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / repetitions)


def names_of(found, verdict):
    return {name for (name, _), finding in found.items() if finding.verdict == verdict}


DIRECTED = {
    "frontier",
    "width-luck",
    "width-monotone",
    "width-time",
    "sparse-luck",
    "sparse-time",
    "data-time",
}


def test_what_width_and_sparsity_do_is_found(drawn):
    luck = np.random.default_rng(3)
    found = judged(
        drawn(luck, 1.5 * WIDTH + 1.5 * SAMPLES + SPARSE - 0.5, seeds=32, slowdown=-0.5 * WIDTH - SAMPLES)
    )
    assert names_of(found, "supported") >= DIRECTED
    luck_of_width = of(found, "width-luck").effect
    assert 0 < luck_of_width.low < luck_of_width.value < luck_of_width.high


def test_what_is_the_other_way_round_is_not_supported(drawn):
    luck = np.random.default_rng(4)
    found = judged(drawn(luck, -1.5 * WIDTH + SAMPLES - SPARSE, seeds=32, slowdown=0.5 * WIDTH + SAMPLES))
    assert names_of(found, "not supported") >= DIRECTED
    for (name, _), finding in found.items():
        if name in DIRECTED:
            assert finding.p_opposite <= 0.05 or finding.effect.high < finding.smallest_effect


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_four_seeds_are_never_enough_for_the_seed_tests(drawn, effect):
    found = judged(drawn(np.random.default_rng(5), effect * (WIDTH + SAMPLES + SPARSE), seeds=4))
    for (name, _), finding in found.items():
        if name in ("width-luck", "width-time", "sparse-luck", "sparse-time", "data-time", "double-descent"):
            assert finding.p_value >= 1 / 16
            assert finding.verdict == "not enough runs"


def test_many_seeds_without_an_effect_exclude_one_of_interest(drawn):
    found = judged(drawn(np.random.default_rng(6), SAMPLES, seeds=400))
    for name in ("width-luck", "sparse-luck", "sparse-time"):
        assert of(found, name).verdict == "not supported"
        assert of(found, name).effect.high < of(found, name).smallest_effect
    assert of(found, "width-monotone").verdict == "supported"  # no step costs anything


def test_power_rises_with_the_number_of_seeds(drawn):
    luck, shares = np.random.default_rng(7), []
    for seeds in (6, 12, 24):
        supported = [
            of(judged(drawn(luck, 0.2 * WIDTH + SAMPLES, seeds), ("width-luck",)), "width-luck").verdict
            for _ in range(60)
        ]
        shares.append(np.mean([verdict == "supported" for verdict in supported]))
    assert shares[0] < shares[1] < shares[2]
    assert shares[2] > 0.9


def test_one_step_that_loses_makes_width_not_monotone(drawn):
    dip = np.array([0.0, 2.0, -0.5])[:, None, None]
    found = judged(drawn(np.random.default_rng(8), dip, seeds=40))
    monotone = of(found, "width-monotone")
    assert monotone.verdict == "not supported"
    assert "from width 100 to 1000" in monotone.explanation
    assert monotone.effect.high < 0


def test_a_rise_of_the_error_between_two_falls_is_a_double_descent(arranged):
    luck = np.random.default_rng(9)
    bump = np.array([0.30, 0.45, 0.05])[None, :, None, None]
    shape = (3, 3, 2, 40)
    error = bump + 0.05 * luck.normal(size=shape) + 0.05 * luck.normal(size=(1, 1, 1, 40))
    found = judged(arranged(error < 0.1, test_error=error))
    descent = of(found, "double-descent")
    assert descent.verdict == "supported"
    assert descent.effect.low <= 0.15 <= descent.effect.high
    assert "from 100 to 300 samples" in descent.explanation
    falling = np.sort(error, axis=1)[:, ::-1]
    assert of(judged(arranged(falling < 0.1, test_error=falling)), "double-descent").verdict != "supported"


def test_that_the_slow_runs_of_less_data_do_not_end_in_time_is_not_held_against_the_claim(arranged):
    luck = np.random.default_rng(10)
    # Each step to less data takes 1.2 times the steps, and most runs of the least data do not end in time.
    factors = 1.2 ** np.array([2.0, 1.0, 0.0])[None, :, None, None]
    steps = np.ceil(factors * 60_000 * np.exp(0.3 * luck.normal(size=(3, 3, 2, 400))) / 500) * 500
    time = of(judged(arranged(steps <= 50_000, steps), ("data-time",)), "data-time")
    assert time.effect.high < time.smallest_effect  # of those that end in time
    assert time.verdict != "not supported"
    # Without any difference it is excluded, failures or not.
    steps = np.ceil(45_000 * np.exp(0.2 * luck.normal(size=(3, 3, 2, 400))) / 500) * 500
    assert (
        of(judged(arranged(steps <= 50_000, steps), ("data-time",)), "data-time").verdict == "not supported"
    )


def test_a_mean_error_that_falls_while_most_seeds_rise_is_no_double_descent(arranged):
    luck, wrong = np.random.default_rng(11), 0
    for _ in range(20):
        error = np.array([0.45, 0.47, 0.05])[None, :, None, None] + 0.003 * luck.normal(size=(3, 3, 2, 16))
        error[:, 1] = np.where(luck.random((3, 2, 16)) < 0.1, 0.06, error[:, 1])  # 0.429 on average
        found = of(judged(arranged(error < 0.1, test_error=error), ("double-descent",)), "double-descent")
        wrong += found.verdict == "supported"
    assert wrong <= 2
