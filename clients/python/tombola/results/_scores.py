"""Runs on tables: what each candidate scored on validation and test rows, and what it reads."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tombola.results._base import Answer
from tombola.spec import ModelKind


class Metrics(Answer):
    """How well a model tells the classes of some rows; null where its outputs are not finite."""

    accuracy: float | None
    auc: float | None = Field(
        description="Area under the ROC curve; with several classes the mean of each against the rest. Null "
        "where the rows lack a class."
    )
    loss: float | None = Field(description="Mean cross-entropy in nats.")


class FeatureImportance(Answer):
    """What a model reads of one column of the table."""

    column: str
    permutation: float = Field(
        description="Accuracy on test rows lost when the column is shuffled among them (Breiman 2001), mean "
        "over shuffles."
    )
    deviation: float = Field(description="Standard deviation of that over shuffles.")
    support: float | None = Field(
        default=None,
        description="Of networks: share of this column in the squared first-layer weights of the neurons "
        "that count most: the tenth with the largest norm of incoming times outgoing weights.",
    )
    initial_support: float | None = Field(
        default=None, description="Of networks: the same neurons' share before training."
    )


class Score(Answer):
    """One run: a candidate trained on one split at one size with one seed."""

    dataset: str = Field(description="As the spec names it.")
    dataset_id: str
    split: int
    samples: int = Field(description="Training rows.")
    fraction: float | None = Field(description="Of the largest training set; null where rows were asked for.")
    model: ModelKind
    candidate: int = Field(description="Which of the model's candidates, from 0.")
    hyperparameters: dict[str, Any]
    width: int | None = Field(description="Null of models without hidden layers.")
    sparsity: int | None = Field(description="Null of dense networks and of other models.")
    seed: int
    outcome: Literal["success", "diverged"]
    steps: int = Field(description="SGD steps of networks, boosting rounds, trees; 0 where neither.")
    validation: Metrics
    test: Metrics
    validation_rows: int
    test_rows: int
    wall_seconds: float
    core_seconds: float = Field(description="Of a core, or of a GPU, as many as trained it together.")
    importance: list[FeatureImportance] | None = None
