"""What a comparison says in words, of answers that are made up."""

from __future__ import annotations

import pytest
from rich.console import Console

from tombola.cli import _comparison
from tombola.results import (
    Comparison,
    DatasetComparison,
    Difference,
    Limits,
    MeanRank,
    ModelAccuracy,
    OverallTest,
    Ranks,
    SearchBudget,
    WidthGain,
)

NONE = Limits(value=None, low=None, high=None)
PLACE = {"dataset_id": "0" * 64, "fraction": 0.1, "samples": 100}


def limits(value):
    return Limits(value=value, low=value - 0.01, high=value + 0.01)


@pytest.fixture
def made():
    """Return `made({data set: difference}, …)`: networks against a baseline at a tenth of the rows."""

    def make(differences, *, baseline="forest", p_corrected=0.03, **fields):
        verdict = {True: "win", False: "loss"}
        rows = [
            DatasetComparison(
                dataset=name,
                **PLACE,
                test_rows=300,
                splits=5,
                seeds=1,
                majority=0.5,
                models=[
                    ModelAccuracy(
                        model=model,
                        accuracy=accuracy,
                        auc=NONE,
                        optimistic=None,
                        runs=5,
                        diverged=0,
                        chosen={},
                        core_seconds=1.0,
                    )
                    for model, accuracy in (
                        ("mlp", NONE if value is None else limits(0.8 + value)),
                        (baseline, limits(0.8)),
                    )
                ],
                differences=[
                    Difference(
                        model="mlp",
                        difference=NONE if value is None else limits(value),
                        verdict="loss"
                        if value is None
                        else "tie"
                        if abs(value) < 0.01
                        else verdict[value > 0],
                    )
                ],
            )
            for name, value in differences.items()
        ]
        known = [value for value in differences.values() if value is not None]
        overall = OverallTest(
            fraction=0.1,
            model="mlp",
            datasets=len(rows),
            wins=0,
            ties=0,
            losses=0,
            diverged=len(rows) - len(known),
            mean_difference=sum(known) / len(known) if known else None,
            median_difference=None,
            p_value=0.01,
            p_corrected=p_corrected,
        )
        answer = {
            "experiment": "01A",
            "provisional": False,
            "left_out": 0,
            "baseline": baseline,
            "level": 0.95,
            "budgets": [
                SearchBudget(model=name, candidates=8, fewest_candidates=8, core_seconds=9.0)
                for name in ("mlp", baseline)
            ],
            "equal_budgets": True,
            "datasets": rows,
            "overall": [overall] if rows else [],
            "ranks": [],
            "gains": [],
            "methods": "",
        }
        return Comparison(**answer | fields)

    return make


def test_it_names_who_wins_where_and_how_sure_that_is(made):
    said = _comparison.summary(made({"a": 0.03, "b": -0.02, "c": -0.04, "d": 0.001, "e": -0.005}))
    assert said == (
        "At 10% of the training rows the forest wins on b and c, the networks win on a, 2 data sets are too "
        "close to call. Over 5 data sets the networks are 0.7 points below, corrected p 0.03."
    )


def test_an_uncorrected_p_value_is_called_so(made):
    said = _comparison.summary(made({"a": 0.03, "b": 0.05}, p_corrected=None))
    assert said.endswith("win on a and b. Over 2 data sets the networks are 4.0 points above, p 0.01.")


def test_networks_that_diverged_lose_without_a_number(made):
    said = _comparison.summary(made({"a": None}))
    assert said == "At 10% of the training rows the forest wins on a, the networks win nowhere."
    said = _comparison.summary(made({"a": None, "b": 0.03, "c": 0.05}))
    assert said.endswith(
        "Over 2 data sets the networks are 4.0 points above, corrected p 0.03 "
        "(which counts the 3, with those where runs diverged)."
    )


def test_what_limits_the_answer_is_said(made):
    said = _comparison.summary(made({"a": 0.0}, provisional=True, left_out=3, equal_budgets=False))
    assert "The tuning budgets were not equal" in said
    assert said.endswith("provisional: 3 sizes of data sets lack runs and are left out.")
    assert _comparison.summary(made({})) == "No data set has all runs of a size yet."


def test_another_model_that_is_best_is_named_and_so_are_gains_of_sparse_starts(made):
    ranks = Ranks(
        fraction=0.1,
        datasets=2,
        ranks=[MeanRank(model="boosting", rank=1.0), MeanRank(model="forest", rank=2.0)],
        critical_difference=1.4,
        friedman_p=None,
        cliques=[],
    )
    gains = [
        WidthGain(dataset="a", **PLACE, width=10, sparse=NONE, dense=NONE, gain=gain)
        for gain in (limits(0.02), limits(-0.02), limits(0.0), NONE)
    ]
    said = _comparison.summary(made({"a": 0.0}, ranks=[ranks], gains=gains))
    assert "The best mean rank of all has boosting at 10% of the training rows." in said
    assert "Of 3 pairs of sparse and dense networks" in said
    assert "better in 1 and worse in 1." in said


def test_the_best_is_marked_and_what_diverged_is_named(made):
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(*_comparison.render(made({"a": 0.03, "b": None})), sep="\n")
    table = capture.get().splitlines()
    assert table[2].split() == ["a", "100", "50.0", "83.0", "±", "1.0", "*", "80.0", "±", "1.0"]
    assert table[3].split() == ["b", "100", "50.0", "diverged", "80.0", "±", "1.0", "*"]
