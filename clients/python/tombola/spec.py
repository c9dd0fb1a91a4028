"""The contract for what is asked: the experiment spec and the configurations it expands to.

Every program that talks to Tombola reads these models: the API validates with them, the client sends
them, the engine trains from them. The facts come from Edelman et al. 2023 (arXiv 2309.03800).
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

MAX_INPUTS = 1_000
MAX_WIDTH = 100_000
MAX_SAMPLES = 10_000_000
MAX_CELLS = 10_000
MAX_RUNS = 1_000_000
#: Most runs of a cell whose number is decided by what they show.
MAX_ADAPTIVE_RUNS = 10_000
#: Seeds, sample numbers and step numbers are 32-bit words of the random generator's counter.
WORD_RANGE = 2**32


class _Contract(BaseModel):
    """Strict (no "50" for 50), closed (no unknown fields), immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    def canonical_json(self) -> str:
        """Return the JSON text that identifies this: sorted keys, no spaces."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def _distinct(values: list[int | None]) -> list[int | None]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise PydanticCustomError(
                "duplicate_value",
                "each value may stand once on an axis, but {value} stands twice",
                {"value": "null" if value is None else value},
            )
    return values


def _printable(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise PydanticCustomError(
            "unprintable_name",
            "a name is printable text on one line, with no space before or after it",
        )
    return name


Width = Annotated[int, Field(ge=1, le=MAX_WIDTH)]
Samples = Annotated[int, Field(ge=1, le=MAX_SAMPLES)]
Sparsity = Annotated[int, Field(ge=1, le=MAX_INPUTS)]
_AXIS = {"min_length": 1, "max_length": 1_000}


class ParityTarget(_Contract):
    """The (n, k)-sparse parity: y is the product of k hidden coordinates of x, x uniform on {-1, +1}^n."""

    kind: Literal["parity"] = "parity"
    n: int = Field(ge=1, le=MAX_INPUTS, description="Input dimension.", examples=[50])
    k: int = Field(ge=1, description="Size of the hidden support; at most n.", examples=[3])

    @model_validator(mode="after")
    def _support_fits(self) -> Self:
        if self.k > self.n:
            raise PydanticCustomError(
                "support_too_large",
                "k must be at most n: a support of {k} coordinates does not fit into {n}",
                {"k": self.k, "n": self.n},
            )
        return self


class Grid(_Contract):
    """The axes of an experiment; its cells are their product, width slowest, sparsity fastest."""

    width: Annotated[
        list[Width],
        Field(**_AXIS, description="Numbers of hidden neurons r.", examples=[[112, 304]]),
        AfterValidator(_distinct),
    ]
    samples: Annotated[
        list[Samples | None],
        Field(
            **_AXIS,
            description="Training-set sizes m; null trains online, on fresh samples at each step.",
            examples=[[600, 1000]],
        ),
        AfterValidator(_distinct),
    ]
    sparsity: Annotated[
        list[Sparsity | None],
        Field(
            **_AXIS,
            description="Coordinates s set to 1 in each neuron at the start; null is dense: U(±1/√n).",
            examples=[[2, None]],
        ),
        AfterValidator(_distinct),
    ] = Field(default_factory=lambda: list[int | None]([2]))

    def points(self) -> Iterator[tuple[int, int | None, int | None]]:
        """Yield (width, samples, sparsity) of every cell, in the order of the success table."""
        return itertools.product(self.width, self.samples, self.sparsity)


class TrainingSettings(_Contract):
    """How each run trains; the defaults are the paper's (section 4 and appendix)."""

    learning_rate: float = Field(default=0.1, gt=0, le=1e6, description="Step size of SGD.")
    weight_decay: float = Field(
        default=0.01,
        ge=0,
        le=1e6,
        description="L2 factor on all parameters, inside the gradient (torch.optim.SGD).",
    )
    batch_size: Annotated[int, Field(ge=1, le=4096)] | Literal["full"] = Field(
        default=32,
        description="Samples per step, drawn with replacement; `full` is full-batch gradient descent.",
    )
    max_steps: int = Field(default=100_000, ge=1, le=1_000_000, description="Step budget of a run.")
    loss: Literal["hinge", "logistic", "squared"] = "hinge"
    eval_every: int = Field(
        default=500,
        ge=1,
        le=1_000_000,
        description="Steps between evaluations; there is one at max_steps in any case.",
    )
    test_samples: int = Field(default=2048, ge=1, le=100_000, description="Fresh samples of an evaluation.")
    success_error: float = Field(
        default=0.1,
        ge=0,
        lt=0.5,
        description="A run succeeds at the first evaluation with at most this test error.",
    )


