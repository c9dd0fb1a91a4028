"""Queries on cells and their counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Float,
    Row,
    String,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Session

from service.store import dialect
from service.store.models import Cell, CellSteps, CellTotals, Run

#: What is summed up, each with its squares.
_TAKEN = ("steps", "flops", "wall_seconds")

#: Wants more runs. Spelt out rather than bound, so that both databases use the index of these cells.
OPEN = Cell.decision == literal_column("'open'")


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the cells of a new experiment."""
    session.execute(insert(Cell), [dict(row) for row in rows])


def of(session: Session, experiment_id: str) -> Sequence[Cell]:
    """Return the cells of an experiment in the order of its success table."""
    return session.scalars(
        select(Cell).where(Cell.experiment_id == experiment_id).order_by(Cell.position)
    ).all()


def steps_of(session: Session, experiment_id: str) -> dict[int, dict[int, int]]:
    """Return, by cell id, the number of successes at each step."""
    # One row a cell: tens of thousands of rows would take most of the time of a success table. Both texts
    # are made in one pass over the same rows, so their parts are in the same order, whichever it is.
    all_steps, all_successes = (
        func.aggregate_strings(cast(column, String), ",") for column in (CellSteps.steps, CellSteps.successes)
    )
    rows = session.execute(
        select(CellSteps.cell_id, all_steps, all_successes)
        .join(Cell, Cell.id == CellSteps.cell_id)
        .where(Cell.experiment_id == experiment_id)
        .group_by(CellSteps.cell_id)
    )
    return {
        cell_id: dict(zip(_integers(steps), _integers(successes), strict=True))
        for cell_id, steps, successes in rows
    }


def _integers(text: str) -> list[int]:
    return json.loads(f"[{text}]")  # type: ignore[no-any-return]  # numbers were written


def totals_of(session: Session, experiment_id: str) -> dict[int, dict[str, CellTotals]]:
    """Return, by cell id and outcome, what the runs took."""
    rows = session.scalars(
        select(CellTotals)
        .join(Cell, Cell.id == CellTotals.cell_id)
        .where(Cell.experiment_id == experiment_id)
    )
    found: dict[int, dict[str, CellTotals]] = {}
    for row in rows:
        found.setdefault(row.cell_id, {})[row.outcome] = row
    return found


def full_rounds(session: Session, experiment_id: str) -> Sequence[Cell]:
    """Return the open cells of an experiment that have all the runs of their round, as they are now."""
    return session.scalars(
        select(Cell)
        .where(Cell.experiment_id == experiment_id, OPEN, Cell.runs >= Cell.seed_count)
        .order_by(Cell.position)
        .execution_options(populate_existing=True)
    ).all()


def has_open(session: Session, experiment_id: str, *, full: bool = False) -> bool:
    """Tell whether a cell of an experiment is open; with `full`, whether one has all runs of its round."""
    found = select(Cell.id).where(Cell.experiment_id == experiment_id, OPEN).limit(1)
    if full:
        found = found.where(Cell.runs >= Cell.seed_count)
    return session.scalar(found) is not None


def open_ones(session: Session, experiment_id: str) -> Sequence[Row[float, int, int, int]]:
    """Return run_cost, seed_count, runs and successes of the open cells of an experiment."""
    return session.execute(
        select(Cell.run_cost, Cell.seed_count, Cell.runs, Cell.successes).where(
            Cell.experiment_id == experiment_id, OPEN
        )
    ).all()


def decided_cost(session: Session, experiment_id: str) -> float:
    """Return the cost of all runs of the cells of an experiment that are not open."""
    total = select(func.sum(Cell.run_cost * Cell.seed_count)).where(
        Cell.experiment_id == experiment_id, Cell.decision != "open"
    )
    return session.scalar(total) or 0.0


class Decided(NamedTuple):
    """Adaptive cells with the same decision: how many, their runs, and the most runs of one of them."""

    decision: str
    cells: int
    runs: int
    most: int


def decisions(session: Session, experiment_ids: Iterable[str]) -> dict[str, list[Decided]]:
    """Return the adaptive cells of experiments, by experiment, counted by their decision."""
    found: dict[str, list[Decided]] = {}
    for chunk in dialect.in_lists(experiment_ids):
        for row in session.execute(
            select(
                Cell.experiment_id,
                Cell.decision,
                func.count().label("cells"),
                func.sum(Cell.seed_count).label("runs"),
                func.max(Cell.seed_count).label("most"),
            )
            .where(Cell.experiment_id.in_(chunk), Cell.decision.is_not(None))
            .group_by(Cell.experiment_id, Cell.decision)
        ):
            decided = Decided(row.decision or "", row.cells, row.runs, row.most)
            found.setdefault(row.experiment_id, []).append(decided)
    return found


