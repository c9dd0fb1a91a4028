from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from service.lab.report import theory
from service.lab.report.compose import findings
from service.lab.report.findings import grokking, samples, sparsity, thresholds, times, width
from service.lab.report.findings.draft import Draft, verdicts
from service.lab.statistics import paired
from tombola.results import NotTested
from tombola.spec import ExperimentSpec

FIGURE_1 = Path(__file__).parents[4] / "bench" / "results" / "figure1.json"


@pytest.fixture(scope="module")
def figure_1(arranged):
    """The counts of the paper's Figure 1, down-scaled; which seeds succeeded is made up."""
    found = json.loads(FIGURE_1.read_text())
    spec = ExperimentSpec.model_validate(found["spec"])
    grid = len(spec.grid.width), len(spec.grid.samples), len(spec.grid.sparsity)
    won = np.array([cell["successes"] for cell in found["table"]["cells"]]).reshape(*grid, 1)
    return arranged(np.arange(32) < won, spec=spec)


def only(found, name):
    (finding,) = [one for one in found if _id(one) == name]
    return finding


def _id(found):
    return found.claim.id if isinstance(found, Draft) else found.id


def reasons(outcomes):
    return {found.id: found.reason for found in findings(outcomes, 0.5) if isinstance(found, NotTested)}


def test_in_figure_1_sparse_buys_data_at_width_3000(figure_1):
    # 31 of 32 runs against 2 of 32 at 600 samples; from 1000 on the dense start is as good.
    found = thresholds.sparse_data(figure_1, 0, 1, 0.5)
    (judged,) = verdicts([found])
    assert judged.verdict == "supported"
    assert (found.effect.value, found.effect.low, found.effect.high) == (pytest.approx(1000 / 600),) * 3
    assert "2-sparse at width 3000 takes 600 samples (600 to 600)" in judged.explanation
    assert judged.p_value < 1e-5


def test_in_figure_1_width_buys_data_for_both_starts(figure_1):
    for judged in verdicts(thresholds.frontier(figure_1, 0.5)):
        assert judged.verdict == "supported"
        assert judged.effect.low >= judged.smallest_effect > 1


def test_figure_1_beside_theory(figure_1):
    resources = theory.resources(figure_1, 0.5)
    assert resources.elimination == 51
    assert max(point.samples for point in resources.statistical_query) < 1
    assert "less than one, so it says nothing here" in resources.remark
    wide = next(row for row in resources.thresholds if (row.width, row.sparsity) == (3000, 2))
    assert (wide.observed, wide.fitted, wide.low, wide.high) == (600, 600, 600, 600)
    lines = theory.parallel_search(figure_1)
    assert len(lines) == 18
    at_600 = next(line for line in lines if (line.samples, line.sparsity) == (600, 2))
    assert at_600.predicted == pytest.approx((2 / 50) ** 2 * 9 / 4)
    assert at_600.fitted.low < at_600.fitted.value < at_600.fitted.high
    assert at_600.points[-1].fitted > at_600.points[0].fitted


def test_the_bound_says_so_where_it_excludes_cells(arranged):
    spec = ExperimentSpec.model_validate(
        {
            "name": "hard",
            "target": {"n": 200, "k": 8},
            "grid": {"width": [10, 100], "samples": [10, 1000]},
            "training": {"max_steps": 1000},
            "seeds": {"count": 2},
        }
    )
    resources = theory.resources(arranged(np.zeros((2, 2, 1, 2)), spec=spec), 0.5)
    assert "it excludes cells of the grid" in resources.remark


def test_of_two_widths_the_trend_is_mcnemars_test(arranged):
    luck = np.random.default_rng(1)
    success = luck.random((2, 1, 1, 20)) < np.array([0.3, 0.8])[:, None, None, None]
    spec = ExperimentSpec.model_validate(
        {
            "name": "two",
            "target": {"n": 30, "k": 3},
            "grid": {"width": [10, 100], "samples": [300]},
            "seeds": {"count": 20},
        }
    )
    trend = only(width.findings(arranged(success, spec=spec)), "width-luck")
    won, lost = (success[1] & ~success[0]).sum(), (success[0] & ~success[1]).sum()
    assert trend.p_value == pytest.approx(paired.mcnemar(np.array([won]), np.array([lost]))[0])
    # Two widths a tenfold apart: the slope is the difference.
    assert trend.effect.value == pytest.approx((int(won) - int(lost)) / 20)


