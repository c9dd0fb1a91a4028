"""Queries on experiments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from service.store import cells
from service.store.dialect import in_lists
from service.store.models import Cell, Configuration, Experiment, Shard
from service.store.shards import LIVE

#: Statuses in which runs are being trained or wait to be.
ACTIVE = ("queued", "running")


def get(session: Session, experiment_id: str, *, lock: bool = False) -> Experiment | None:
    """Return one experiment; with `lock`, keep its row from others until the transaction ends."""
    query = select(Experiment).where(Experiment.id == experiment_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def exists_now(session: Session, experiment_id: str) -> bool:
    """Tell whether there is such an experiment still."""
    return session.scalar(select(Experiment.id).where(Experiment.id == experiment_id)) is not None


def lock_many(session: Session, ids: Iterable[str]) -> dict[str, Experiment]:
    """Lock several experiments, always in the order of their ids, so that no two transactions deadlock."""
    return {
        experiment_id: experiment
        for experiment_id in sorted(set(ids))
        if (experiment := get(session, experiment_id, lock=True)) is not None
    }


def unfinished_on(session: Session, dataset_id: str, statuses: Collection[str]) -> str | None:
    """Return the id of an experiment in one of these statuses that needs a data set, if there is one."""
    needed = Configuration.document["target"]["dataset"].as_string()
    return session.scalars(
        select(Experiment.id)
        .where(
            Experiment.status.in_(statuses),
            exists()
            .where(Cell.experiment_id == Experiment.id, Configuration.id == Cell.configuration_id)
            .where(needed == dataset_id),
        )
        .order_by(Experiment.id)
        .limit(1)
    ).first()


def datasets_of(session: Session, experiment_id: str) -> set[str]:
    """Return the ids of the data sets that an experiment's cells are on."""
    needed = Configuration.document["target"]["dataset"].as_string()
    found = session.scalars(
        select(needed)
        .join(Cell, Cell.configuration_id == Configuration.id)
        .where(Cell.experiment_id == experiment_id)
        .distinct()
    )
    return {item for item in found if item is not None}


def page(session: Session, *, limit: int, before: str | None, status: str | None) -> Sequence[Experiment]:
    """Return up to `limit` experiments, newest first, older than the id `before`."""
    query = select(Experiment).order_by(Experiment.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Experiment.id < before)
    if status is not None:
        query = query.where(Experiment.status == status)
    return session.scalars(query).all()


def by_idempotency_key(session: Session, scope: str, key: str) -> Experiment | None:
    """Return the experiment that was created under this key, if any."""
    return session.scalars(
        select(Experiment).where(Experiment.idempotency_scope == scope, Experiment.idempotency_key == key)
    ).one_or_none()


def idle_ids(session: Session) -> Sequence[str]:
    """Return the ids of active experiments without a live shard, oldest first."""
    live = exists().where(Shard.experiment_id == Experiment.id, Shard.state.in_(LIVE))
    return session.scalars(
        select(Experiment.id).where(Experiment.status.in_(ACTIVE), ~live).order_by(Experiment.id)
    ).all()


def ids_with_full_rounds(session: Session) -> Sequence[str]:
    """Return the ids of active experiments with cells to be decided and no shard queued, oldest first.

    While shards are queued nobody is idle, and rounds that are decided later go together in larger shards.
    """
    queued = exists().where(Shard.experiment_id == Experiment.id, Shard.state == "queued")
    return session.scalars(
        select(Experiment.id)
        .join(Cell, Cell.experiment_id == Experiment.id)
        .where(cells.OPEN, Cell.runs >= Cell.seed_count, Experiment.status.in_(ACTIVE), ~queued)
        .distinct()
        .order_by(Experiment.id)
    ).all()


def active_ids_wanting(session: Session, configuration_ids: Iterable[int], *, besides: str) -> list[str]:
    """Return the ids of other active experiments with unfinished cells of these configurations."""
    found: set[str] = set()
    for chunk in in_lists(configuration_ids):
        found.update(
            session.scalars(
                select(Cell.experiment_id)
                .join(Experiment, Experiment.id == Cell.experiment_id)
                .where(
                    Cell.configuration_id.in_(chunk),
                    Cell.runs < Cell.seed_count,
                    Experiment.status.in_(ACTIVE),
                    Experiment.id != besides,
                )
                .distinct()
            )
        )
    return sorted(found)
