"""Models compared on tables: accuracies with their uncertainty, differences, tests, ranks, frontiers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tombola.results._base import Answer, Limits
from tombola.results._scores import FeatureImportance
from tombola.spec import ModelKind

#: A model of a comparison; `mlp-sparse` and `mlp-dense` are the networks of one initialisation.
Contender = Literal[ModelKind, "mlp-sparse", "mlp-dense"]


class SearchBudget(Answer):
    """What tuning a model cost, at one size of one split."""

    model: Contender
    candidates: int = Field(description="Hyperparameter settings that were tried.")
    core_seconds: float = Field(description="Mean over data sets, sizes, splits and seeds of all of them.")


class ModelAccuracy(Answer):
    """How a model does on one data set at one size, its candidate chosen on validation rows alone.

    Means are over splits, of means over seeds. Limits are Student's with the variance corrected for what
    splits of one table share (Nadeau and Bengio 2003).
    """

    model: Contender
    accuracy: Limits = Field(description="On test rows.")
    auc: Limits
    optimistic: float | None = Field(
        description="Mean accuracy of the candidate that is best on the test rows: the paper's maximum over "
        "its search space. Optimistic, for it has seen the test rows."
    )
    runs: int
    diverged: int = Field(description="Runs of candidates with outputs that are not finite; never chosen.")
    chosen: dict[str, Any] = Field(description="The hyperparameters that were chosen most often.")
    core_seconds: float = Field(description="Of the chosen candidate's run, mean.")


class Difference(Answer):
    """A model against the baseline on one data set at one size, split by split and seed by seed."""

    model: Contender
    difference: Limits = Field(description="Accuracy above the baseline's; limits as in `ModelAccuracy`.")
    verdict: Literal["win", "tie", "loss"] = Field(
        description="Win and loss where the limits exclude 0; with one split there are none, so it is a tie."
    )


class DatasetComparison(Answer):
    """All models on one data set at one size."""

    dataset: str
    dataset_id: str
    fraction: float | None
    samples: int
    test_rows: int
    splits: int
    seeds: int
    majority: float = Field(description="Share of the largest class: the accuracy of always saying it.")
    models: list[ModelAccuracy]
    differences: list[Difference] = Field(description="Against the baseline; empty where it is not there.")


class OverallTest(Answer):
    """A model against the baseline over data sets, at one size."""

    fraction: float | None
    samples: int | None = Field(description="Null where sizes are fractions.")
    model: Contender
    datasets: int
    wins: int
    ties: int
    losses: int
    mean_difference: float
    median_difference: float
    p_value: float | None = Field(
        description="Wilcoxon's signed-rank test over data sets, two-sided, exact; null with fewer than two."
    )
    p_corrected: float | None = Field(
        description="Holm 1979, over all models and sizes of this comparison that are tests of their own."
    )


class MeanRank(Answer):
    """A model's mean rank over data sets: 1 is the best."""

    model: Contender
    rank: float


class Ranks(Answer):
    """Mean ranks at one size (Demšar 2006)."""

    fraction: float | None
    samples: int | None
    datasets: int
    ranks: list[MeanRank] = Field(description="Best first.")
    critical_difference: float | None = Field(
        description="Mean ranks closer than this are not told apart at the level (Nemenyi); null with fewer "
        "than two data sets."
    )
    friedman_p: float | None = Field(description="Friedman's test that all ranks are alike.")
    cliques: list[list[Contender]] = Field(description="Largest groups that are not told apart.")


class WidthGain(Answer):
    """Sparse minus dense initialisation at one width: the best of each, chosen on validation rows."""

    dataset: str
    dataset_id: str
    fraction: float | None
    samples: int
    width: int
    sparse: Limits = Field(description="Accuracy.")
    dense: Limits = Field(description="Accuracy.")
    gain: Limits = Field(description="Sparse minus dense, paired; limits as in `ModelAccuracy`.")


class Comparison(Answer):
    """Models against each other on the data sets of an experiment."""

    experiment: str
    provisional: bool = Field(description="Runs are still wanted: sizes without all of theirs are left out.")
    baseline: Contender
    level: float
    budgets: list[SearchBudget]
    equal_budgets: bool = Field(
        description="Every model had as many candidates as every other (`mlp-sparse` and `mlp-dense` apart)."
    )
    datasets: list[DatasetComparison] = Field(description="By data set and size.")
    overall: list[OverallTest]
    ranks: list[Ranks]
    gains: list[WidthGain]
    methods: str = Field(description="How all this was reckoned, in words.")


class WidthPoint(Answer):
    """Networks of one width and initialisation on one data set at one size, against the baseline."""

    dataset: str
    dataset_id: str
    fraction: float | None
    samples: int
    width: int
    sparsity: int | None
    runs: int = Field(description="Splits x seeds.")
    successes: int = Field(description="Where the accuracy reached the baseline's of the split and seed.")
    probability: float
    low: float
    high: float
    accuracy: float
    on_frontier: bool = Field(
        description="Reaches the probability, and nothing with less width and less data does."
    )


class WidthFrontier(Answer):
    """How much width and data networks need to be as good as the baseline."""

    experiment: str
    probability: float
    baseline: Contender
    against: Literal["same", "full"] = Field(
        description="The baseline at the same size, or at the largest one."
    )
    level: float
    points: list[WidthPoint]


class ModelImportance(Answer):
    """What a model reads of each column, over splits and seeds of its chosen candidate."""

    dataset: str
    dataset_id: str
    fraction: float | None
    samples: int
    model: Contender
    hyperparameters: dict[str, Any]
    runs: int
    columns: list[FeatureImportance] = Field(description="Most important first.")


class Importances(Answer):
    """What the models of an experiment read, side by side."""

    experiment: str
    models: list[ModelImportance]
