"""Experiments on tables: which data sets, how they are split, and which models compete.

The protocol follows Grinsztajn et al. 2022 (arXiv 2207.08815), as the paper's Figure 3 does. Tuning is part
of the grid: every hyperparameter setting of a model is a cell of its own, and which one counts is chosen from
their validation scores when answers are read.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, model_validator
from pydantic_core import PydanticCustomError

from tombola.spec._base import (
    AXIS,
    MAX_CELLS,
    WORD_RANGE,
    Contract,
    Identified,
    Name,
    Samples,
    Sparsity,
    Width,
    distinct,
)
from tombola.spec._seeds import Seeds

#: Widest network of two hidden layers: their weights grow with the square of the width.
MAX_DEEP_WIDTH = 10_000
MAX_TABULAR_RUNS = 100_000
_DEEP = 3

#: Models of libraries, tuned by a search over a space of their own; the last ones come as extras.
EstimatorKind = Literal["forest", "boosting", "logistic", "lightgbm", "xgboost", "catboost", "tabm"]
ModelKind = Literal["mlp", EstimatorKind]
Optimizer = Literal["sgd", "adamw"]
Fraction = Annotated[float, Field(gt=0, le=1)]


class Protocol(Contract):
    """How a table is split and prepared: the same for every model, by table and split number alone.

    Of the rows in random order, stratified by class, the first are for training, the next for validation, the
    rest for testing. A smaller training set is a subset of a larger one; the validation set shrinks with it,
    for who has few rows has few to validate on. The test set stays.
    """

    train_share: float = Field(default=0.7, gt=0, lt=1, description="Largest training set, of all rows.")
    max_train_rows: int = Field(default=10_000, ge=2, le=10_000_000, description="Its limit in rows.")
    validation_share: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="Validation rows, of the training rows; at most this share of the rows that do not.",
    )
    max_test_rows: int = Field(default=50_000, ge=1, le=10_000_000, description="Test rows, at most.")
    encoding: Literal["one-hot", "ordinal"] = Field(default="one-hot", description="Of categorical columns.")
    labels: Literal["given", "permuted"] = Field(
        default="given",
        description="`permuted` shuffles the classes of training and validation rows: a control, at chance.",
    )

    def sizes(self, rows: int) -> tuple[int, int, int]:
        """Return the rows of the largest training set, of its validation set and of the test set."""
        train = min(int(self.train_share * rows), self.max_train_rows)
        left = rows - train
        validation = int(self.validation_share * min(left, train))
        return train, validation, min(left - validation, self.max_test_rows)

    def validation_rows(self, rows: int, samples: int) -> int:
        """Return the validation rows beside `samples` training rows, of a table of `rows`; at least one."""
        train, validation, _ = self.sizes(rows)
        return max(1, round(validation * samples / train))


class TabularTarget(Contract):
    """The classes of one or more data sets."""

    kind: Literal["tabular"] = "tabular"
    datasets: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]],
        Field(min_length=1, max_length=100, description="Ids or names.", examples=[["california", "pol"]]),
        AfterValidator(distinct),
    ]
    protocol: Protocol = Field(default_factory=Protocol)


class TabularGrid(Contract):
    """Training-set sizes, as fractions of the largest or as rows, and splits."""

    fractions: (
        Annotated[
            list[Fraction],
            Field(**AXIS, description="Of the largest training set of each data set.", examples=[[0.1, 1.0]]),
            AfterValidator(distinct),
        ]
        | None
    ) = None
    samples: (
        Annotated[
            list[Annotated[Samples, Field(ge=2)]],
            Field(**AXIS, description="In rows, in place of fractions.", examples=[[100, 1000]]),
            AfterValidator(distinct),
        ]
        | None
    ) = None
    splits: int = Field(default=5, ge=1, le=1_000, description="Splits of each data set.")
    first_split: int = Field(default=0, ge=0, lt=WORD_RANGE, description="Number of the first split.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.fractions is None) == (self.samples is None):
            raise PydanticCustomError(
                "sizes", "give training-set sizes either as fractions or as samples, one of the two"
            )
        if self.first_split + self.splits > WORD_RANGE:
            raise PydanticCustomError("split_range", "first_split + splits must be at most 2^32 = 4294967296")
        return self

    @property
    def size_count(self) -> int:
        """Number of training-set sizes."""
        return len(self.samples or self.fractions or ())

    def sizes(self, train_rows: int) -> list[int]:
        """Return training rows by size, for a largest training set of `train_rows`."""
        if self.samples is not None:
            return list(self.samples)
        return [max(1, round(fraction * train_rows)) for fraction in self.fractions or ()]

    def split_numbers(self) -> range:
        """Return the numbers of the splits."""
        return range(self.first_split, self.first_split + self.splits)


class _Steps(Contract):
    """How networks train; each step takes a mini-batch drawn with replacement."""

    batch_size: int = Field(default=64, ge=1, le=4096, description="Rows per step.")
    max_steps: int = Field(default=5_000, ge=1, le=1_000_000, description="Step budget of a run.")
    eval_every: int = Field(
        default=100, ge=1, le=1_000_000, description="Steps between evaluations on the validation rows."
    )
    patience: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=10,
        description="Evaluations without a better one after which training ends; null trains to the budget. "
        "The parameters of the best evaluation count, unless outputs stop being finite: that run diverged.",
    )


class MlpModel(_Steps):
    """One network: ReLU layers of one width, all parameters trained, cross-entropy.

    `depth` counts layers of weights: 2 is the paper's f(x) = U relu(W x + b) + c, 3 has a second hidden
    layer of the same width. `sparsity` is of the first layer; deeper ones start dense.
    """

    kind: Literal["mlp"] = "mlp"
    width: Width
    depth: Literal[2, 3]
    sparsity: Sparsity | None
    optimizer: Optimizer
    learning_rate: float = Field(gt=0, le=1e6)
    weight_decay: float = Field(ge=0, le=1e6)


class EstimatorModel(Contract):
    """One hyperparameter setting of a library's model; what is not named has the library's default."""

    kind: EstimatorKind
    hyperparameters: dict[str, float | int | str | bool | None]

    def __hash__(self) -> int:
        return hash((self.kind, frozenset(self.hyperparameters.items())))

    @property
    def width(self) -> None:
        """None: it has no hidden layer of ours."""

    @property
    def sparsity(self) -> None:
        """None, as the width."""


AnyModel = Annotated[MlpModel | EstimatorModel, Discriminator("kind")]

_Rate = Annotated[float, Field(gt=0, le=1e6)]
_Decay = Annotated[float, Field(ge=0, le=1e6)]


class MlpModels(_Steps):
    """Networks; the candidates are the product of all the lists."""

    kind: Literal["mlp"] = "mlp"
    width: Annotated[
        list[Width],
        Field(**AXIS, description="Neurons of a hidden layer.", examples=[[100, 1000]]),
        AfterValidator(distinct),
    ]
    depth: Annotated[
        list[Literal[2, 3]],
        Field(**AXIS, description="Layers of weights: 2 has one hidden layer, 3 has two."),
        AfterValidator(distinct),
    ] = Field(default_factory=lambda: list[Literal[2, 3]]([2]))
    sparsity: Annotated[
        list[Sparsity | None],
        Field(**AXIS, description="Features s set to 1 in each first-layer neuron; null is dense: U(±1/√d)."),
        AfterValidator(distinct),
    ] = Field(default_factory=lambda: list[int | None]([2, None]))
    optimizer: Annotated[list[Optimizer], Field(**AXIS), AfterValidator(distinct)] = Field(
        default_factory=lambda: list[Optimizer](["sgd"])
    )
    learning_rate: Annotated[list[_Rate], Field(**AXIS), AfterValidator(distinct)] = Field(
        default_factory=lambda: [0.1, 0.01]
    )
    weight_decay: Annotated[
        list[_Decay],
        Field(**AXIS, description="SGD: inside the gradient; AdamW: decoupled."),
        AfterValidator(distinct),
    ] = Field(default_factory=lambda: [0.0])

    @property
    def candidate_count(self) -> int:
        """Number of candidates."""
        axes = (self.width, self.depth, self.sparsity, self.optimizer, self.learning_rate, self.weight_decay)
        count = 1
        for axis in axes:
            count *= len(axis)
        return count

    def candidates(self) -> Iterator[MlpModel]:
        """Yield the candidates, width slowest, weight decay fastest."""
        steps = self.model_dump(include=set(_Steps.model_fields))
        names = ("width", "depth", "sparsity", "optimizer", "learning_rate", "weight_decay")
        for point in itertools.product(*(getattr(self, name) for name in names)):
            yield MlpModel(**dict(zip(names, point, strict=True)), **steps)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for index, width in enumerate(self.width):
            if _DEEP in self.depth and width > MAX_DEEP_WIDTH:
                raise PydanticCustomError(
                    "width_too_large",
                    "networks of depth 3 have at most {limit} neurons in a layer, not {width}: "
                    "list wider ones in a model of depth 2",
                    {"limit": MAX_DEEP_WIDTH, "width": width, "pointer": f"/width/{index}"},
                )
        return self


class EstimatorModels(Contract):
    """Candidates of a library's model: defaults, then a stratified search over its space."""

    kind: EstimatorKind
    trials: int = Field(
        default=8, ge=1, le=1_000, description="Hyperparameter settings, a default the first."
    )
    candidates: (
        Annotated[
            list[Annotated[int, Field(ge=0)]],
            Field(
                **AXIS, description="Only these of them, by number; null takes them all.", examples=[[0, 5]]
            ),
            AfterValidator(distinct),
        ]
        | None
    ) = None

    @property
    def numbers(self) -> Sequence[int]:
        """Numbers of the candidates."""
        return range(self.trials) if self.candidates is None else self.candidates

    @property
    def candidate_count(self) -> int:
        """Number of candidates."""
        return len(self.numbers)

    @model_validator(mode="after")
    def _among_the_trials(self) -> Self:
        for index, number in enumerate(self.candidates or ()):
            if number >= self.trials:
                raise PydanticCustomError(
                    "no_such_candidate",
                    "with {trials} trials the candidates are 0 to {last}, and this one is {number}",
                    {
                        "trials": self.trials,
                        "last": self.trials - 1,
                        "number": number,
                        "pointer": f"/candidates/{index}",
                    },
                )
        return self


