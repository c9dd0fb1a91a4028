"""Queries on checkpoints: states of unfinished runs, in parts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any, NamedTuple

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from service.store import dialect, parts
from service.store.models import Cell, Checkpoint, CheckpointPart, Experiment, Run, Shard, ShardItem

_KEY = ("configuration_id", "seed", "engine", "device", "software")


class Trainer(NamedTuple):
    """Who can go on from a checkpoint: the engine that made it, on the same kind of device and software."""

    engine: str
    device: str  #: "cpu" or "cuda"
    software: str

    @classmethod
    def of(cls, engine: str, device: str, versions: Mapping[str, str]) -> Trainer:
        """Return the trainer of an engine on a device ("cpu", "cuda:<index>") with these libraries."""
        software = (f"{name} {version}" for name, version in sorted(versions.items()) if name != "python")
        return cls(engine, device.partition(":")[0], ", ".join(software))


def save(session: Session, trainer: Trainer, values: Mapping[str, Any], data: bytes) -> bool:
    """Store a checkpoint, unless the trainer's stored one of the same run is as far.

    Args:
        session: An open write transaction.
        trainer: Who made it.
        values: The columns of `Checkpoint` that are neither key of the trainer nor size.
        data: The state.

    Returns:
        False when the stored one has as many steps or more: a worker that lost its lease comes late.
    """
    row = {**values, **trainer._asdict(), "size": len(data)}
    statement = dialect.insert(session, Checkpoint).values(row)
    checkpoint_id = session.execute(
        statement.on_conflict_do_update(
            index_elements=list(_KEY),
            set_={name: statement.excluded[name] for name in row if name not in _KEY},
            where=Checkpoint.steps < statement.excluded.steps,
        ).returning(Checkpoint.id)
    ).scalar()
    if checkpoint_id is None:
        return False
    session.execute(delete(CheckpointPart).where(CheckpointPart.checkpoint_id == checkpoint_id))
    parts.write(session, CheckpointPart.checkpoint_id, checkpoint_id, data)
    return True


def find(session: Session, trainer: Trainer, configuration_id: int, seed: int) -> Checkpoint | None:
    """Return the trainer's checkpoint of a run, which nobody changes until the transaction ends."""
    return session.scalars(
        select(Checkpoint)
        .filter_by(configuration_id=configuration_id, seed=seed, **trainer._asdict())
        .with_for_update(read=True)
    ).one_or_none()


def parameters(session: Session, checkpoint_id: int) -> bytes:
    """Return the parts of a checkpoint together."""
    whole = BytesIO()  # its value is the one copy of a large state
    whole.writelines(parts.read(session, CheckpointPart.checkpoint_id, checkpoint_id))
    return whole.getvalue()


