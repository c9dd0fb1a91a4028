"""Presets: ready experiments, at one or several scales, and what they cost."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from tombola.results._base import Answer
from tombola.results._experiments import DryRun, Quote
from tombola.spec import ExperimentSpec


class Scale(StrEnum):
    """How much of a preset is trained."""

    LAPTOP = "laptop"  #: half an hour of two cores at most, by the cost model
    GPU_HOUR = "gpu-hour"  #: an hour of one GPU at most, by the cost model
    FULL = "full"  #: all that the paper trained


def _only(data: dict[str, Any]) -> list[ExperimentSpec]:
    return [data["spec"]]


class Preset(Answer):
    """One or several ready experiments; those of one preset share no configuration."""

    name: str
    description: str = Field(
        description="What it shows, what was cut at this scale, and what the paper's text leaves open."
    )
    scale: Scale | None = Field(default=None, description="The scale of `specs`; null where it has only one.")
    scales: list[Scale] = Field(
        default_factory=list, description="The scales that there are, smallest first; empty without any."
    )
    spec: ExperimentSpec = Field(description="The first of `specs`.")
    specs: list[ExperimentSpec] = Field(
        default_factory=_only,
        description="All experiments: a spec has one target, so a sweep over targets has several.",
    )

    @property
    def run_count(self) -> int:
        """Number of runs over all experiments."""
        return sum(spec.run_count for spec in self.specs)


class PresetQuote(Answer):
    """What the experiments of a preset cost; nothing was stored."""

    preset: str
    scale: Scale | None = None
    experiments: list[DryRun] = Field(description="Each experiment by itself, in the order of `specs`.")
    total: Quote = Field(description="All of them together, submitted at once.")