AnyModels = Annotated[MlpModels | EstimatorModels, Discriminator("kind")]


class TabularTask(Contract):
    """One split of one data set.

    Attributes:
        rows, features, classes: Of the table, encoded; they follow from its content, and tell what runs cost.
    """

    kind: Literal["tabular"] = "tabular"
    dataset: str = Field(min_length=64, max_length=64)
    rows: int
    features: int
    classes: int
    split: int = Field(ge=0, lt=WORD_RANGE)
    protocol: Protocol


class TabularConfiguration(Identified):
    """What the outcome of a run on a table depends on besides its seed, that of the training."""

    target: TabularTask
    samples: Samples
    model: AnyModel
    importance: bool

    @property
    def width(self) -> int | None:
        """Neurons of a hidden layer, None of models that have none."""
        return self.model.width

    @property
    def sparsity(self) -> int | None:
        """First-layer sparsity, None where it starts dense or there is none."""
        return self.model.sparsity


class TabularSpec(Contract):
    """Models against each other on tables: every candidate at every size of every split of every data set."""

    name: Name
    target: TabularTarget
    grid: TabularGrid
    models: Annotated[list[AnyModels], Field(min_length=1, max_length=20)]
    seeds: Seeds = Field(
        default_factory=lambda: Seeds(count=1), description="Training seeds, apart from the splits."
    )
    importance: bool = Field(
        default=False,
        description="Measure what each run's model reads: permutation importances, first-layer weights.",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "forests and networks",
                    "target": {"kind": "tabular", "datasets": ["california", "pol"]},
                    "grid": {"fractions": [0.01, 0.1, 1.0], "splits": 5},
                    "models": [
                        {"kind": "mlp", "width": [100, 1000], "sparsity": [2, None]},
                        {"kind": "forest", "trials": 8},
                        {"kind": "logistic", "trials": 1},
                    ],
                }
            ]
        }
    )

    @property
    def cell_count(self) -> int:
        """Number of cells: data sets x splits x sizes x candidates."""
        candidates = sum(models.candidate_count for models in self.models)
        return len(self.target.datasets) * self.grid.splits * self.grid.size_count * candidates

    @property
    def run_count(self) -> int:
        """Number of runs asked for, over all cells."""
        return self.cell_count * self.seeds.count

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        kinds = [models.kind for models in self.models]
        for index, kind in enumerate(kinds):
            if kind != "mlp" and kind in kinds[:index]:
                raise PydanticCustomError(
                    "model_twice",
                    "{kind} stands twice: give it once, with more trials",
                    {"kind": kind, "pointer": f"/models/{index}/kind"},
                )
        for count, limit, what, pointer in (
            (self.cell_count, MAX_CELLS, "cells", "/grid"),
            (self.run_count, MAX_TABULAR_RUNS, "runs", "/seeds/count"),
        ):
            if count > limit:
                raise PydanticCustomError(
                    "too_many",
                    "an experiment on tables has at most {limit} {what}; this one has {count}: split it",
                    {"limit": limit, "what": what, "count": count, "pointer": pointer},
                )
        return self