def test_never_loses_against_any_time_and_ties_with_itself():
    never = np.inf
    assert times.wins(
        np.array([500.0, never, never, 500.0]), np.array([never, 500.0, never, 500.0])
    ).tolist() == [
        1.0,
        -1.0,
        0.0,
        0.0,
    ]


def test_log_ratios_leave_out_what_tells_nothing():
    slow = np.array([[2000.0, 500.0, np.inf, 1000.0]])
    fast = np.array([[1000.0, 500.0, 500.0, 500.0]])
    ratios = times.log_ratios(slow, fast, 500)
    assert ratios.weights.tolist() == [1, 0, 0, 1]  # the second pair ended at the first evaluation
    assert ratios.factor()[0] == pytest.approx(2)


def test_half_the_data_takes_so_many_times_the_steps(arranged):
    success = np.ones((3, 3, 2, 10), dtype=bool)
    noise = np.exp(0.1 * np.random.default_rng(2).normal(size=(1, 1, 1, 10)))
    # Steps that fall as 1 / m: half the data takes twice the steps.
    steps = 1e6 / np.array([100, 300, 1000])[None, :, None, None] * noise * np.ones((3, 3, 2, 10))
    found = only(samples.findings(arranged(success, steps)), "data-time")
    assert found.effect.value == pytest.approx(2)
    assert found.p_value == pytest.approx(2**-10)


def test_every_sparsity_is_compared_with_dense(arranged):
    spec = ExperimentSpec.model_validate(
        {
            "name": "several",
            "target": {"n": 30, "k": 3},
            "grid": {"width": [10], "samples": [100, 300], "sparsity": [2, 5, None]},
            "seeds": {"count": 16},
        }
    )
    success = np.zeros((1, 2, 3, 16), dtype=bool)
    success[:, 1, 0] = True  # 2-sparse learns at 300 samples, the others do not
    found = sparsity.findings(arranged(success, spec=spec), 0.5)
    luck = {one.claim.scope: one for one in found if isinstance(one, Draft) and one.claim.id == "sparse-luck"}
    assert luck["2-sparse against dense"].p_value == 2**-16
    (untested,) = [one for one in found if isinstance(one, NotTested) and one.id == "sparse-luck"]
    assert untested.scope == "5-sparse against dense"
    assert untested.reason == "in every pair of cells all runs have the same outcome"


def test_what_the_grid_cannot_speak_to_is_named_with_the_reason(arranged):
    spec = ExperimentSpec.model_validate(
        {
            "name": "one",
            "target": {"n": 30, "k": 3},
            "grid": {"width": [10], "samples": [None]},
            "seeds": {"count": 4},
        }
    )
    said = reasons(arranged(np.ones((1, 1, 1, 4)), spec=spec))
    assert said["width-luck"] == said["frontier"] == "the grid has one width"
    assert said["sparse-luck"] == "the grid has no dense start"
    assert said["data-time"] == "the grid has fewer than two training-set sizes"


def test_where_all_runs_end_alike_there_is_nothing_to_test(arranged):
    said = reasons(arranged(np.zeros((3, 3, 2, 8))))
    assert said["width-luck"] == "wherever all widths are complete, all runs have the same outcome"
    assert said["width-time"] == said["sparse-time"] == "no run succeeded"
    assert said["frontier"] == "no training set of the grid is seen to reach success probability 0.5"
    said = reasons(arranged(np.ones((3, 3, 2, 8))))
    assert said["frontier"] == "the smallest training set of the grid suffices everywhere: give smaller ones"


def test_cells_that_are_not_complete_are_left_out(arranged, drawn):
    complete = np.ones((3, 3, 2), dtype=bool)
    complete[2, 0, 0] = False  # of this stratum the widest network is in training
    luck = np.random.default_rng(3)
    whole = drawn(luck, 0.0, seeds=10)
    partly = arranged(whole.success, whole.steps, complete=complete)
    found = only(width.findings(partly), "width-monotone")
    assert found.cells == 3 * 5
    none = arranged(whole.success, complete=np.zeros((3, 3, 2), dtype=bool))
    assert set(reasons(none).values()) == {
        "none of its cells is complete yet",
        "no number of samples and initialisation has all its widths complete yet",
        "no pair of cells is complete yet",
        "no width and initialisation has all its training-set sizes complete yet",
    }


