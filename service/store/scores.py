"""Queries on the scores of runs on tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.orm import Session

from service.store import dialect, runs
from service.store.models import Cell, Configuration, Run, Score
from service.store.runs import Slice

#: Where it is not known on how many cores a run was trained, it is taken as trained on one.
_CORE_SECONDS = func.coalesce(Score.core_seconds, Run.wall_seconds)


def add(session: Session, by_run: Mapping[int, Mapping[str, Any]]) -> None:
    """Store scores by the id of their run: the columns of `Score` besides that."""
    if by_run:
        session.execute(insert(Score), [{"run_id": key, **columns} for key, columns in by_run.items()])


def grid(session: Session, experiment_id: str) -> Sequence[Row[int, dict[str, Any]]]:
    """Return position and configuration of every cell of an experiment, in their order."""
    return session.execute(
        select(Cell.position, Configuration.document)
        .join(Configuration, Configuration.id == Cell.configuration_id)
        .where(Cell.experiment_id == experiment_id)
        .order_by(Cell.position)
    ).all()


def of_experiment(session: Session, experiment_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return what all runs of an experiment scored, in no order.

    Returns:
        Rows of run_id, position, the number of the seed in its cell, outcome, validation_accuracy,
        validation_auc, validation_loss, test_accuracy, test_auc, validation_rows, test_rows and core_seconds.
        What diverged may have no score.
    """
    # On the connection, not the session: plain rows, and in half the time.
    return (
        session.connection()
        .execute(
            select(
                Run.id,
                Cell.position,
                Run.seed - Cell.seed_start,
                Run.outcome,
                Score.validation_accuracy,
                Score.validation_auc,
                Score.validation_loss,
                Score.test_accuracy,
                Score.test_auc,
                Score.validation_rows,
                Score.test_rows,
                _CORE_SECONDS,
            )
            .select_from(Cell)
            .join(Run, runs.joined())
            .outerjoin(Score, Score.run_id == Run.id)
            .where(Cell.experiment_id == experiment_id)
        )
        .all()
    )


def rows(
    session: Session,
    experiment_id: str,
    wanted: Slice,
    *,
    positions: Sequence[int] | None = None,
    importance: bool = False,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return what some runs scored, in the order of (position, seed).

    Args:
        session: An open session.
        experiment_id: Whose runs.
        wanted: Which of them.
        positions: Of the cells that are wanted; None is all.
        importance: Whether what they read comes with them.

    Returns:
        Rows of position, seed, outcome, steps, accuracy, area and loss on validation rows, the same on test
        rows, the number of either, wall_seconds, core_seconds, and importance.
    """
    query = select(
        Cell.position,
        Run.seed,
        Run.outcome,
        Run.steps,
        Score.validation_accuracy,
        Score.validation_auc,
        Score.validation_loss,
        Score.test_accuracy,
        Score.test_auc,
        Score.test_loss,
        func.coalesce(Score.validation_rows, 0),
        func.coalesce(Score.test_rows, 0),
        Run.wall_seconds,
        _CORE_SECONDS,
        *((Score.importance,) if importance else ()),
    ).select_from(Cell)
    query = runs.in_order(query, experiment_id, wanted).outerjoin(Score, Score.run_id == Run.id)
    if positions is not None:
        query = query.where(Cell.position.in_(positions))
    return session.connection().execute(query).all()


def importances(session: Session, run_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """Return what some runs read, by their ids, of those that measured it."""
    return {
        run_id: found
        for chunk in dialect.in_lists(run_ids)
        for run_id, found in session.execute(
            select(Score.run_id, Score.importance).where(Score.run_id.in_(chunk))
        )
        if found is not None
    }
