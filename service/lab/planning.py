"""Planning: the difference between the runs that are wanted and those that exist, cut into shards.

A plan never changes what is true: runs are. So shards can be dropped at any time and planned again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.lab import events
from service.store import cells, runs, shards
from service.store.database import now
from service.store.models import Experiment
from service.store.shards import SeedRange

#: A shard shorter than this is not worth its dispatch.
_SHORTEST_SHARD_SECONDS = 5.0
#: Shards per worker that an experiment is cut into when it is too small for full-length ones.
_SHARDS_PER_WORKER = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """Runs that somebody wants: consecutive seeds of a configuration; the cost of a run in seconds."""

    configuration_id: int | None  #: None: a configuration nobody ever stored
    seed_start: int
    seed_count: int
    run_cost: float


@dataclass(frozen=True, slots=True)
class Missing:
    """Consecutive seeds that nobody trained or is training."""

    seeds: SeedRange
    run_cost: float


@dataclass(frozen=True, slots=True)
class Survey:
    """Wanted runs sorted by what has become of them; `missing[i]` are those of `wanted[i]`."""

    existing: int
    pending: int
    missing: list[list[Missing]]


def survey(session: Session, wanted: Sequence[Wanted]) -> Survey:
    """Compare the runs that are wanted with those that exist and those in live shards."""
    ids = sorted({item.configuration_id for item in wanted if item.configuration_id is not None})
    low = min((item.seed_start for item in wanted), default=0)
    high = max((item.seed_start + item.seed_count for item in wanted), default=0)
    existing = runs.existing_seeds(session, ids, low, high)
    pending: dict[int, set[int]] = {}
    for item in shards.live_items(session, ids):
        pending.setdefault(item.configuration_id, set()).update(
            range(item.seed_start, item.seed_start + item.seed_count)
        )
    n_existing = n_pending = 0
    missing: list[list[Missing]] = []
    for want in wanted:
        key = -1 if want.configuration_id is None else want.configuration_id
        asked = set(range(want.seed_start, want.seed_start + want.seed_count))
        done = asked & existing.get(key, set())
        waiting = (asked & pending.get(key, set())) - done
        n_existing += len(done)
        n_pending += len(waiting)
        missing.append(
            [
                Missing(SeedRange(key, start, count), want.run_cost)
                for start, count in _consecutive(sorted(asked - done - waiting))
            ]
        )
    return Survey(n_existing, n_pending, missing)


def wanted_by(session: Session, experiment: Experiment) -> list[Wanted]:
    """Return what an experiment's unfinished cells want, in the order in which it is best trained."""
    unfinished = [cell for cell in cells.of(session, experiment.id) if cell.runs < cell.seed_count]
    # Runs of equal width and kind of data train together, so they stand beside each other.
    unfinished.sort(key=lambda cell: (cell.samples is None, cell.width, cell.position))
    return [
        Wanted(cell.configuration_id, cell.seed_start, cell.seed_count, cell.run_cost) for cell in unfinished
    ]


def plan(session: Session, experiment: Experiment, *, shard_seconds: float, workers: int) -> int:
    """Make shards for the runs of an experiment that nobody trained or is training.

    The caller holds the planning lock and the experiment's row.

    Returns:
        The number of new shards.
    """
    found = survey(session, wanted_by(session, experiment))
    missing = [part for parts in found.missing for part in parts]
    pieces = cut(missing, shard_length(missing, shard_seconds=shard_seconds, workers=workers))
    shards.add(session, experiment.id, pieces, now())
    if pieces:
        events.planned(session, experiment, len(pieces))
    return len(pieces)


def shard_length(missing: Iterable[Missing], *, shard_seconds: float, workers: int) -> float:
    """Return how long a shard should train, in seconds: shorter when there is too little for all workers."""
    total = sum(part.run_cost * part.seeds.seed_count for part in missing)
    fair = total / (max(workers, 1) * _SHARDS_PER_WORKER)
    return min(shard_seconds, max(fair, _SHORTEST_SHARD_SECONDS))


def cut(missing: Sequence[Missing], seconds: float) -> list[tuple[float, list[SeedRange]]]:
    """Cut runs, in their order, into shards of at most about `seconds` each and of about equal cost.

    Returns:
        A cost in seconds and its seed ranges for each shard. Every run is in exactly one shard.
    """
    total = sum(part.run_cost * part.seeds.seed_count for part in missing)
    if not missing:
        return []
    budget = total / max(1, math.ceil(total / seconds))
    pieces: list[tuple[float, list[SeedRange]]] = []
    items: list[SeedRange] = []
    cost = 0.0
    for part in missing:
        start, left = part.seeds.seed_start, part.seeds.seed_count
        while left:
            # Rounded, so that the shards' costs stay near the budget; at least one, so that it ends.
            room = round((budget - cost) / part.run_cost)
            if room < 1 and items:
                pieces.append((cost, items))
                items, cost = [], 0.0
                continue
            taken = min(left, max(room, 1))
            items.append(SeedRange(part.seeds.configuration_id, start, taken))
            cost += taken * part.run_cost
            start, left = start + taken, left - taken
    pieces.append((cost, items))
    return pieces


def _consecutive(seeds: Sequence[int]) -> list[tuple[int, int]]:
    """Return (start, count) of the stretches of consecutive numbers in a sorted sequence."""
    stretches: list[tuple[int, int]] = []
    for seed in seeds:
        if stretches and seed == sum(stretches[-1]):
            stretches[-1] = (stretches[-1][0], stretches[-1][1] + 1)
        else:
            stretches.append((seed, 1))
    return stretches
