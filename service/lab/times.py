"""How long the runs of each cell take: steps to success with limits, FLOPs and seconds with their spread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.orm import Session

from service.lab.answers import USUAL, Asked, confidence_of, first_evaluation, of_kind, parity_spec
from service.lab.cost import run_flops
from service.lab.statistics.survival import Sums, steps_limits
from service.store import cells
from service.store.models import CellTotals
from tombola.results import CellTimes, Limits, Reached, Times
from tombola.spec import Configuration

QUARTILES = (0.25, 0.5, 0.75)


def times(
    session: Session,
    experiment_id: str,
    shares: Sequence[float] = QUARTILES,
    asked: Asked = USUAL,
) -> Times:
    """Return when shares of each cell's runs have succeeded, and what its runs took.

    Read from counts kept per cell; the number of runs does not come into it.

    Args:
        session: An open session.
        experiment_id: Whose cells.
        shares: Shares of the runs, above 0 and at most 1.
        asked: How to make the limits; see `answers.confidence_of`.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on tables.
        ValueError: A share is not in (0, 1].
    """
    row = of_kind(session, experiment_id, "parity")
    confidence = confidence_of(row, asked)
    configurations = parity_spec(row).configurations()
    steps = cells.steps_of(session, experiment_id)
    totals = cells.totals_of(session, experiment_id)
    found = []
    for cell in cells.of(session, experiment_id):
        took = totals.get(cell.id, {}).values()
        found.append(
            CellTimes(
                width=cell.width,
                samples=cell.samples,
                sparsity=cell.sparsity,
                runs=cell.runs,
                successes=cell.successes,
                reached=[
                    _reached(
                        configurations[cell.position],
                        share,
                        steps_limits(
                            steps.get(cell.id, {}), cell.runs, share, confidence, first_evaluation(row.spec)
                        ),
                    )
                    for share in shares
                ],
                steps=sums(took, "steps").spread(confidence.level),
                flops=sums(took, "flops").spread(confidence.level),
                wall_seconds=sums(took, "wall_seconds").spread(confidence.level),
            )
        )
    return Times(experiment=experiment_id, level=confidence.level, method=confidence.method, cells=found)


def sums(rows: Iterable[CellTotals], name: str) -> Sums:
    """Return what the runs of several outcomes took of `steps`, `flops` or `wall_seconds`."""
    return sum(
        (Sums(row.runs, float(getattr(row, name)), getattr(row, f"{name}_squared")) for row in rows), Sums()
    )


def _reached(configuration: Configuration, share: float, steps: Limits) -> Reached:
    ends: Mapping[str, float | None] = steps.model_dump()
    flops = {
        name: None if value is None else run_flops(configuration, int(value)) for name, value in ends.items()
    }
    return Reached(share=share, steps=steps, flops=Limits.model_validate(flops))