def curve(fitted, steps):
    at = np.arange(500, steps + 1, 500)
    return {
        "steps": at.tolist(),
        "train_error": np.where(at < fitted, 0.4, 0.0).tolist(),
        "test_error": np.where(at < steps, 0.5, 0.05).tolist(),
    }


def test_fitting_before_generalising_is_seen_in_the_curves(arranged):
    outcomes = arranged(np.ones((3, 3, 2, 8)))
    positions, seeds = grokking.wanted(outcomes)
    assert (len(positions), seeds) == (18, 8)
    later = {0: 8, 1: 4, 2: 2}  # by the number of the training-set size
    curves = [
        (position, seed, later[position // 2 % 3] * 1000, curve(1000, later[position // 2 % 3] * 1000))
        for position in positions
        for seed in range(seeds)
    ]
    found = grokking.finding(outcomes, seeds, curves)
    assert found.effect.value == pytest.approx(4)
    assert found.p_value == pytest.approx(2**-8)
    assert "least data of which runs succeed it is 8, with the most 2" in found.explanation
    turned = [
        (p, s, later[2 - p // 2 % 3] * 1000, curve(1000, later[2 - p // 2 % 3] * 1000)) for p, s, *_ in curves
    ]
    against = grokking.finding(outcomes, seeds, turned)
    assert (against.p_value, against.p_opposite) == pytest.approx((1.0, 2**-7))


def test_where_neither_fitting_nor_generalising_is_first_no_grokking_is_seen(arranged):
    luck, repetitions = np.random.default_rng(12), 200
    spec = ExperimentSpec.model_validate(
        {
            "name": "one size",
            "target": {"n": 30, "k": 3},
            "grid": {"width": [100], "samples": [300]},
            "seeds": {"count": 16},
        }
    )
    outcomes = arranged(np.ones((1, 1, 1, 16)), spec=spec)
    wrong = 0
    for _ in range(repetitions):
        # Both come at the same time but for noise. The curve ends where the run generalises.
        curves = [
            (0, seed, int(end), curve(int(fitted), int(end)))
            for seed, (fitted, end) in enumerate(1000 * luck.integers(1, 9, size=(16, 2)))
        ]
        found = grokking.finding(outcomes, 16, curves)
        wrong += verdicts([found])[0].verdict == "supported"
    assert found.claim.text == "Runs fit their training set before they generalise."
    assert wrong / repetitions <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repetitions)


def test_the_number_of_curves_is_bounded_and_blind_to_outcomes(arranged, monkeypatch):
    monkeypatch.setattr(grokking, "CURVES", 40)
    outcomes = arranged(np.ones((3, 3, 2, 8)))
    positions, seeds = grokking.wanted(outcomes)
    assert (positions, seeds) == (list(range(12, 18)), 6)  # the widest networks only
    monkeypatch.setattr(grokking, "CURVES", 10)
    assert grokking.wanted(outcomes) == ([], 0)
    assert grokking.finding(outcomes, 0, []).reason == (
        "the complete cells of the widest networks are too many to read 6 curves of each: 10 in all are read"
    )


def test_what_the_runs_leave_untested_counts_in_holms_method_and_what_the_grid_does_not(arranged):
    luck = np.random.default_rng(4)
    spec = ExperimentSpec.model_validate(
        {
            "name": "half",
            "target": {"n": 30, "k": 3},
            "grid": {"width": [10, 100], "samples": [300], "sparsity": [2, None]},
            "seeds": {"count": 10},
        }
    )
    success = luck.random((2, 1, 2, 10)) < 0.5
    found = findings(arranged(success, spec=spec), 0.5)
    assert {one.id for one in found if isinstance(one, NotTested) and one.by_grid} == {
        "frontier",
        "sparse-data",
        "data-time",
        "double-descent",
    }
    settled = findings(arranged(np.ones((2, 1, 2, 10)), spec=spec), 0.5)
    counted = {one.id for one in settled if isinstance(one, NotTested) and not one.by_grid}
    assert counted == {"width-luck", "width-monotone", "sparse-luck"}
    drafts = [one for one in found if isinstance(one, Draft)]
    alone, among = verdicts(drafts), verdicts(drafts, untested=3)
    least = min(range(len(drafts)), key=lambda number: drafts[number].p_value)
    assert alone[least].p_adjusted == pytest.approx(min(1, len(drafts) * drafts[least].p_value))
    assert among[least].p_adjusted == pytest.approx(min(1, (len(drafts) + 3) * drafts[least].p_value))
