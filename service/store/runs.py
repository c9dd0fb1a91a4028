"""Queries on runs, their curves and the environments that trained them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, case, func, insert, select, tuple_
from sqlalchemy.orm import Session

from service.store import dialect
from service.store.models import Cell, Curve, Environment, Run

#: Rows read at once.
_CHUNK = 50_000


def ensure_environment(session: Session, *, engine: str, device: str, versions: Mapping[str, str]) -> int:
    """Return the id of this environment, storing it when it is new."""
    text = json.dumps([engine, device, dict(versions)], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    query = select(Environment.id).where(Environment.hash == digest)
    known = session.scalar(query)
    if known is not None:
        return known
    session.execute(
        dialect.insert(session, Environment).on_conflict_do_nothing(index_elements=["hash"]),
        {"hash": digest, "engine": engine, "device": device, "versions": dict(versions)},
    )
    return session.scalars(query).one()


def add_new(
    session: Session, rows: Sequence[Mapping[str, Any]], curves: Mapping[tuple[int, int], Mapping[str, Any]]
) -> set[tuple[int, int]]:
    """Store runs and their curves; those that exist already are left as they are.

    Args:
        session: An open write transaction.
        rows: Column values of `Run`.
        curves: Curve documents by (configuration id, seed).

    Returns:
        (configuration id, seed) of the runs that were new.
    """
    if not rows:
        return set()
    ordered = sorted(rows, key=lambda row: (row["configuration_id"], row["seed"]))
    new = session.execute(
        dialect.insert(session, Run)
        .on_conflict_do_nothing(index_elements=["configuration_id", "seed"])
        .returning(Run.id, Run.configuration_id, Run.seed),
        [dict(row) for row in ordered],
    ).all()
    if new:
        session.execute(
            insert(Curve),
            [{"run_id": row.id, "document": dict(curves[row.configuration_id, row.seed])} for row in new],
        )
    return {(row.configuration_id, row.seed) for row in new}


def existing_seeds(
    session: Session, configuration_ids: Iterable[int], low: int, high: int
) -> dict[int, set[int]]:
    """Return the seeds of finished runs, from `low` to below `high`, by configuration."""
    found: dict[int, set[int]] = {}
    for chunk in dialect.in_lists(configuration_ids):
        for row in session.execute(
            select(Run.configuration_id, Run.seed).where(
                Run.configuration_id.in_(chunk), Run.seed >= low, Run.seed < high
            )
        ):
            found.setdefault(row.configuration_id, set()).add(row.seed)
    return found


class Ended(NamedTuple):
    """How a run ended, and what it took."""

    outcome: str
    steps: int
    flops: float
    wall_seconds: float


def outcomes(
    session: Session, configuration_ids: Iterable[int], low: int, high: int
) -> dict[int, dict[int, Ended]]:
    """Return how finished runs ended, by configuration and seed, from `low` to below `high`."""
    found: dict[int, dict[int, Ended]] = {}
    for chunk in dialect.in_lists(configuration_ids):
        for row in session.execute(
            select(Run.configuration_id, Run.seed, Run.outcome, Run.steps, Run.flops, Run.wall_seconds).where(
                Run.configuration_id.in_(chunk), Run.seed >= low, Run.seed < high
            )
        ):
            found.setdefault(row.configuration_id, {})[row.seed] = Ended(*row[2:])
    return found


def mean_steps(session: Session, configuration_ids: Iterable[int]) -> dict[int, tuple[int, float]]:
    """Return, by configuration that has finished runs, how many they are and how many steps they took."""
    found: dict[int, tuple[int, float]] = {}
    for chunk in dialect.in_lists(configuration_ids):
        for row in session.execute(
            select(Run.configuration_id, func.count().label("runs"), func.avg(Run.steps).label("steps"))
            .where(Run.configuration_id.in_(chunk))
            .group_by(Run.configuration_id)
        ):
            found[row.configuration_id] = (row.runs, float(row.steps))
    return found


_WANTED = (
    (Run.configuration_id == Cell.configuration_id)
    & (Run.seed >= Cell.seed_start)
    & (Run.seed < Cell.seed_start + Cell.seed_count)
)


def page(
    session: Session,
    experiment_id: str,
    *,
    limit: int,
    after: tuple[int, int] | None,
    where: Mapping[str, Any],
) -> Sequence[Row[Cell, Run, Environment]]:
    """Return up to `limit` rows (Cell, Run, Environment) in the order of (cell position, seed).

    Args:
        session: An open session.
        experiment_id: Whose runs.
        limit: Number of rows at most.
        after: Position and seed of the last row already read.
        where: Wanted values by name: width, samples, sparsity (None for online, dense), outcome.
    """
    query = (
        select(Cell, Run, Environment)
        .join(Run, _WANTED)
        .join(Environment, Environment.id == Run.environment_id)
        .where(Cell.experiment_id == experiment_id)
        .order_by(Cell.position, Run.seed)
        .limit(limit)
    )
    if after is not None:
        # The first condition follows from the second, but only it can use the index on position.
        query = query.where(Cell.position >= after[0], tuple_(Cell.position, Run.seed) > after)
    for name, value in where.items():
        column = Run.outcome if name == "outcome" else getattr(Cell, name)
        query = query.where(column.is_(None) if value is None else column == value)
    return session.execute(query).all()


class Column(NamedTuple):
    """Runs as columns of equal length, as far as statistics need them."""

    position: Sequence[int]
    seed: Sequence[int]
    succeeded: Sequence[int]
    diverged: Sequence[int]
    steps: Sequence[int]
    test_error: Sequence[float | None]


def columns(session: Session, experiment_id: str, *, seeds: int) -> Iterator[Column]:
    """Yield the runs of the first `seeds` seeds of every cell, some ten thousand at once, in no order."""
    # On the connection, not the session: a million rows in half the time.
    rows = session.connection().execute(
        select(
            Cell.position,
            Run.seed - Cell.seed_start,
            case((Run.outcome == "success", 1), else_=0),
            case((Run.outcome == "diverged", 1), else_=0),
            Run.steps,
            Run.test_error,
        )
        .join(Run, _WANTED)
        .where(Cell.experiment_id == experiment_id, Run.seed < Cell.seed_start + seeds)
        .execution_options(yield_per=_CHUNK)
    )
    for chunk in rows.partitions():
        yield Column(*zip(*chunk, strict=True))


class Learning(NamedTuple):
    """The curve of a run that succeeded, its cell and the number of its seed."""

    position: int
    seed: int
    steps: int
    curve: Mapping[str, Any]


def curves_of_first(
    session: Session, experiment_id: str, *, positions: Iterable[int], seeds: int
) -> Iterator[Learning]:
    """Yield the curves of the successes among some cells' first seeds."""
    for chunk in dialect.in_lists(positions):
        rows = session.execute(
            select(Cell.position, Run.seed - Cell.seed_start, Run.steps, Curve.document)
            .join(Run, _WANTED)
            .join(Curve, Curve.run_id == Run.id)
            .where(
                Cell.experiment_id == experiment_id,
                Cell.position.in_(chunk),
                Run.seed < Cell.seed_start + seeds,
                Run.outcome == "success",
            )
        )
        yield from (Learning(*row) for row in rows)


