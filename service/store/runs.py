"""Queries on runs, their curves and the environments that trained them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVarTuple

from sqlalchemy import BigInteger, ColumnElement, Row, Select, and_, case, func, insert, literal, select
from sqlalchemy.orm import Session

from service.store import dialect
from service.store.models import Cell, Curve, Environment, Run

Columns = TypeVarTuple("Columns")


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
) -> dict[tuple[int, int], int]:
    """Store runs and their curves; those that exist already are left as they are.

    Args:
        session: An open write transaction.
        rows: Column values of `Run`.
        curves: Curve documents by (configuration id, seed).

    Returns:
        Ids of the runs that were new, by (configuration id, seed).
    """
    if not rows:
        return {}
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
    return {(row.configuration_id, row.seed): row.id for row in new}


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


def joined(first: Any = Cell.seed_start) -> ColumnElement[bool]:  # noqa: ANN401  # an SQL expression
    """Return what joins runs to the cells that want them, of a cell's seeds from `first` on."""
    return and_(
        Run.configuration_id == Cell.configuration_id,
        Run.seed >= first,
        Run.seed < Cell.seed_start + Cell.seed_count,
    )


class Slice(NamedTuple):
    """Some of an experiment's runs, in the order of (cell position, seed).

    Attributes:
        limit: Number of rows at most.
        after: Position and seed of the last row already read.
        where: Wanted values by name: width, samples, sparsity (None for online, dense), outcome.
    """

    limit: int
    after: tuple[int, int] | None
    where: Mapping[str, Any]


def page(session: Session, experiment_id: str, wanted: Slice) -> Sequence[Row[Cell, Run, Environment]]:
    """Return the rows (Cell, Run, Environment) of a slice."""
    query = in_order(select(Cell, Run, Environment), experiment_id, wanted)
    return session.execute(query.join(Environment, Environment.id == Run.environment_id)).all()


def curves(
    session: Session,
    experiment_id: str,
    *,
    where: Mapping[str, Any],
    seeds: Collection[int] | None,
    limit: int,
) -> Sequence[Row[Cell, Run, Curve]]:
    """Return up to `limit` rows (Cell, Run, Curve) in the order of (cell position, seed).

    Args:
        session: An open session.
        experiment_id: Whose runs.
        where: Wanted values by name: width, samples, sparsity (None for online, dense).
        seeds: Wanted seeds; None is all.
        limit: Number of rows at most.
    """
    query = in_order(select(Cell, Run, Curve), experiment_id, Slice(limit, None, where))
    if seeds is not None:
        query = query.where(Run.seed.in_(seeds))
    return session.execute(query.join(Curve, Curve.run_id == Run.id)).all()


def in_order(query: Select[*Columns], experiment_id: str, wanted: Slice) -> Select[*Columns]:
    """Join runs to the cells of an experiment that want them, and restrict and order a query to a slice.

    Args:
        query: Columns of cells, runs and what the caller joins to them.
        experiment_id: Whose runs.
        wanted: Which of them.
    """
    first: Any = Cell.seed_start
    if wanted.after is not None:
        position, seed = wanted.after
        # One bound rather than two, so that the index is entered there and not at the cell's first seed.
        within = (Cell.position == position) & (Cell.seed_start <= seed)
        first = case((within, literal(seed + 1, BigInteger)), else_=Cell.seed_start)
        query = query.where(Cell.position >= position)
    for name, value in wanted.where.items():
        column = Run.outcome if name == "outcome" else getattr(Cell, name)
        query = query.where(column.is_(None) if value is None else column == value)
    return (
        query.join(Run, joined(first))
        .where(Cell.experiment_id == experiment_id)
        .order_by(Cell.position, Run.seed)
        .limit(wanted.limit)
    )
