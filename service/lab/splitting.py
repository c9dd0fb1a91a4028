"""Shards that turn out too long for the worker that claims them: it takes the front, the rest is queued.

A fleet is planned for as so many average workers, and the cost model may be wrong; a claim knows who will
train and what has been measured since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from service.lab import fleet
from service.lab.planning import consecutive
from service.lab.work import run_cost
from service.store import shards
from service.store.database import now
from service.store.models import Shard
from service.store.shards import SeedRange
from tombola.spec import AnyConfiguration

#: Shards up to this many times the length they are planned for are left whole.
_TOLERATED = 2.0


def front(
    session: Session,
    shard: Shard,
    wanted: Sequence[tuple[int, int]],
    known: Mapping[int, AnyConfiguration],
    *,
    shard_seconds: float,
) -> list[tuple[int, int]]:
    """Return the runs that the holder of a shard should train now, and queue the others as a new shard.

    Args:
        session: The claim's transaction; the shard is leased in it.
        shard: The shard, just claimed.
        wanted: The runs in it that are missing, (configuration id, seed), in order.
        known: Their configurations.
        shard_seconds: What a shard should take a worker.
    """
    machine = fleet.machine_of(session, shard.worker_id or "", shard.kind)
    runs = list(wanted)
    if machine is None:
        return runs
    each = {key: machine.worker_seconds(item) for key, item in known.items()}
    if sum(each[key] for key, _ in runs) <= _TOLERATED * shard_seconds:
        return runs
    seconds, taken = 0.0, 0
    while taken < len(runs) and (seconds < shard_seconds or taken % machine.kind.lanes):
        seconds += each[runs[taken][0]]
        taken += 1
    if taken < len(runs):
        rest = runs[taken:]
        shards.replace_items(session, shard.id, _ranges(runs[:taken]))
        cost = sum(run_cost(known[key]) for key, _ in rest)
        shards.add(session, shard.experiment_id, [(cost, _ranges(rest))], now(), shard.kind)
    return runs[:taken]


def _ranges(runs: Sequence[tuple[int, int]]) -> list[SeedRange]:
    seeds: dict[int, list[int]] = defaultdict(list)
    for key, seed in runs:
        seeds[key].append(seed)
    return [
        SeedRange(key, start, count)
        for key, found in seeds.items()
        for start, count in consecutive(sorted(found))
    ]