class Seeds(_Contract):
    """A fixed number of seeds for every cell: start, start + 1, ..., start + count - 1."""

    count: int = Field(default=50, ge=1, le=MAX_RUNS, description="Runs per cell.", examples=[24])
    start: int = Field(default=0, ge=0, lt=WORD_RANGE, description="First seed.")

    @property
    def most(self) -> int:
        """The most runs that a cell can take: `count`."""
        return self.count

    @model_validator(mode="after")
    def _words(self) -> Self:
        if self.start + self.count > WORD_RANGE:
            raise PydanticCustomError("seed_range", "start + count must be at most 2^32 = 4294967296")
        return self


class _AdaptiveSeeds(_Contract):
    """As many of the seeds start, start + 1, ... for each cell as its runs, in this order, call for."""

    mode: Literal["adaptive"] = "adaptive"
    max: int = Field(
        default=200, ge=1, le=MAX_ADAPTIVE_RUNS, description="Runs after which a cell is left undecided."
    )
    start: int = Field(default=0, ge=0, lt=WORD_RANGE, description="First seed.")
    level: float = Field(
        default=0.95,
        ge=0.5,
        le=0.9999,
        description="Level of the confidence sequence that decides: right at whatever run a cell stops.",
    )

    # Both have defaults for Python's sake; JSON tells the kinds of seeds apart by them.
    model_config = ConfigDict(json_schema_extra={"required": ["mode", "goal"]})

    @property
    def most(self) -> int:
        """The most runs that a cell can take: `max`."""
        return self.max

    @model_validator(mode="after")
    def _words(self) -> Self:
        if self.start + self.max > WORD_RANGE:
            raise PydanticCustomError("seed_range", "start + max must be at most 2^32 = 4294967296")
        return self


class BoundarySeeds(_AdaptiveSeeds):
    """Runs only until each cell's success probability is known to be above or below `probability`."""

    goal: Literal["boundary"] = "boundary"
    probability: float = Field(
        default=0.5, gt=0, lt=1, description="A cell stops when its interval is above or below this."
    )


class HalfWidthSeeds(_AdaptiveSeeds):
    """Runs only until each cell's interval is narrow."""

    goal: Literal["half_width"] = "half_width"
    half_width: float = Field(
        default=0.1,
        gt=0,
        lt=0.5,
        description="A cell stops when half its interval's width is at most this.",
    )


AdaptiveSeeds = BoundarySeeds | HalfWidthSeeds
_GOALS = {"boundary": BoundarySeeds, "half_width": HalfWidthSeeds}


def _known_mode(value: Any) -> Any:  # noqa: ANN401  # any JSON value
    if not isinstance(value, dict) or not {"mode", "goal"} & value.keys():
        return value
    for name, known in (("mode", ("adaptive",)), ("goal", tuple(_GOALS))):
        if value.get(name) not in known:
            raise PydanticCustomError(
                "seeds_kind",
                "must be {known}, not {found}; seeds of a fixed number have count and start only",
                {
                    "known": " or ".join(map(json.dumps, known)),
                    "found": json.dumps(value[name], default=str) if name in value else "left out",
                    "pointer": f"/{name}",
                },
            )
    return value


def _kind_of_seeds(value: Any) -> str:  # noqa: ANN401  # any JSON value, or a model
    goal = value.get("goal") if isinstance(value, dict) else getattr(value, "goal", None)
    return f"seeds:{goal or 'fixed'}"


