"""Success tables, and the runs and curves behind them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import Field

from tombola.results._base import Answer, Interval, frame
from tombola.results._experiments import Decision

if TYPE_CHECKING:
    import pandas as pd


class Outcome(StrEnum):
    """How a run ended. Success: test error at most `success_error` at an evaluation within `max_steps`.

    Runs on tables have no such goal: each that ends with a score is a success.
    """

    SUCCESS = "success"
    CENSORED = "censored"  #: not successful within the budget
    DIVERGED = "diverged"  #: a non-finite loss or output; a failure, reported apart


class Cell(Answer):
    """One row of the success table."""

    width: int
    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    runs: int = Field(description="Finished runs.")
    runs_total: int = Field(description="Runs asked for; with adaptive seeds so far.")
    successes: int
    censored: int
    diverged: int
    probability: float | None = Field(description="successes / runs; null before the first run.")
    interval: Interval | None
    median_steps: float | None = Field(
        description="Kaplan-Meier median of steps to success, failures as never; null if under half succeed."
    )
    median_steps_low: float | None = Field(
        default=None, description="Lower confidence limit of it, by the method of the interval."
    )
    median_steps_high: float | None = Field(
        default=None, description="Upper confidence limit of it; null where it is not reached."
    )
    decision: Decision | None = Field(
        default=None, description="With adaptive seeds, what the runs show; null with a fixed number."
    )


class SuccessTable(Answer):
    """Success counts and probabilities of every cell."""

    experiment: str
    cells: list[Cell]

    def __iter__(self) -> Iterator[Cell]:  # type: ignore[override]  # rows, not pydantic's field pairs
        """Iterate over the rows."""
        return iter(self.cells)

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a DataFrame, one column a field, the interval as `low` and `high`.

        Raises:
            ImportError: pandas is not installed.
        """
        rows: list[dict[str, Any]] = []
        for cell in self.cells:
            row = cell.model_dump(exclude={"interval"})
            row["low"] = cell.interval.low if cell.interval else None
            row["high"] = cell.interval.high if cell.interval else None
            rows.append(row)
        # Whole numbers with gaps: without this, pandas would show 600 samples as 600.0.
        return frame(rows).astype({"samples": "Int64", "sparsity": "Int64"})


class Run(Answer):
    """One configuration trained with one seed."""

    cell: int = Field(description="Row of the success table, from 0.")
    width: int
    samples: int | None
    sparsity: int | None
    seed: int
    outcome: Outcome
    steps: int = Field(description="Steps to success, or trained without it.")
    train_error: float | None = Field(description="Final error on the training set; null online.")
    test_error: float | None = Field(description="Final error on fresh samples; null if diverged.")
    wall_seconds: float = Field(
        description="The run's share of its worker's training time; those of a shard's runs add up to it."
    )
    flops: float
    engine: str
    device: str
    versions: dict[str, str] = Field(description="Software that trained it.")
    finished_at: datetime


class Curve(Answer):
    """Errors of one run at its evaluations; null where not finite or where there is no training set."""

    cell: int
    seed: int
    steps: list[int]
    train_error: list[float | None]
    test_error: list[float | None]
