"""Runs and curves of an experiment as plain columns: what exports read, page by page.

No entities: for a million rows, making objects would take longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from service.store import dialect
from service.store.models import Cell, Curve, Environment, Run
from service.store.runs import Slice, in_order

_PLACE = (Cell.position, Cell.width, Cell.samples, Cell.sparsity, Run.seed, Run.outcome)


class Trainer(NamedTuple):
    """What trained a run."""

    engine: str
    device: str
    versions: dict[str, str]


def run_rows(session: Session, experiment_id: str, wanted: Slice) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the runs of a slice.

    Returns:
        Rows of position, width, samples, sparsity, seed, outcome, steps, train_error, test_error,
        wall_seconds, flops, environment_id and finished_at.
    """
    taken = (Run.steps, Run.train_error, Run.test_error, Run.wall_seconds, Run.flops)
    query = select(*_PLACE, *taken, Run.environment_id, Run.finished_at)
    query = in_order(query, experiment_id, wanted)
    return session.connection().execute(query).all()


def curve_rows(session: Session, experiment_id: str, wanted: Slice) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the curves of a slice.

    Returns:
        Rows of position, width, samples, sparsity, seed, outcome and document.
    """
    query = select(*_PLACE, Curve.document)
    query = in_order(query, experiment_id, wanted)
    return session.connection().execute(query.join(Curve, Curve.run_id == Run.id)).all()


def trainers(session: Session, environment_ids: Iterable[int]) -> dict[int, Trainer]:
    """Return what these environments are, by id."""
    columns = (Environment.id, Environment.engine, Environment.device, Environment.versions)
    return {
        row.id: Trainer(row.engine, row.device, row.versions)
        for chunk in dialect.in_lists(environment_ids)
        for row in session.execute(select(*columns).where(Environment.id.in_(chunk)))
    }
