"""What `tombola compare` says in words."""

from __future__ import annotations

import pytest

from tests.compared import comparison, limits
from tombola.cli._compare_report import answer
from tombola.results import Difference, SearchBudget

MODELS = ("mlp", "mlp-sparse", "mlp-dense", "forest")


def verdicts(*given, models=MODELS, network="mlp-sparse"):
    """Return a comparison on one data set with these verdicts of the networks, the smallest size first."""
    made = comparison(1, models=models, fractions=[0.1, 0.3, 1.0][: len(given)])
    rows = [
        row.model_copy(
            update={"differences": [Difference(model=network, difference=limits(0.01), verdict=verdict)]}
        )
        for row, verdict in zip(made.datasets, given, strict=True)
    ]
    budgets = [
        SearchBudget(model=model, candidates=2, fewest_candidates=2, core_seconds=1.0) for model in models
    ]
    return made.model_copy(update={"datasets": rows, "budgets": budgets})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("win", "win"), "Yes."),
        (("loss", "loss"), "No."),
        (("tie",), "That cannot be told; with 200 rows (10%) the difference is within its limits."),
        (
            ("loss", "tie", "win"),
            "With 2000 rows (100%) yes, with 200 rows (10%) no; "  # noqa: ISC004  # one sentence
            "with 600 rows (30%) the difference is within its limits.",
        ),
        (
            ("win", "tie"),
            "Yes, with 200 rows (10%); with 600 rows (30%) the difference is within its limits.",
        ),
        (
            ("tie", "loss"),
            "No; with 600 rows (30%) it is behind; with 200 rows (10%) the difference is within its limits.",
        ),
    ],
)
def test_the_answer_says_where_networks_win_lose_and_are_too_close_to_call(given, said):
    assert answer(verdicts(*given)) == said


def test_without_sparse_and_dense_starts_it_is_of_all_networks():
    assert answer(verdicts("win", models=("mlp", "forest"), network="mlp")) == "Yes."
