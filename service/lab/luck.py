"""What luck costs: restarts and their cost to a first success, and width against restarts at equal FLOPs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from sqlalchemy.orm import Session

from service.lab.answers import USUAL, Asked, confidence_of, first_evaluation, of_kind, parity_spec
from service.lab.cost import run_flops
from service.lab.errors import UnknownWidth
from service.lab.statistics import luck as statistics
from service.lab.statistics.intervals import Confidence
from service.lab.times import sums
from service.store import cells
from service.store.models import Cell as CellRow
from service.store.models import CellTotals
from tombola.results import Best, Better, CellLuck, EqualFlops, Limits, Luck, Rival
from tombola.spec import Configuration

RESTARTS = (1, 2, 4, 8, 16, 32)


def luck(  # noqa: PLR0913  # what may be asked
    session: Session,
    experiment_id: str,
    *,
    probability: float = 0.9,
    restarts: Sequence[int] = RESTARTS,
    width: int | None = None,
    asked: Asked = USUAL,
) -> Luck:
    """Return what a first success takes in every cell, and what restarts of other widths would do instead.

    Read from counts kept per cell; the number of runs does not come into it.

    Args:
        session: An open session.
        experiment_id: Whose cells.
        probability: What the best of `restarts_to` restarts is to succeed with; above 0 and below 1.
        restarts: Numbers of restarts of which the best is asked for.
        width: The width that narrower ones are compared with; the widest by default.
        asked: How to make the limits; see `answers.confidence_of`.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on tables.
        UnknownWidth: The grid has no such width.
    """
    row = of_kind(session, experiment_id, "parity")
    confidence = confidence_of(row, asked)
    spec = parity_spec(row)
    if width is not None and width not in spec.grid.width:
        raise UnknownWidth(width, spec.grid.width)
    totals = cells.totals_of(session, experiment_id)
    pairs = list(zip(cells.of(session, experiment_id), spec.configurations(), strict=True))
    first = first_evaluation(row.spec)
    return Luck(
        experiment=experiment_id,
        level=confidence.level,
        method=confidence.method,
        probability=probability,
        cells=[
            CellLuck(
                width=cell.width,
                samples=cell.samples,
                sparsity=cell.sparsity,
                runs=cell.runs,
                successes=cell.successes,
                restarts=statistics.expected_restarts(cell.successes, cell.runs, confidence),
                restarts_to=statistics.restarts_to(probability, cell.successes, cell.runs, confidence),
                best_of=[
                    Best(
                        restarts=count,
                        probability=statistics.best_of(count, cell.successes, cell.runs, confidence),
                    )
                    for count in restarts
                ],
                **_costs(configuration, totals.get(cell.id, {}), first, confidence),
            )
            for cell, configuration in pairs
        ],
        equal_flops=list(_equal_flops(pairs, width or max(spec.grid.width), confidence)),
    )


def _costs(
    configuration: Configuration, totals: Mapping[str, CellTotals], first: int, confidence: Confidence
) -> dict[str, Limits]:
    """Return the costs of a first success in steps and in floating-point operations."""
    won = [row for outcome, row in totals.items() if outcome == "success"]
    lost = [row for outcome, row in totals.items() if outcome != "success"]
    budget = configuration.training.max_steps
    bounds = {
        "steps": (float(first), float(budget)),
        "flops": (run_flops(configuration, first), run_flops(configuration, budget)),
    }
    return {
        name: statistics.first_success_cost(sums(won, name), sums(lost, name), confidence, ends)
        for name, ends in bounds.items()
    }


def _equal_flops(
    pairs: Sequence[tuple[CellRow, Configuration]], width: int, confidence: Confidence
) -> Iterable[EqualFlops]:
    """Yield, for every number of samples and sparsity, one run of a width against restarts of narrower ones.

    The budget is what that run takes to the end of its steps; so many narrower runs fit into it.
    """

    def full(pair: tuple[CellRow, Configuration]) -> float:
        return run_flops(pair[1], pair[1].training.max_steps)

    def chance(pair: tuple[CellRow, Configuration], restarts: float) -> Limits:
        return statistics.best_of(restarts, pair[0].successes, pair[0].runs, confidence)

    for _, found in groupby(sorted(pairs, key=_group), key=_group):
        group = sorted(found, key=lambda pair: pair[0].width)
        wide = next(pair for pair in group if pair[0].width == width)
        budget, whole = full(wide), chance(wide, 1)
        rivals = []
        for pair in group[: group.index(wide)]:
            restarts = budget / full(pair)
            best = chance(pair, restarts)
            apart = statistics.difference(best, whole)
            rivals.append(
                Rival(
                    width=pair[0].width,
                    runs=pair[0].runs,
                    restarts=restarts,
                    probability=best,
                    difference=apart,
                    better=_better(apart),
                )
            )
        yield EqualFlops(
            samples=wide[0].samples,
            sparsity=wide[0].sparsity,
            width=width,
            runs=wide[0].runs,
            flops=budget,
            probability=whole,
            rivals=rivals,
        )


def _group(pair: tuple[CellRow, Configuration]) -> tuple[bool, int, bool, int]:
    cell = pair[0]
    return cell.samples is None, cell.samples or 0, cell.sparsity is None, cell.sparsity or 0


def _better(apart: Limits) -> Better:
    if apart.low is not None and apart.low > 0:
        return "restarts"
    return "width" if apart.high is not None and apart.high < 0 else "undecided"
