"""Models compared on tables: accuracies with their uncertainty, differences, tests, ranks, frontiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tombola.results._base import Answer, IntervalMethod, Limits, frame
from tombola.results._scores import FeatureImportance
from tombola.spec import ModelKind

if TYPE_CHECKING:
    import pandas as pd

#: A model of a comparison; `mlp-sparse` and `mlp-dense` are the networks of one initialisation.
Contender = Literal[ModelKind, "mlp-sparse", "mlp-dense"]
_NONE = Limits(value=None, low=None, high=None)


class SearchBudget(Answer):
    """What tuning a model cost, at one size of one split."""

    model: Contender
    candidates: int = Field(description="Hyperparameter settings that were tried.")
    fewest_candidates: int = Field(
        description="The same where they were fewest: with a budget in seconds large tables have fewer."
    )
    core_seconds: float = Field(
        description="Of a core, or of a GPU, for all of them together; mean over data sets, sizes, splits "
        "and seeds."
    )


class ModelAccuracy(Answer):
    """How a model does on one data set at one size, its candidate chosen on validation rows alone.

    Means are over splits, of means over seeds. Limits are Student's with the variance corrected for what
    splits of one table share (Nadeau and Bengio 2003); with one split there are none. A model of which all
    candidates diverged at a split and seed has no accuracy, and loses.
    """

    model: Contender
    accuracy: Limits = Field(description="On test rows.")
    auc: Limits
    optimistic: float | None = Field(
        description="Mean accuracy of the candidate that is best on the test rows: the paper's maximum over "
        "its search space. Optimistic, for it has seen the test rows."
    )
    runs: int = Field(description="Of all candidates, over splits and seeds.")
    diverged: int = Field(description="Those with outputs that are not finite; they are never chosen.")
    chosen: dict[str, Any] = Field(
        description="The hyperparameters that were chosen most often; those of a library's model that are "
        "not named have its defaults."
    )
    core_seconds: float | None = Field(description="Of the chosen candidate's run, mean.")


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
    majority: float | None = Field(
        description="Share of the largest class, the accuracy of always saying it; null of a data set that "
        "was deleted."
    )
    models: list[ModelAccuracy]
    differences: list[Difference] = Field(description="Against the baseline; empty where it is not there.")


class OverallTest(Answer):
    """A model against the baseline over data sets, at one size."""

    fraction: float | None = None
    samples: int | None = Field(default=None, description="Null where sizes are fractions.")
    model: Contender
    datasets: int
    wins: int
    ties: int
    losses: int
    diverged: int = Field(
        description="Data sets on which one of the two has no accuracy, for its runs diverged. They count as "
        "wins or losses and in the test, not in mean and median."
    )
    mean_difference: float | None = Field(
        description="Of the data sets on which both have an accuracy; null if there are none."
    )
    median_difference: float | None
    p_value: float | None = Field(
        description="Wilcoxon's signed-rank test over data sets, two-sided, exact; no accuracy is less than "
        "any. Null with fewer than two."
    )
    p_corrected: float | None = Field(
        description="Holm 1979, over all models and sizes of this comparison. `mlp-sparse` and `mlp-dense` "
        "are parts of `mlp`, no tests of their own: null, unless the baseline is a network, too."
    )


class MeanRank(Answer):
    """A model's mean rank over data sets: 1 is the best."""

    model: Contender
    rank: float


class Ranks(Answer):
    """Mean ranks at one size (Demšar 2006)."""

    fraction: float | None = None
    samples: int | None = Field(default=None, description="Null where sizes are fractions.")
    datasets: int
    ranks: list[MeanRank] = Field(description="Best first.")
    critical_difference: float | None = Field(
        description="Mean ranks closer than this are not told apart at the level (Nemenyi); null with fewer "
        "than two data sets."
    )
    friedman_p: float | None = Field(
        description="Friedman's test that all ranks are alike; null with fewer than three models or two data "
        "sets."
    )
    cliques: list[list[Contender]] = Field(description="Largest groups that are not told apart.")


class WidthGain(Answer):
    """Sparse minus dense initialisation at one width: the best of each, chosen on validation rows.

    All candidates of the width enter, whatever budget was asked for.
    """

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
    left_out: int = Field(description="Sizes of data sets that do not have all their runs.")
    baseline: Contender
    level: float
    trials: int | None = Field(
        default=None, description="Budget that was asked for, in candidates of each model."
    )
    seconds: float | None = Field(default=None, description="The same in core-seconds of a search.")
    budgets: list[SearchBudget]
    equal_budgets: bool = Field(
        description="Every model had as many candidates as every other (`mlp-sparse` and `mlp-dense` apart)."
    )
    datasets: list[DatasetComparison] = Field(description="By data set and size.")
    overall: list[OverallTest]
    ranks: list[Ranks]
    gains: list[WidthGain]
    methods: str = Field(description="How all this was reckoned, in words.")

    def to_pandas(self) -> pd.DataFrame:
        """Return a row for each data set, size and model: its accuracy, and its difference to the baseline.

        Limits are the columns accuracy_low, accuracy_high and so on.

        Raises:
            ImportError: pandas is not installed.
        """
        rows = []
        for found in self.datasets:
            place = found.model_dump(exclude={"models", "differences"})
            differences = {row.model: row for row in found.differences}
            for model in found.models:
                row = place | model.model_dump(exclude={"accuracy", "auc"})
                against = differences.get(model.model)
                own = {"accuracy": model.accuracy, "auc": model.auc}
                own["difference"] = _NONE if against is None else against.difference
                for name, limits in own.items():
                    row |= {name: limits.value, f"{name}_low": limits.low, f"{name}_high": limits.high}
                rows.append(row | {"verdict": None if against is None else against.verdict})
        return frame(rows)


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
    low: float = Field(description="Limits take splits and seeds as independent, which they are in part.")
    high: float
    accuracy: float | None = Field(description="Mean; null where all runs diverged at a split and seed.")
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
    method: IntervalMethod
    points: list[WidthPoint] = Field(description="By data set, size, width and sparsity, dense last.")

    def to_pandas(self) -> pd.DataFrame:
        """Return the points as a DataFrame.

        Raises:
            ImportError: pandas is not installed.
        """
        return frame(point.model_dump() for point in self.points).astype({"sparsity": "Int64"})


class ModelImportance(Answer):
    """What a model reads of each column: means over splits and seeds of the candidate that is chosen at each.

    `deviation` is that over shuffles, splits and seeds together.
    """

    dataset: str
    dataset_id: str
    fraction: float | None
    samples: int
    model: Contender
    hyperparameters: dict[str, Any] = Field(description="Those that were chosen most often.")
    runs: int
    columns: list[FeatureImportance] = Field(description="Most important first.")


class Importances(Answer):
    """What the models of an experiment read, side by side."""

    experiment: str
    models: list[ModelImportance]

    def to_pandas(self) -> pd.DataFrame:
        """Return a row for each data set, size, model and column.

        Raises:
            ImportError: pandas is not installed.
        """
        return frame(
            found.model_dump(exclude={"columns", "hyperparameters"}) | column.model_dump()
            for found in self.models
            for column in found.columns
        )
