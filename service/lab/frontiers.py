"""Frontiers of any objectives with what is known of each cell's place, and thresholds with bands."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from service.lab.answers import USUAL, Asked, Counted, counted, first_evaluation, parity_spec
from service.lab.cost import run_flops
from service.lab.statistics import monotone
from service.lab.statistics.intervals import Confidence
from service.lab.statistics.luck import first_success_cost
from service.lab.statistics.survival import steps_limits
from service.lab.times import sums
from service.store import cells
from service.store.models import CellTotals
from tombola.results import (
    Cell,
    FitPoint,
    Frontier,
    FrontierCell,
    Limits,
    Objective,
    SmallestSamples,
    SmallestWidth,
    Thresholds,
)
from tombola.spec import Configuration

if TYPE_CHECKING:
    from service.lab.statistics.resampling import Resampled

USUAL_OBJECTIVES: tuple[Objective, ...] = ("width", "samples")
#: Forgives the rounding of a probability such as 0.07 * 100 > 7; runs by the million differ by more.
_TOLERANCE = 1e-9
_MEASURED = ("steps", "flops", "cost")


@dataclass(frozen=True, slots=True)
class _Place:
    """A cell, what its runs took, and the limits of what a frontier may minimise."""

    cell: Cell
    configuration: Configuration
    steps: Mapping[int, int]
    totals: Mapping[str, CellTotals]
    first: int

    def limits(self, name: Objective, confidence: Confidence) -> Limits:
        """Return an objective with its limits; null is infinite."""
        cell = self.cell
        if name in ("width", "samples"):
            return _exactly(getattr(cell, name))
        if name == "probability":
            low, high = confidence.limits(cell.successes, cell.runs)
            return Limits(value=-(cell.probability or 0.0), low=-high, high=-low)
        if not cell.runs:
            return Limits(value=None, low=0.0, high=None)
        if name == "cost":
            return first_success_cost(
                sums(self._rows(success=True), "flops"),
                sums(self._rows(success=False), "flops"),
                confidence,
                self._bounds(),
            )
        median = steps_limits(self.steps, cell.runs, 0.5, confidence, self.first)
        if name == "steps":
            return median
        ends = median.model_dump()
        return Limits(**{end: None if value is None else self._flops(value) for end, value in ends.items()})

    def resampled(self, names: Collection[Objective]) -> Resampled:
        """Return what a repetition of its runs is drawn from, for some objectives."""
        from service.lab.statistics.resampling import Resampled  # noqa: PLC0415  # numpy loads with it

        won, lost = (sums(self._rows(success=success), "flops") for success in (True, False))
        least, most = self._bounds()
        steps = sorted(step for step, count in self.steps.items() if count)
        values: dict[str, list[float]] = {}
        if "steps" in names:
            values["steps"] = [float(step) for step in steps]
        if "flops" in names:
            values["flops"] = [self._flops(step) for step in steps]
        return Resampled(
            runs=self.cell.runs,
            successes=self.cell.successes,
            counts=[self.steps[step] for step in steps],
            step_values=values,
            won=(
                won.mean if won.runs else least,
                math.sqrt(won.variance) if won.runs > 1 else 0.0,
            ),
            lost=lost.mean if lost.runs else most,
            bounds=(least, most),
        )

    def _rows(self, *, success: bool) -> list[CellTotals]:
        return [row for outcome, row in self.totals.items() if (outcome == "success") == success]

    def _bounds(self) -> tuple[float, float]:
        return self._flops(self.first), self._flops(self.configuration.training.max_steps)

    def _flops(self, steps: float) -> float:
        return run_flops(self.configuration, int(steps))


def frontier(
    session: Session,
    experiment_id: str,
    probability: float | None = None,
    objectives: Sequence[Objective] = USUAL_OBJECTIVES,
    asked: Asked = USUAL,
) -> Frontier:
    """Return the frontier of some objectives, and what is known of each cell's place on it.

    See `statistics.dominance.marks` for the marks and `statistics.resampling` for the bootstrap. A cell
    without a run may be anything: it is on no observed frontier, and makes cells that it would dominate
    possible rather than certain.

    Args:
        session: An open session.
        experiment_id: Whose cells.
        probability: Success probability to reach; 0.9 by default, or any where it is an objective itself.
        objectives: What to minimise; see `tombola.results.Objective`.
        asked: How to make the limits; see `answers.confidence_of`.

    Raises:
        UnknownExperiment: No such experiment.
    """
    if probability is None:
        probability = 0.0 if "probability" in objectives else 0.9
    found = counted(session, experiment_id, asked)
    confidence, places = found.confidence, _places(session, found)
    axes = [name for name in dict.fromkeys(objectives) if name != "sparsity"]
    told: dict[int, FrontierCell] = {}
    points: list[Cell] = []
    resamples = 0
    for numbers in _compared(places, apart="sparsity" in objectives):
        group = _Group([places[number] for number in numbers], axes, probability, confidence)
        points += group.observed()
        shares, repeated = group.shares()
        resamples = max(resamples, repeated)
        told.update(zip(numbers, group.cells(shares), strict=True))
    return Frontier(
        experiment=experiment_id,
        probability=probability,
        points=sorted(points, key=_by_coordinates),
        objectives=list(dict.fromkeys(objectives)),
        level=confidence.level,
        method=confidence.method,
        resamples=resamples,
        cells=[told[number] for number in range(len(places))],
    )


class _Group:
    """Cells that are compared with each other."""

    def __init__(
        self, places: Sequence[_Place], axes: Sequence[Objective], probability: float, confidence: Confidence
    ) -> None:
        import numpy as np  # noqa: PLC0415  # frontiers are what it is for

        self._places, self._axes, self._probability = places, axes, probability
        self._limits = [{name: place.limits(name, confidence) for name in axes} for place in places]
        shape = (len(places), len(axes))
        self._values, self._low, self._high = (
            np.array(
                [[_end(getattr(row[name], end)) for name in axes] for row in self._limits], dtype=float
            ).reshape(shape)
            for end in ("value", "low", "high")
        )
        ends = np.array([confidence.limits(place.cell.successes, place.cell.runs) for place in places])
        enough = probability - _TOLERANCE
        self._surely, self._possibly = ends[:, 0] >= enough, ends[:, 1] >= enough
        self._reaching = np.array(
            [place.cell.runs > 0 and place.cell.successes >= enough * place.cell.runs for place in places]
        )

    def observed(self) -> list[Cell]:
        """Return the frontier by what was observed."""
        from service.lab.statistics.dominance import non_dominated  # noqa: PLC0415  # as above

        reaching = self._reaching.nonzero()[0]
        return [self._places[number].cell for number in reaching[non_dominated(self._values[reaching])]]

    def shares(self) -> tuple[list[float | None], int]:
        """Return in which share of the resamples each cell is on the frontier, and how many there were."""
        from service.lab.statistics import resampling  # noqa: PLC0415  # as above

        known = [number for number, place in enumerate(self._places) if place.cell.runs]
        found: list[float | None] = [0.0] * len(self._places)
        if not known:
            return found, 0
        repetition = resampling.Repetition([self._places[number].resampled(self._axes) for number in known])
        fixed = [number for number, name in enumerate(self._axes) if name in ("width", "samples")]
        drawn = {"probability": -repetition.probability()} if "probability" in self._axes else {}
        if {"steps", "flops"} & set(self._axes):
            drawn |= repetition.medians()
        if "cost" in self._axes:
            drawn["cost"] = repetition.costs()
        shares = resampling.frontier_shares(
            repetition.reaching(self._probability),
            self._values[known][:, fixed],
            [drawn[name] for name in self._axes if name not in ("width", "samples")],
        )
        if shares is None:
            return [None] * len(self._places), 0
        for number, share in zip(known, shares.tolist(), strict=True):
            found[number] = share
        return found, resampling.RESAMPLES

    def cells(self, shares: Sequence[float | None]) -> list[FrontierCell]:
        """Return what is known of each cell."""
        from service.lab.statistics.dominance import marks  # noqa: PLC0415  # as above

        found = marks(self._low, self._high, self._surely, self._possibly)
        return [
            FrontierCell(
                width=place.cell.width,
                samples=place.cell.samples,
                sparsity=place.cell.sparsity,
                mark=mark,
                frontier_probability=share,
                objectives={name: limits[name] for name in _MEASURED if name in limits},
            )
            for place, mark, share, limits in zip(self._places, found, shares, self._limits, strict=True)
        ]


def thresholds(
    session: Session, experiment_id: str, probability: float = 0.9, asked: Asked = USUAL
) -> Thresholds:
    """Return the smallest number of samples for each width and the smallest width for each number of samples.

    See `statistics.monotone` for the fit and the limits. Online cells need infinitely many samples: they are
    left out of the former.

    Raises:
        UnknownExperiment: No such experiment.
    """
    found = counted(session, experiment_id, asked)
    confidence, table = found.confidence, found.table
    finite = [cell for cell in table if cell.samples is not None]
    return Thresholds(
        experiment=experiment_id,
        probability=probability,
        level=confidence.level,
        method=confidence.method,
        samples=[
            SmallestSamples(
                width=group[0].width,
                sparsity=group[0].sparsity,
                **_smallest([(cell.samples or 0, cell) for cell in group], probability, confidence),
            )
            for group in _grouped(finite, "sparsity", "width")
        ],
        widths=[
            SmallestWidth(
                samples=group[0].samples,
                sparsity=group[0].sparsity,
                **_smallest([(cell.width, cell) for cell in group], probability, confidence),
            )
            for group in _grouped(table, "sparsity", "samples")
        ],
    )


def _smallest(
    found: Iterable[tuple[int, Cell]], probability: float, confidence: Confidence
) -> dict[str, int | list[FitPoint] | None]:
    points = [
        monotone.Point(at, cell.successes, cell.runs) for at, cell in sorted(found, key=lambda pair: pair[0])
    ]
    fit = monotone.isotonic(points)
    smallest = monotone.smallest(points, fit, probability, confidence)
    curve = []
    for point, value in zip(points, fit, strict=True):
        low, high = confidence.limits(point.successes, point.runs)
        curve.append(
            FitPoint(
                at=point.at,
                runs=point.runs,
                successes=point.successes,
                probability=point.successes / point.runs if point.runs else None,
                fit=value,
                low=low,
                high=high,
            )
        )
    return {
        "observed": smallest.observed,
        "fitted": smallest.fitted,
        "low": smallest.low,
        "high": smallest.high,
        "curve": curve,
    }


def _places(session: Session, found: Counted) -> list[_Place]:
    totals = cells.totals_of(session, found.experiment.id)
    first = first_evaluation(found.experiment.spec)
    configurations = parity_spec(found.experiment).configurations()
    return [
        _Place(cell, configuration, steps, totals.get(row.id, {}), first)
        for (cell, row, steps), configuration in zip(found.cells, configurations, strict=True)
    ]


def _compared(places: Sequence[_Place], *, apart: bool) -> list[list[int]]:
    """Return the numbers of the cells that are compared with each other."""
    if not apart:
        return [list(range(len(places)))]
    labels = dict.fromkeys(place.cell.sparsity for place in places)
    return [
        [number for number, place in enumerate(places) if place.cell.sparsity == label] for label in labels
    ]


def _grouped(table: Iterable[Cell], *names: str) -> list[list[Cell]]:
    def key(cell: Cell) -> tuple[float, ...]:
        return tuple(_end(getattr(cell, name)) for name in names)

    return [list(group) for _, group in groupby(sorted(table, key=key), key=key)]


def _by_coordinates(cell: Cell) -> tuple[float, ...]:
    """Return the key that sorts by width, then samples (online last), then sparsity (dense last)."""
    return (cell.width, _end(cell.samples), _end(cell.sparsity))


def _exactly(value: float | None) -> Limits:
    return Limits(value=value, low=value, high=value)


def _end(value: float | None) -> float:
    return math.inf if value is None else float(value)
