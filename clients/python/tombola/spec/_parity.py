"""The parity learner: target, grid and training settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from tombola.spec._base import AXIS, MAX_INPUTS, Contract, Identified, Samples, Sparsity, Width, distinct


class ParityTarget(Contract):
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


class Grid(Contract):
    """The axes of an experiment; its cells are their product, width slowest, sparsity fastest."""

    width: Annotated[
        list[Width],
        Field(**AXIS, description="Numbers of hidden neurons r.", examples=[[112, 304]]),
        AfterValidator(distinct),
    ]
    samples: Annotated[
        list[Samples | None],
        Field(
            **AXIS,
            description="Training-set sizes m; null trains online, on fresh samples at each step.",
            examples=[[600, 1000]],
        ),
        AfterValidator(distinct),
    ]
    sparsity: Annotated[
        list[Sparsity | None],
        Field(
            **AXIS,
            description="Coordinates s set to 1 in each neuron at the start; null is dense: U(±1/√n).",
            examples=[[2, None]],
        ),
        AfterValidator(distinct),
    ] = Field(default_factory=lambda: list[int | None]([2]))

    def points(self) -> Iterator[tuple[int, int | None, int | None]]:
        """Yield (width, samples, sparsity) of every cell, in the order of the success table."""
        return itertools.product(self.width, self.samples, self.sparsity)


class TrainingSettings(Contract):
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


class Configuration(Identified):
    """What the outcome of a run depends on besides its seed: one cell's target, coordinates and training.

    Cells of different experiments with equal configurations share their runs.
    """

    target: ParityTarget
    width: Width
    samples: Samples | None
    sparsity: Sparsity | None
    training: TrainingSettings
