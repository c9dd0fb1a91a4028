"""Queries on shards: the compare-and-set claim, the lease, and what the sweeper looks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, delete, func, insert, select, update
from sqlalchemy.orm import Session

from service.store.dialect import in_lists
from service.store.models import Run, Shard, ShardItem

LIVE = ("queued", "leased")


class SeedRange(NamedTuple):
    """Consecutive seeds of one configuration."""

    configuration_id: int
    seed_start: int
    seed_count: int


def add(
    session: Session,
    experiment_id: str,
    shards: Sequence[tuple[float, Sequence[SeedRange]]],
    at: datetime,
    kind: str = "parity",
) -> list[int]:
    """Store shards of one kind, each a cost and its seed ranges, and return their ids."""
    if not shards:
        return []
    ids = list(
        session.scalars(
            insert(Shard).returning(Shard.id, sort_by_parameter_order=True),
            [
                {
                    "experiment_id": experiment_id,
                    "kind": kind,
                    "cost": cost,
                    "created_at": at,
                    "state": "queued",
                }
                for cost, _ in shards
            ],
        )
    )
    session.execute(
        insert(ShardItem),
        [
            {"shard_id": shard_id, **item._asdict()}
            for shard_id, (_, items) in zip(ids, shards, strict=True)
            for item in items
        ],
    )
    return ids


def get(session: Session, shard_id: int) -> Shard | None:
    """Return one shard as the database has it now."""
    return session.get(Shard, shard_id, populate_existing=True)


def kinds_of(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Return what kind shards are, by id; those that are gone are left out."""
    found: dict[int, str] = {}
    for chunk in in_lists(ids):
        rows = session.execute(select(Shard.id, Shard.kind).where(Shard.id.in_(chunk)))
        found.update({row.id: row.kind for row in rows})
    return found


def items(session: Session, shard_id: int) -> list[SeedRange]:
    """Return the seed ranges of a shard."""
    rows = session.scalars(select(ShardItem).where(ShardItem.shard_id == shard_id))
    return [SeedRange(row.configuration_id, row.seed_start, row.seed_count) for row in rows]


def replace_items(session: Session, shard_id: int, kept: Sequence[SeedRange]) -> None:
    """Leave a shard with these seed ranges only."""
    session.execute(delete(ShardItem).where(ShardItem.shard_id == shard_id))
    session.execute(insert(ShardItem), [{"shard_id": shard_id, **item._asdict()} for item in kept])


def live_items(session: Session, configuration_ids: Iterable[int]) -> list[SeedRange]:
    """Return the seed ranges of these configurations that some live shard holds."""
    found: list[SeedRange] = []
    for chunk in in_lists(configuration_ids):
        rows = session.scalars(
            select(ShardItem)
            .join(Shard, Shard.id == ShardItem.shard_id)
            .where(ShardItem.configuration_id.in_(chunk), Shard.state.in_(LIVE))
        )
        found.extend(SeedRange(row.configuration_id, row.seed_start, row.seed_count) for row in rows)
    return found


def claim(session: Session, shard_id: int, *, token: str, worker_id: str, expires_at: datetime) -> bool:
    """Take a queued shard: true for exactly one of any number of callers."""
    result = session.execute(
        update(Shard)
        .where(Shard.id == shard_id, Shard.state == "queued")
        .values(
            state="leased",
            lease_token=token,
            lease_expires_at=expires_at,
            worker_id=worker_id,
            attempts=Shard.attempts + 1,
            cost_recorded=0.0,
            fraction=0.0,
        )
    )
    return _changed(result) == 1


def update_leased(session: Session, shard_id: int, token: str, **values: Any) -> bool:  # noqa: ANN401  # columns
    """Change a shard if this token still holds it."""
    result = session.execute(
        update(Shard)
        .where(Shard.id == shard_id, Shard.state == "leased", Shard.lease_token == token)
        .values(**values)
    )
    return _changed(result) == 1


def add_recorded(session: Session, shard_id: int, token: str, cost: float) -> None:
    """Add the cost of runs that were recorded from a shard, while this token holds it."""
    update_leased(session, shard_id, token, cost_recorded=Shard.cost_recorded + cost)


def drop_live(session: Session, experiment_id: str, at: datetime) -> list[int]:
    """Drop the live shards of an experiment and return the ids of the configurations in them."""
    shard_ids = session.scalars(
        update(Shard)
        .where(Shard.experiment_id == experiment_id, Shard.state.in_(LIVE))
        .values(state="dropped", finished_at=at, lease_token=None, lease_expires_at=None)
        .returning(Shard.id)
    ).all()
    found: set[int] = set()
    for chunk in in_lists(shard_ids):
        found.update(
            session.scalars(
                select(ShardItem.configuration_id).where(ShardItem.shard_id.in_(chunk)).distinct()
            )
        )
    return sorted(found)