def last_finished(session: Session, experiment_id: str) -> datetime | None:
    """Return when the last run of an experiment ended."""
    return session.scalar(
        select(func.max(Run.finished_at)).join(Cell, _WANTED).where(Cell.experiment_id == experiment_id)
    )


def environments(session: Session, experiment_id: str) -> Sequence[Environment]:
    """Return what trained the runs of an experiment."""
    return session.scalars(
        select(Environment)
        .where(
            Environment.id.in_(
                select(Run.environment_id)
                .join(Cell, _WANTED)
                .where(Cell.experiment_id == experiment_id)
                .distinct()
            )
        )
        .order_by(Environment.id)
    ).all()


def curves(
    session: Session, experiment_id: str, seed: int, where: Mapping[str, Any]
) -> Sequence[Row[Cell, Run, Curve]]:
    """Return rows (Cell, Run, Curve) of one seed, over the cells that `where` admits; two at most."""
    query = (
        select(Cell, Run, Curve)
        .join(Run, _WANTED)
        .join(Curve, Curve.run_id == Run.id)
        .where(Cell.experiment_id == experiment_id, Run.seed == seed)
        .order_by(Cell.position)
        .limit(2)
    )
    for name, value in where.items():
        column = getattr(Cell, name)
        query = query.where(column.is_(None) if value is None else column == value)
    return session.execute(query).all()
