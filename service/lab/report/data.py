"""The runs of an experiment as arrays: width by samples by sparsity by seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy.orm import Session

from service.lab import allocation
from service.store import cells, reports
from tombola.spec import ExperimentSpec, Seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.store.models import Cell
    from service.store.reports import Column

    Flags = NDArray[np.bool_]
    Numbers = NDArray[np.float64]

#: The test error of a run that diverged: a network without an answer guesses.
GUESSING = 0.5


@dataclass(frozen=True)
class Outcomes:
    """Complete cells and their runs; W widths, M samples and S sparsities, rising, online and dense last.

    Attributes:
        complete: Whether a cell has all the runs that it enters with; shape (W, M, S).
        success: Whether a run succeeded; shape (W, M, S, seeds), as all below; False where a cell is not
            complete.
        steps: Steps to success, infinite without one.
        test_error: Final error on fresh samples.
        counts: Runs and successes of the complete cells, of all their seeds; shape (2, W, M, S).
        stopped: Whether the runs themselves decided how many there are. Then `success` and the like are those
            of the first round, which every cell has whatever it shows.
        positions: Row of the success table of each cell; shape (W, M, S).
    """

    spec: ExperimentSpec
    widths: list[int]
    samples: list[int | None]
    sparsities: list[int | None]
    complete: Flags
    success: Flags
    steps: Numbers
    test_error: Numbers
    counts: NDArray[np.int64]
    stopped: bool
    positions: NDArray[np.int64]

    @property
    def seeds(self) -> int:
        """Seeds of each cell."""
        return int(self.success.shape[-1])

    @property
    def finite(self) -> list[int]:
        """The training-set sizes; online has none, and is last."""
        return [size for size in self.samples if size is not None]

    @property
    def first_evaluation(self) -> int:
        """The first step at which a run can succeed."""
        return min(self.spec.training.eval_every, self.spec.training.max_steps)


def seeds_used(spec: ExperimentSpec) -> int:
    """Return how many seeds of each cell enter: all, or with adaptive seeds the first round."""
    return spec.seeds.count if isinstance(spec.seeds, Seeds) else allocation.rounds(spec.seeds)[0]


def read(session: Session, experiment_id: str, spec: ExperimentSpec) -> Outcomes:
    """Return the runs of an experiment."""
    seeds = seeds_used(spec)
    rows = cells.of(session, experiment_id)
    return arrange(spec, rows, reports.columns(session, experiment_id, seeds=seeds), seeds)


def arrange(spec: ExperimentSpec, rows: Sequence[Cell], found: Iterable[Column], seeds: int) -> Outcomes:
    """Return runs as arrays.

    Args:
        spec: The experiment's.
        rows: Its cells, in the order of the success table.
        found: Runs of their first seeds, in any order.
        seeds: How many seeds of each cell enter.
    """
    shape = (spec.cell_count, seeds)
    known = np.zeros(shape, dtype=bool)
    success = np.zeros(shape, dtype=bool)
    steps = np.full(shape, np.inf)
    test_error = np.full(shape, GUESSING)
    for chunk in found:
        at = np.asarray(chunk.position), np.asarray(chunk.seed)
        won = np.asarray(chunk.succeeded, dtype=bool)
        error = np.asarray(chunk.test_error, dtype=float)  # None becomes NaN
        known[at] = True
        success[at] = won
        steps[at] = np.where(won, np.asarray(chunk.steps, dtype=float), np.inf)
        lost = np.asarray(chunk.diverged, dtype=bool) | ~np.isfinite(error)
        test_error[at] = np.where(lost, GUESSING, error)
    complete = np.asarray(known.all(axis=1))
    counts = np.array([[row.runs for row in rows], [row.successes for row in rows]], dtype=np.int64)
    if isinstance(spec.seeds, Seeds):  # a cell that is not complete shows its early successes first
        counts[:, ~complete] = 0
    else:
        counts[:, [row.decision == "open" or row.runs < row.seed_count for row in rows]] = 0
    success[~complete] = False
    steps[~complete] = np.inf
    return _in_order(
        Outcomes(
            spec,
            spec.grid.width,
            spec.grid.samples,
            spec.grid.sparsity,
            complete,
            success,
            steps,
            test_error,
            counts,
            not isinstance(spec.seeds, Seeds),
            np.arange(len(complete)),
        )
    )


def _in_order(flat: Outcomes) -> Outcomes:
    """Return cells that stand in a row as a grid with rising axes."""
    axes: list[list[int | None]] = [[*flat.widths], flat.samples, flat.sparsities]
    orders = [np.argsort([math.inf if value is None else value for value in axis]) for axis in axes]
    grid = tuple(len(axis) for axis in axes)
    place = np.arange(math.prod(grid)).reshape(grid)[np.ix_(*orders)]
    return Outcomes(
        flat.spec,
        sorted(flat.widths),
        [flat.samples[number] for number in orders[1]],
        [flat.sparsities[number] for number in orders[2]],
        flat.complete[place],
        flat.success[place],
        flat.steps[place],
        flat.test_error[place],
        flat.counts[:, place],
        flat.stopped,
        flat.positions[place],
    )