def forget_failures(session: Session, experiment_id: str) -> None:
    """Turn failed shards into dropped ones: what is missing will be planned anew."""
    session.execute(
        update(Shard)
        .where(Shard.experiment_id == experiment_id, Shard.state == "failed")
        .values(state="dropped")
    )


def live_count(session: Session, experiment_id: str) -> int:
    """Return how many shards of an experiment are queued or leased."""
    return session.scalars(
        select(func.count()).where(Shard.experiment_id == experiment_id, Shard.state.in_(LIVE))
    ).one()


def failure_reason(session: Session, experiment_id: str) -> str | None:
    """Return why a shard of this experiment failed for good, if it left runs that are missing still."""
    trained = select(func.count()).where(
        Run.configuration_id == ShardItem.configuration_id,
        Run.seed >= ShardItem.seed_start,
        Run.seed < ShardItem.seed_start + ShardItem.seed_count,
    )
    return session.scalars(
        select(Shard.reason)
        .join(ShardItem, ShardItem.shard_id == Shard.id)
        .where(
            Shard.experiment_id == experiment_id,
            Shard.state == "failed",
            trained.scalar_subquery() < ShardItem.seed_count,
        )
        .order_by(Shard.id)
        .limit(1)
    ).first()


def leased(session: Session, experiment_ids: Iterable[str]) -> dict[str, list[Shard]]:
    """Return the shards in training, by experiment."""
    found: dict[str, list[Shard]] = {}
    for chunk in in_lists(experiment_ids):
        for shard in session.scalars(
            select(Shard).where(Shard.experiment_id.in_(chunk), Shard.state == "leased")
        ):
            found.setdefault(shard.experiment_id, []).append(shard)
    return found


def expired(session: Session, at: datetime) -> Shard | None:
    """Return, locked, a shard whose lease ran out before `at`, or None."""
    return session.scalars(
        select(Shard)
        .where(Shard.state == "leased", Shard.lease_expires_at < at)
        .order_by(Shard.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()


def unrung(session: Session, kinds: Collection[str], *, limit: int) -> Sequence[int]:
    """Return ids of queued shards of some kinds that no message was sent for."""
    return session.scalars(
        select(Shard.id)
        .where(Shard.state == "queued", Shard.rung_at.is_(None), Shard.kind.in_(kinds))
        .order_by(Shard.id)
        .limit(limit)
    ).all()


def rung_before(session: Session, at: datetime, kinds: Collection[str], *, limit: int) -> Sequence[int]:
    """Return ids of queued shards of some kinds whose message was sent before `at`, oldest first."""
    return session.scalars(
        select(Shard.id)
        .where(Shard.state == "queued", Shard.rung_at < at, Shard.kind.in_(kinds))
        .order_by(Shard.rung_at, Shard.id)
        .limit(limit)
    ).all()


def rung_between(session: Session, after: datetime, before: datetime, kinds: Collection[str]) -> bool:
    """Tell whether a queued shard of some kinds was rung for in that time, and nobody has taken it."""
    found = select(Shard.id).where(
        Shard.state == "queued", Shard.rung_at > after, Shard.rung_at < before, Shard.kind.in_(kinds)
    )
    return session.scalars(found.limit(1)).first() is not None


def rung_count(session: Session, kinds: Collection[str]) -> int:
    """Return how many queued shards of some kinds a message was sent for."""
    return session.scalars(
        select(func.count()).where(Shard.state == "queued", Shard.rung_at.is_not(None), Shard.kind.in_(kinds))
    ).one()


def mark_rung(session: Session, ids: Sequence[int], at: datetime) -> None:
    """Note that messages were sent for these shards, except where somebody is changing one just now."""
    for chunk in in_lists(ids):
        # Locked in order, and not waited for: others lock many shards too. One left out is rung again.
        free = session.scalars(
            select(Shard.id)
            .where(Shard.id.in_(chunk), Shard.state == "queued")
            .order_by(Shard.id)
            .with_for_update(skip_locked=True)
        ).all()
        session.execute(update(Shard).where(Shard.id.in_(free)).values(rung_at=at))


def counts_by_state(session: Session) -> dict[str, int]:
    """Return the number of shards in each state."""
    rows = session.execute(select(Shard.state, func.count()).group_by(Shard.state))
    return {row[0]: row[1] for row in rows}


def _changed(result: Any) -> int:  # noqa: ANN401  # Session.execute is typed without a row count
    return int(result.rowcount) if isinstance(result, CursorResult) else 0
