"""Frontiers, and how little suffices."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tombola.results._base import Answer, Limits
from tombola.results._tables import Cell

#: What a frontier minimises (`probability` is maximised). `sparsity` is a label: only cells with the same one
#: are compared. `steps` and `flops` are medians to success, `cost` the expected FLOPs to a first success.
Objective = Literal["width", "samples", "sparsity", "steps", "flops", "cost", "probability"]


#: What is known of a cell's place on the frontier, at the answer's level.
Mark = Literal["certain", "possible", "dominated"]


class FrontierCell(Answer):
    """What is known of one cell's place on the frontier."""

    width: int
    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    mark: Mark = Field(
        description="`certain`: it reaches the probability by its lower limit, and no cell that could reach "
        "it by its upper limit could dominate it. `dominated`: it cannot reach it by its upper limit, or a "
        "cell that reaches it by its lower limit dominates it whatever the limits. `possible`: all else."
    )
    frontier_probability: float | None = Field(
        description="Share of the resamples in which it is on the frontier; null with too many cells."
    )
    objectives: dict[str, Limits] = Field(description="Those of its objectives that are measured.")


class Frontier(Answer):
    """The cells that reach the probability and that no other such cell beats in all objectives."""

    experiment: str
    probability: float = Field(description="0 where any probability will do.")
    points: list[Cell] = Field(description="Of the frontier by what was observed.")
    objectives: list[Objective] = Field(default_factory=lambda: list[Objective](["width", "samples"]))
    level: float | None = Field(default=None, description="Confidence level of limits and marks, one by one.")
    method: str | None = Field(default=None, description="How the limits of probabilities are made.")
    resamples: int = Field(default=0, description="Repetitions of the bootstrap.")
    cells: list[FrontierCell] = Field(
        default_factory=list, description="Every cell, in the order of the table."
    )


class FitPoint(Answer):
    """Observed and fitted success probability at one width or number of samples."""

    at: int
    runs: int
    successes: int
    probability: float | None
    fit: float | None = Field(description="Isotonic fit: never falls along the axis; null without runs.")
    low: float
    high: float


class _Smallest(Answer):
    observed: int | None = Field(description="Smallest one whose observed probability reaches it.")
    fitted: int | None = Field(description="Smallest one whose fitted probability reaches it.")
    low: int | None = Field(description="Lower confidence limit of the smallest one.")
    high: int | None = Field(description="Upper confidence limit; null where it may be above all there are.")
    curve: list[FitPoint]


class SmallestSamples(_Smallest):
    """The smallest training set that suffices for a width; null is none of those there are."""

    width: int
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")


class SmallestWidth(_Smallest):
    """The smallest width that suffices for a training set; null is none of those there are."""

    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")


class Thresholds(Answer):
    """How little data suffices for each width, and how little width for each amount of data.

    The fit and the limits take it that more data and more width are no worse.
    """

    experiment: str
    probability: float
    level: float
    method: str = Field(description="How the intervals are made, on which the limits rest.")
    samples: list[SmallestSamples] = Field(description="By width; online cells are left out.")
    widths: list[SmallestWidth] = Field(description="By number of samples, online last.")
