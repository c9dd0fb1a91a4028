from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from service.lab.statistics import resampling
from service.lab.statistics.resampling import RESAMPLES, Repetition, Resampled, frontier_shares

#: Five standard errors of a share.
CLOSE = 5 * 0.5 / RESAMPLES**0.5
WIDTHS = np.array(
    [[10.0, 600.0], [10.0, 1000.0], [30.0, 300.0], [30.0, 600.0], [100.0, 300.0], [300.0, 100.0]]
)
COUNTS = [(10, 24), (22, 24), (3, 24), (24, 24), (23, 24), (0, 24)]


def cells(counts=COUNTS):
    return [Resampled(runs=runs, successes=successes) for successes, runs in counts]


def test_shares_are_those_of_independent_cells():
    """With fixed coordinates: reach it, while nobody reaches it who dominates."""
    shares = frontier_shares(Repetition(cells()).reaching(0.9), WIDTHS, [])
    reach = [binom.sf(np.ceil(0.9 * n) - 1, n, (s + 0.5) / (n + 1)) for s, n in COUNTS]
    for number, own in enumerate(WIDTHS):
        rivals = [other for other in range(6) if (WIDTHS[other] <= own).all() and (WIDTHS[other] < own).any()]
        expected = reach[number] * np.prod([1 - reach[other] for other in rivals])
        assert shares[number] == pytest.approx(expected, abs=CLOSE)


def test_what_is_fixed_and_what_is_drawn_are_compared_alike():
    reaching = Repetition(cells()).reaching(0.9)
    fixed = frontier_shares(reaching, WIDTHS, [])
    drawn = [np.broadcast_to(column, reaching.shape) for column in WIDTHS.T]
    assert frontier_shares(reaching, np.zeros((6, 0)), drawn).tolist() == fixed.tolist()
    assert frontier_shares(reaching, WIDTHS[:, :1], drawn[1:]).tolist() == fixed.tolist()


def test_the_same_cells_have_the_same_shares_every_time():
    first, second = (frontier_shares(Repetition(cells()).reaching(0.5), WIDTHS, []) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_a_few_runs_without_failure_are_no_certainty():
    shares = frontier_shares(
        Repetition(cells([(3, 3), (300, 300)])).reaching(0.9), np.array([[1.0], [2.0]]), []
    )
    assert 0.5 < shares[0] < 0.9
    assert shares[1] == pytest.approx(1 - shares[0])


def test_repeated_medians_are_those_of_runs_drawn_anew():
    steps, counts, runs = [500, 1000, 1500, 4000], [3, 9, 10, 5], 40
    one = Resampled(
        runs=runs,
        successes=27,
        counts=counts,
        step_values={"steps": steps, "flops": [10.0 * step for step in steps]},
    )
    medians = Repetition([one]).medians()
    assert (medians["flops"] == 10 * medians["steps"]).all()
    luck = np.random.default_rng(1)
    p = 27.5 / 41
    shares = [*(p * count / 27 for count in counts), 1 - p]
    drawn = luck.choice([*steps, np.inf], p=shares, size=(20_000, runs))
    expected = np.sort(drawn, axis=1)[:, runs // 2 - 1]  # smallest t by which half have succeeded
    for step in [*steps, np.inf]:
        assert (medians["steps"] <= step).mean() == pytest.approx((expected <= step).mean(), abs=CLOSE)


def test_repeated_costs_are_those_of_runs_drawn_anew():
    one = Resampled(runs=50, successes=20, won=(3000.0, 900.0), lost=10_000.0, bounds=(100.0, 10_000.0))
    costs = Repetition([one]).costs()
    luck = np.random.default_rng(1)
    won = luck.binomial(50, 20.5 / 51, size=20_000)
    expected = luck.normal(3000, 900 / np.sqrt(won)) + 10_000 * (50 - won) / won
    for quantile in (0.1, 0.5, 0.9):
        at = np.quantile(expected, quantile)
        assert (costs <= at).mean() == pytest.approx(quantile, abs=CLOSE)


def test_without_a_success_there_is_neither_median_nor_a_low_cost():
    one = Resampled(
        runs=20, successes=0, step_values={"steps": []}, lost=10.0, won=(1.0, 0.0), bounds=(1, 10)
    )
    repetition = Repetition([one])
    assert np.isinf(repetition.medians()["steps"]).all()
    assert repetition.costs().min() > 10


def test_too_many_cells_are_not_compared(monkeypatch):
    monkeypatch.setattr(resampling, "MOST_COMPARED", 2)
    assert frontier_shares(Repetition(cells()).reaching(0.5), WIDTHS, []) is None