def steps(
    session: Session, trainer: Trainer, configuration_ids: Iterable[int]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return how far checkpoints of these configurations are.

    Returns:
        By (configuration id, seed): the most steps that the trainer can go on from (0: none), and that
        anybody can.
    """
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for chunk in dialect.in_lists(configuration_ids):
        for row in session.execute(
            select(*(getattr(Checkpoint, name) for name in (*_KEY, "steps"))).where(
                Checkpoint.configuration_id.in_(chunk)
            )
        ):
            own, most = found.get((row.configuration_id, row.seed), (0, 0))
            mine = Trainer(row.engine, row.device, row.software) == trainer
            found[row.configuration_id, row.seed] = (
                max(own, row.steps) if mine else own,
                max(most, row.steps),
            )
    return found


def trainers(session: Session, shard_id: int, *, saved_after: datetime) -> set[Trainer]:
    """Return who made checkpoints of a shard's runs since then, if the shard is queued."""
    in_range = (
        (ShardItem.configuration_id == Checkpoint.configuration_id)
        & (Checkpoint.seed >= ShardItem.seed_start)
        & (Checkpoint.seed < ShardItem.seed_start + ShardItem.seed_count)
    )
    rows = session.execute(
        select(Checkpoint.engine, Checkpoint.device, Checkpoint.software)
        .join(ShardItem, in_range)
        .join(Shard, Shard.id == ShardItem.shard_id)
        .where(Shard.id == shard_id, Shard.state == "queued", Checkpoint.saved_at > saved_after)
        .distinct()
    )
    return {Trainer(*row) for row in rows}


def held(session: Session, experiment_ids: Iterable[str]) -> dict[str, float]:
    """Return the cost times steps that checkpoints hold of each experiment's runs, by experiment.

    A run counts by its furthest checkpoint.
    """
    found: dict[str, float] = {}
    if session.scalar(select(Checkpoint.id).limit(1)) is None:  # mostly so: then no cell need be read
        return found
    in_range = (
        (Cell.configuration_id == Checkpoint.configuration_id)
        & (Checkpoint.seed >= Cell.seed_start)
        & (Checkpoint.seed < Cell.seed_start + Cell.seed_count)
    )
    for chunk in dialect.in_lists(experiment_ids):
        for row in session.execute(
            select(Cell.experiment_id, Cell.run_cost, func.max(Checkpoint.steps).label("steps"))
            .join(Checkpoint, in_range)
            .where(Cell.experiment_id.in_(chunk))
            .group_by(Cell.id, Cell.experiment_id, Cell.run_cost, Checkpoint.seed)
        ):
            found[row.experiment_id] = found.get(row.experiment_id, 0.0) + row.run_cost * row.steps
    return found


def total_bytes(session: Session) -> int:
    """Return the size of all states together."""
    return session.scalar(select(func.coalesce(func.sum(Checkpoint.size), 0))) or 0


def forget_runs(session: Session, runs: Collection[tuple[int, int]], trainer: Trainer | None = None) -> None:
    """Delete the checkpoints of these runs (configuration id, seed): a trainer's, or everybody's."""
    rows: list[int] = []
    for chunk in dialect.in_lists(sorted({configuration_id for configuration_id, _ in runs})):
        query = select(Checkpoint.id, Checkpoint.configuration_id, Checkpoint.seed).where(
            Checkpoint.configuration_id.in_(chunk)
        )
        if trainer is not None:
            query = query.filter_by(**trainer._asdict())
        rows += (row.id for row in session.execute(query) if (row.configuration_id, row.seed) in runs)
    forget(session, rows)


def forget(session: Session, ids: Iterable[int]) -> None:
    """Delete checkpoints, and their parts with them."""
    order = (Checkpoint.configuration_id, Checkpoint.seed, Checkpoint.id)
    found = [
        tuple(row)
        for chunk in dialect.in_lists(sorted(ids))
        for row in session.execute(select(*order).where(Checkpoint.id.in_(chunk)))
    ]
    # Locked in the order in which they are saved, so that nobody waits for each other.
    for chunk in dialect.in_lists(key for *_, key in sorted(found)):
        chosen = Checkpoint.id.in_(chunk)
        session.execute(select(Checkpoint.id).where(chosen).order_by(*order).with_for_update())
        session.execute(delete(Checkpoint).where(chosen))


def unwanted(session: Session, *, saved_before: datetime, unfinished: Collection[str]) -> Sequence[int]:
    """Return ids of checkpoints to delete.

    These are of runs that exist; or that no experiment has; or, if saved before that time, that none of a
    status in `unfinished` has.
    """
    wanting = (
        select(Cell.id)
        .join(Experiment, Experiment.id == Cell.experiment_id)
        .where(
            Cell.configuration_id == Checkpoint.configuration_id,
            Cell.seed_start <= Checkpoint.seed,
            Cell.seed_start + Cell.seed_count > Checkpoint.seed,
        )
    )
    trained = exists().where(Run.configuration_id == Checkpoint.configuration_id, Run.seed == Checkpoint.seed)
    waited_for = wanting.where(Experiment.status.in_(unfinished)).exists()
    return session.scalars(
        select(Checkpoint.id).where(
            trained | ~wanting.exists() | (~waited_for & (Checkpoint.saved_at < saved_before))
        )
    ).all()
