"""Comparisons of made-up scores, on both databases, against the same reckoned by loops over a table."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from service.lab.comparison.compose import comparison
from service.lab.comparison.trials import Budget
from service.lab.errors import UnknownExperiment, UnknownName, WrongKind
from tests import scored

SIZES = {("plain", 0.1): 70, ("plain", 1.0): 700, ("hard", 0.1): 21, ("hard", 1.0): 210}
TESTED = {"plain": 210 / 1000, "hard": 63 / 300}
MEMBERS = {
    "mlp": lambda runs: runs.kind == "mlp",
    "mlp-sparse": lambda runs: (runs.kind == "mlp") & runs.sparsity.notna(),
    "mlp-dense": lambda runs: (runs.kind == "mlp") & runs.sparsity.isna(),
    "forest": lambda runs: runs.kind == "forest",
    "logistic": lambda runs: runs.kind == "logistic",
}


@pytest.fixture
def compared(database, made):
    def ask(score=scored.usual, spec=None, **asked):
        key, runs = made(score, spec)
        with database.read() as session:
            return comparison(session, key, **asked), runs

    return ask


def tuned(runs, dataset, samples, member):
    """Return what was chosen at each split and seed, or None where all diverged: by loops."""
    own = runs[(runs.dataset == dataset) & (runs.samples == samples) & MEMBERS[member](runs)]
    found = {}
    for place, group in own.groupby(["split", "seed"]):
        found[place] = scored.spoken_for(group.to_dict("records"))
    return found


def by_split(values):
    """Return the means over seeds of numbers by split and seed."""
    splits = sorted({split for split, _ in values})
    return [np.mean([value for (split, _), value in values.items() if split == one]) for one in splits]


def limits(values, tested, level=0.95):
    mean, count = np.mean(values), len(values)
    error = math.sqrt(np.var(values, ddof=1) * (1 / count + tested / (1 - tested)))
    half = stats.t.ppf((1 + level) / 2, count - 1) * error
    return mean, mean - half, mean + half


def ends(found):
    return found.value, found.low, found.high


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_every_number_of_a_comparison_is_that_of_loops_over_the_runs(compared):
    answer, runs = compared(level=0.9)
    assert [(row.dataset, row.fraction, row.samples) for row in answer.datasets] == [
        (*key, samples) for key, samples in SIZES.items()
    ]
    assert (answer.provisional, answer.left_out, answer.baseline) == (False, 0, "forest")
    seen = set()
    for row in answer.datasets:
        assert (row.splits, row.seeds, row.majority) == (3, 2, 0.6)
        assert row.test_rows == round(TESTED[row.dataset] * scored.ROWS[row.dataset])
        assert [model.model for model in row.models] == list(MEMBERS)
        chosen = {name: tuned(runs, row.dataset, row.samples, name) for name in MEMBERS}
        differences = {one.model: one for one in row.differences}
        assert list(differences) == [name for name in MEMBERS if name != "forest"]
        for model in row.models:
            own = chosen[model.model]
            all_of_them = runs[
                (runs.dataset == row.dataset) & (runs.samples == row.samples) & MEMBERS[model.model](runs)
            ]
            assert model.runs == len(all_of_them)
            assert model.diverged == all_of_them.test_accuracy.isna().sum()
            means = all_of_them.groupby("candidate").test_accuracy.agg(
                lambda column: column.mean(skipna=False)
            )
            assert model.optimistic == (None if means.isna().all() else pytest.approx(means.max()))
            if None in own.values():
                seen.add("diverged")
                assert ends(model.accuracy) == (None, None, None)
                continue
            accuracy = {place: run["test_accuracy"] for place, run in own.items()}
            expected = np.clip(limits(by_split(accuracy), TESTED[row.dataset], 0.9), 0, 1)
            assert ends(model.accuracy) == pytest.approx(expected)
            assert model.core_seconds == pytest.approx(np.mean([run["core_seconds"] for run in own.values()]))
            if model.model == "forest" or None in chosen["forest"].values():
                continue
            other = {place: run["test_accuracy"] for place, run in chosen["forest"].items()}
            paired = {place: accuracy[place] - other[place] for place in accuracy}
            expected = np.clip(limits(by_split(paired), TESTED[row.dataset], 0.9), -1, 1)
            found = differences[model.model]
            assert ends(found.difference) == pytest.approx(expected, abs=1e-12)
            verdict = "win" if expected[1] > 0 else "loss" if expected[2] < 0 else "tie"
            assert found.verdict == verdict
            seen.add(verdict)
    assert seen == {"win", "tie", "loss", "diverged"}


def steady(configuration, seed):
    """Return scores in which networks are worse on `hard`, better on `plain`, and dense ones less so."""
    model, plain = configuration.model, configuration.target.dataset == scored.dataset_id("plain")
    edge = 0.0 if model.kind != "mlp" else (0.1 if plain else -0.1) - 0.01 * (model.sparsity is None)
    noise = 0.001 * scored.luck_of(configuration, seed).normal()
    accuracy = 0.7 + edge - 0.05 * (model.kind == "logistic") + noise
    return dict.fromkeys(("validation_accuracy", "validation_auc", "test_accuracy"), accuracy) | {
        "validation_loss": 0.5,
        "test_auc": 0.8,
        "seconds": 2.0,
    }


def test_wins_losses_tests_and_ranks_are_told_over_data_sets(compared):
    answer, _ = compared(steady)
    by_model = {(row.fraction, row.model): row for row in answer.overall}
    assert len(by_model) == 8
    for fraction in (0.1, 1.0):
        networks, floor = by_model[fraction, "mlp"], by_model[fraction, "logistic"]
        assert (networks.wins, networks.ties, networks.losses, networks.datasets) == (1, 0, 1, 2)
        assert networks.mean_difference == pytest.approx(0.0, abs=0.003)
        assert networks.p_value == 1.0
        assert (floor.wins, floor.losses, floor.p_value, floor.samples) == (0, 2, 0.5, None)
        assert floor.p_corrected == 1.0
        assert by_model[fraction, "mlp-dense"].p_corrected is None
    for row in answer.ranks:
        assert {rank.model: rank.rank for rank in row.ranks} == {"forest": 1.5, "mlp": 2.0, "logistic": 2.5}
        assert row.critical_difference == pytest.approx(2.343 * math.sqrt(3 * 4 / (6 * 2)), abs=2e-3)
        assert row.cliques == [["forest", "mlp", "logistic"]]
        assert row.friedman_p == pytest.approx(stats.chi2.sf(1.0, 2))


def test_sparse_minus_dense_is_told_by_width(compared):
    answer, _ = compared(steady)
    assert [(gain.dataset, gain.samples, gain.width) for gain in answer.gains] == [
        (dataset, samples, width) for (dataset, _), samples in SIZES.items() for width in (10, 100)
    ]
    for gain in answer.gains:
        assert gain.gain.value == pytest.approx(0.01, abs=0.003)
        assert gain.gain.value == pytest.approx(gain.sparse.value - gain.dense.value)
        assert gain.gain.low <= gain.gain.value <= gain.gain.high


def test_budgets_cut_the_candidates_of_each_model_and_are_told(compared):
    answer, runs = compared(steady)
    told = {row.model: (row.candidates, row.fewest_candidates, row.core_seconds) for row in answer.budgets}
    assert told == {
        "mlp": (8, 8, 16.0),
        "mlp-sparse": (4, 4, 8.0),
        "mlp-dense": (4, 4, 8.0),
        "forest": (3, 3, 6.0),
        "logistic": (1, 1, 2.0),
    }
    assert not answer.equal_budgets
    assert len(runs) == 4 * 3 * 2 * 12


@pytest.mark.parametrize(
    ("budget", "counts", "equal"),
    [
        (Budget(trials=1), {"mlp": 1, "mlp-sparse": 1, "mlp-dense": 1, "forest": 1, "logistic": 1}, True),
        (Budget(seconds=5.0), {"mlp": 2, "mlp-sparse": 2, "mlp-dense": 2, "forest": 2, "logistic": 1}, False),
        (Budget(3, 100.0), {"mlp": 3, "mlp-sparse": 3, "mlp-dense": 3, "forest": 3, "logistic": 1}, False),
        (Budget(seconds=0.1), {"mlp": 1, "mlp-sparse": 1, "mlp-dense": 1, "forest": 1, "logistic": 1}, True),
    ],
)
def test_budgets_in_settings_and_in_seconds(compared, budget, counts, equal):
    answer, _ = compared(steady, budget=budget)
    assert {row.model: row.candidates for row in answer.budgets} == counts
    assert answer.equal_budgets == equal
    assert (answer.trials, answer.seconds) == (budget.trials, budget.seconds)
    for row in answer.datasets:
        assert {model.model: model.runs for model in row.models} == {
            name: 6 * count for name, count in counts.items()
        }


def test_one_trial_is_the_default_of_a_librarys_model(compared):
    def score(configuration, seed):
        found = steady(configuration, seed)
        depth = getattr(configuration.model, "hyperparameters", {}).get("max_depth", 0)
        return found | scored.columns(0.5 + 0.1 * depth, 0.5 + 0.1 * depth)

    whole, _ = compared(score, scored.spec_of(name="whole"))
    assert {model.chosen.get("max_depth") for row in whole.datasets for model in row.models[3:4]} == {2}


def test_a_model_that_diverged_everywhere_has_no_accuracy_and_loses(compared):
    def score(configuration, seed):
        lost = configuration.model.kind == "mlp" and configuration.samples < 100
        return None if lost else steady(configuration, seed)

    answer, _ = compared(score)
    small = [row for row in answer.datasets if row.samples < 100]
    assert len(small) == 2
    for row in small:
        model, difference = row.models[0], row.differences[0]
        assert (model.model, model.diverged, model.chosen, model.core_seconds) == ("mlp", 48, {}, None)
        assert (ends(model.accuracy), model.optimistic) == ((None, None, None), None)
        assert (difference.model, difference.verdict, difference.difference.value) == ("mlp", "loss", None)
    (test,) = [row for row in answer.overall if row.model == "mlp" and row.fraction == 0.1]
    assert (test.losses, test.mean_difference, test.p_value) == (2, None, 0.5)
    assert [rank.model for rank in answer.ranks[0].ranks] == ["forest", "logistic", "mlp"]


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_sizes_without_all_their_runs_are_left_out(compared):
    def score(configuration, seed):
        missing = (configuration.samples, configuration.target.split, seed) == (700, 6, 8)
        return False if missing and configuration.model.kind == "logistic" else steady(configuration, seed)

    answer, _ = compared(score)
    assert (answer.provisional, answer.left_out) == (True, 1)
    assert [(row.dataset, row.samples) for row in answer.datasets] == [
        ("plain", 70),
        ("hard", 21),
        ("hard", 210),
    ]
    assert [(row.datasets, row.p_value) for row in answer.overall if row.fraction == 1.0] == [(1, None)] * 4
    assert answer.ranks[1].critical_difference is None


def test_before_the_first_run_there_is_nothing_to_compare(compared):
    answer, _ = compared(lambda *_: False)
    assert (answer.provisional, answer.left_out, answer.budgets) == (True, 4, [])
    assert (answer.datasets, answer.overall, answer.ranks, answer.gains) == ([], [], [], [])


def test_one_split_has_means_without_limits_and_ties_only(compared):
    answer, _ = compared(steady, scored.spec_of(grid={"samples": [50, 20], "splits": 1}))
    assert [(row.samples, row.fraction) for row in answer.overall[::4]] == [(20, None), (50, None)]
    assert {one.verdict for row in answer.datasets for one in row.differences} == {"tie"}
    assert {model.accuracy.low for row in answer.datasets for model in row.models} == {None}


@pytest.mark.parametrize(
    ("models", "contenders", "baseline"),
    [
        ([{"kind": "mlp", "width": [10], "sparsity": [2]}], ["mlp"], "mlp"),
        ([{"kind": "mlp", "width": [10]}], ["mlp", "mlp-sparse", "mlp-dense"], "mlp-dense"),
        ([{"kind": "boosting", "trials": 1}, {"kind": "logistic"}], ["boosting", "logistic"], "boosting"),
    ],
)
def test_the_baseline_is_the_forest_or_what_comes_nearest(compared, models, contenders, baseline):
    answer, _ = compared(steady, scored.spec_of(models=models))
    assert [row.model for row in answer.budgets] == contenders
    assert answer.baseline == baseline


def test_of_networks_alone_both_starts_are_ranked_and_tested(compared):
    answer, _ = compared(steady, scored.spec_of(models=[{"kind": "mlp", "width": [10]}]))
    assert {rank.model for row in answer.ranks for rank in row.ranks} == {"mlp-sparse", "mlp-dense"}
    assert all(row.p_corrected is not None for row in answer.overall)


def test_another_baseline_can_be_asked_for_and_an_unknown_one_is_named_with_those_there_are(compared):
    answer, _ = compared(steady, baseline="mlp-sparse")
    assert answer.baseline == "mlp-sparse"
    assert [one.model for one in answer.datasets[0].differences] == ["mlp", "mlp-dense", "forest", "logistic"]


def test_what_cannot_be_compared_says_why(database, made, submit, spec):
    key, _ = made(steady)
    with database.read() as session:
        with pytest.raises(UnknownName, match=r"'svm'; it has mlp, mlp-sparse, mlp-dense, forest, logis"):
            comparison(session, key, baseline="svm")
        with pytest.raises(UnknownExperiment):
            comparison(session, "01JD0M3X8Z6T4Q2W9V5K7N1R3P")
    parity = submit(spec)
    with database.read() as session, pytest.raises(WrongKind, match="success-table"):
        comparison(session, parity)


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_data_set_that_was_deleted_keeps_its_name_and_loses_its_majority(database):
    with database.write() as session:
        key = scored.add(session, steady)
    with database.read() as session:
        answer = comparison(session, key)
    assert [(row.dataset, row.majority) for row in answer.datasets[::2]] == [("plain", None), ("hard", None)]
