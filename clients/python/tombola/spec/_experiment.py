"""The spec of an experiment, on parity or on tables."""

from __future__ import annotations

import json
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from tombola.spec._base import MAX_CELLS, MAX_RUNS, WORD_RANGE, Contract, Name
from tombola.spec._parity import Configuration, Grid, ParityTarget, TrainingSettings
from tombola.spec._seeds import AnySeeds, Seeds
from tombola.spec._tabular import TabularConfiguration, TabularSpec


class ExperimentSpec(Contract):
    """A grid of cells, many seeded runs per cell."""

    name: Name
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


_KINDS = ("parity", "tabular")


def _kind(value: Any) -> Any:  # noqa: ANN401  # any JSON value, or a model
    target = value.get("target") if isinstance(value, dict) else getattr(value, "target", None)
    if isinstance(target, dict):
        return target.get("kind", "tabular" if "datasets" in target else "parity")
    return getattr(target, "kind", "parity")


def _known_kind(value: Any) -> Any:  # noqa: ANN401  # as above
    kind = _kind(value)
    if kind not in _KINDS:
        raise PydanticCustomError(
            "target_kind",
            "must be {known}, not {found}",
            {
                "known": " or ".join(map(json.dumps, _KINDS)),
                "found": json.dumps(kind, default=str),
                "pointer": "/target/kind",
            },
        )
    return value


def _tag(value: Any) -> str:  # noqa: ANN401  # as above
    return f"target:{_kind(value)}"


#: What is submitted: its `target.kind` tells which, or without it whether it names data sets.
AnySpec = Annotated[
    Annotated[ExperimentSpec, Tag("target:parity")] | Annotated[TabularSpec, Tag("target:tabular")],
    Discriminator(_tag),
    BeforeValidator(_known_kind),
]
#: What a run depends on besides its seed.
AnyConfiguration = Configuration | TabularConfiguration

_specs: TypeAdapter[ExperimentSpec | TabularSpec] = TypeAdapter(AnySpec)


def spec_of(document: Any) -> ExperimentSpec | TabularSpec:  # noqa: ANN401  # any JSON value
    """Return the spec that a document, or a spec, is.

    Raises:
        pydantic.ValidationError: It is none.
    """
    return _specs.validate_python(document)


def spec_of_json(text: str | bytes) -> ExperimentSpec | TabularSpec:
    """Return the spec that a JSON text is; raises as `spec_of`."""
    return _specs.validate_json(text)


def configuration_of(document: dict[str, Any]) -> Configuration | TabularConfiguration:
    """Return the configuration that a stored document is."""
    tabular = document["target"]["kind"] == "tabular"
    return (TabularConfiguration if tabular else Configuration).model_validate(document)