#: Without `mode` a fixed number; else adaptive, by `goal`.
AnySeeds = Annotated[
    Annotated[Seeds, Tag("seeds:fixed")]
    | Annotated[BoundarySeeds, Tag("seeds:boundary")]
    | Annotated[HalfWidthSeeds, Tag("seeds:half_width")],
    Discriminator(_kind_of_seeds),
    BeforeValidator(_known_mode),
]


class Configuration(_Contract):
    """What the outcome of a run depends on besides its seed: one cell's target, coordinates and training.

    Cells of different experiments with equal configurations share their runs.
    """

    target: ParityTarget
    width: Width
    samples: Samples | None
    sparsity: Sparsity | None
    training: TrainingSettings

    def hash(self) -> str:
        """Return the SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


class ExperimentSpec(_Contract):
    """A grid of cells, many seeded runs per cell."""

    name: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
    target: ParityTarget
    grid: Grid
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    seeds: AnySeeds = Field(
        default_factory=Seeds,
        description="How many runs for each cell: a fixed number, or as many as its goal needs.",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "n50-k3",
                    "target": {"kind": "parity", "n": 50, "k": 3},
                    "grid": {"width": [112, 304], "samples": [600, 1000], "sparsity": [2, None]},
                    "training": {"max_steps": 50_000},
                    "seeds": {"count": 24, "start": 0},
                },
                {
                    "name": "n50-k3-frontier",
                    "target": {"kind": "parity", "n": 50, "k": 3},
                    "grid": {"width": [112, 304], "samples": [600, 1000], "sparsity": [2, None]},
                    "seeds": {"mode": "adaptive", "goal": "boundary", "probability": 0.5, "max": 200},
                },
            ]
        }
    )

    @property
    def cell_count(self) -> int:
        """Number of cells of the grid."""
        return len(self.grid.width) * len(self.grid.samples) * len(self.grid.sparsity)

    @property
    def run_count(self) -> int:
        """Number of runs asked for, over all cells; with adaptive seeds the most that it can be."""
        return self.cell_count * self.seeds.most

    def configurations(self) -> list[Configuration]:
        """Return the configuration of every cell, in the order of the success table."""
        return [
            Configuration(
                target=self.target, width=width, samples=samples, sparsity=sparsity, training=self.training
            )
            for width, samples, sparsity in self.grid.points()
        ]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for index, sparsity in enumerate(self.grid.sparsity):
            if sparsity is not None and sparsity > self.target.n:
                raise PydanticCustomError(
                    "sparsity_too_large",
                    "sparsity must be at most n = {n}, or null for dense; this one is {sparsity}",
                    {
                        "sparsity": sparsity,
                        "n": self.target.n,
                        "pointer": f"/grid/sparsity/{index}",
                    },
                )
        if None in self.grid.samples:
            self._check_online()
        if self.cell_count > MAX_CELLS:
            raise PydanticCustomError(
                "too_many_cells",
                "a grid has at most {limit} cells; this one has {cells}: split it into several experiments",
                {"limit": MAX_CELLS, "cells": self.cell_count, "pointer": "/grid"},
            )
        if self.run_count > MAX_RUNS:
            raise PydanticCustomError(
                "too_many_runs",
                "an experiment has at most {limit} runs; this one asks for {runs}: "
                "use fewer seeds or cells, or split it",
                {
                    "limit": MAX_RUNS,
                    "runs": self.run_count,
                    "pointer": "/seeds/count" if isinstance(self.seeds, Seeds) else "/seeds/max",
                },
            )
        return self

    def _check_online(self) -> None:
        index = self.grid.samples.index(None)
        batch_size = self.training.batch_size
        if batch_size == "full":
            raise PydanticCustomError(
                "full_batch_online",
                'batch_size "full" needs a training set: give grid.samples numbers only, not null',
                {"pointer": f"/grid/samples/{index}"},
            )
        if self.training.max_steps * batch_size > WORD_RANGE:
            raise PydanticCustomError(
                "online_too_long",
                "online training numbers its samples with 32 bits: "
                "max_steps x batch_size must be at most 2^32",
                {"pointer": "/training/max_steps"},
            )