def successes_at(session: Session, experiment_id: str, seed_count: int) -> Sequence[int]:
    """Return the different numbers of successes of an experiment's cells of so many runs."""
    return session.scalars(
        select(Cell.successes)
        .where(Cell.experiment_id == experiment_id, Cell.seed_count == seed_count)
        .distinct()
    ).all()


def covering(session: Session, configuration_ids: Iterable[int]) -> dict[int, list[Cell]]:
    """Return the cells of all experiments that point to these configurations, by configuration."""
    found: dict[int, list[Cell]] = {}
    for chunk in dialect.in_lists(configuration_ids):
        for cell in session.scalars(
            select(Cell)
            .where(Cell.configuration_id.in_(chunk))
            .order_by(Cell.id)
            .execution_options(populate_existing=True)
        ):
            found.setdefault(cell.configuration_id, []).append(cell)
    return found


def add_counts(session: Session, counts: Mapping[int, Mapping[str, int]]) -> None:
    """Add to the counts of cells: `counts[cell id]` has runs, successes, censored and diverged."""
    if not counts:
        return
    # On the table, not the model: many rows, one statement, and no deadlock thanks to the order.
    table = Cell.__table__
    columns = ("runs", "successes", "censored", "diverged")
    session.connection().execute(
        update(table)  # type: ignore[arg-type]  # __table__ is typed as FromClause
        .where(table.c.id == bindparam("cell"))
        .values({name: table.c[name] + bindparam(f"add_{name}") for name in columns}),
        [
            {"cell": cell_id, **{f"add_{name}": counts[cell_id].get(name, 0) for name in columns}}
            for cell_id in sorted(counts)
        ],
    )


def add_steps(session: Session, successes: Mapping[tuple[int, int], int]) -> None:
    """Add to the histograms of steps to success: `successes[cell id, steps]`."""
    if not successes:
        return
    statement = dialect.insert(session, CellSteps)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["cell_id", "steps"],
            set_={"successes": CellSteps.successes + statement.excluded.successes},
        ),
        [
            {"cell_id": cell_id, "steps": steps, "successes": successes[cell_id, steps]}
            for cell_id, steps in sorted(successes)
        ],
    )


_SUMS = ("runs", *(f"{name}{power}" for name in _TAKEN for power in ("", "_squared")))


def taken(steps: int, flops: float, wall_seconds: float) -> dict[str, float]:
    """Return what one run adds to the totals of its cell and outcome."""
    each = {"steps": steps, "flops": flops, "wall_seconds": wall_seconds}
    return {"runs": 1, **each, **{f"{name}_squared": float(value) ** 2 for name, value in each.items()}}


def add_totals(session: Session, totals: Mapping[tuple[int, str], Mapping[str, float]]) -> None:
    """Add to what runs took: `totals[cell id, outcome]` are sums of `taken`."""
    if not totals:
        return
    statement = dialect.insert(session, CellTotals)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["cell_id", "outcome"],
            set_={name: getattr(CellTotals, name) + statement.excluded[name] for name in _SUMS},
        ),
        [{"cell_id": key[0], "outcome": key[1], **totals[key]} for key in sorted(totals)],
    )


def count_existing(session: Session, experiment_id: str) -> None:
    """Fill the counts of a new experiment's cells from the runs that are in the store already."""
    in_range = (
        (Run.configuration_id == Cell.configuration_id)
        & (Run.seed >= Cell.seed_start)
        & (Run.seed < Cell.seed_start + Cell.seed_count)
    )

    def total(outcome: str) -> Any:  # noqa: ANN401  # an SQL expression
        return func.sum(case((Run.outcome == outcome, 1), else_=0)).label(outcome)

    rows = session.execute(
        select(Cell.id, func.count().label("runs"), total("success"), total("censored"), total("diverged"))
        .join(Run, in_range)
        .where(Cell.experiment_id == experiment_id)
        .group_by(Cell.id)
    ).all()
    add_counts(
        session,
        {
            row.id: {
                "runs": row.runs,
                "successes": row.success,
                "censored": row.censored,
                "diverged": row.diverged,
            }
            for row in rows
        },
    )
    session.execute(
        insert(CellSteps).from_select(
            ["cell_id", "steps", "successes"],
            select(Cell.id, Run.steps, func.count())
            .join(Run, in_range)
            .where(Cell.experiment_id == experiment_id, Run.outcome == "success")
            .group_by(Cell.id, Run.steps),
        )
    )
    sums = [
        func.sum(product)
        for column in (getattr(Run, name) for name in _TAKEN)
        for product in (column, cast(column, Float) * column)
    ]
    session.execute(
        insert(CellTotals).from_select(
            ["cell_id", "outcome", *_SUMS],
            select(Cell.id, Run.outcome, func.count(), *sums)
            .join(Run, in_range)
            .where(Cell.experiment_id == experiment_id)
            .group_by(Cell.id, Run.outcome),
        )
    )
