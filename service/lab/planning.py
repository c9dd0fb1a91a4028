"""Planning: the difference between the runs that are wanted and those that exist, cut into shards.

A plan never changes what is true: runs are. So shards can be dropped at any time and planned again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.lab import asked, events, fleet, work
from service.lab.fleet import Fleet
from service.store import cells, runs, shards
from service.store.database import now
from service.store.models import Cell, Experiment
from service.store.shards import SeedRange
from tombola.spec import AnyConfiguration

#: A shard shorter than this is not worth its dispatch.
_SHORTEST_SHARD_SECONDS = 5.0
#: Of what is left, each shard takes a worker's share divided by this: so the last ones are short, and
#: workers end together although runs end early or late.
_SHARDS_PER_WORKER = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """Runs that somebody wants: consecutive seeds of a configuration, and the most a run takes a worker."""

    configuration_id: int | None  #: None: a configuration nobody ever stored
    seed_start: int
    seed_count: int
    run_seconds: float


@dataclass(frozen=True, slots=True)
class Missing:
    """Consecutive seeds that nobody trained or is training."""

    seeds: SeedRange
    run_seconds: float

    @property
    def seconds(self) -> float:
        """The most seconds of a worker that all of them take."""
        return self.run_seconds * self.seeds.seed_count


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
                Missing(SeedRange(key, start, count), want.run_seconds)
                for start, count in consecutive(sorted(asked - done - waiting))
            ]
        )
    return Survey(n_existing, n_pending, missing)


def lacking(session: Session, items: Sequence[SeedRange]) -> list[tuple[int, int]]:
    """Return (configuration id, seed) of the runs of these ranges that do not exist, in order."""
    by_range: dict[tuple[int, int], list[int]] = defaultdict(list)
    for item in items:
        by_range[item.seed_start, item.seed_count].append(item.configuration_id)
    done = {
        (key, seed)
        for (start, count), ids in by_range.items()
        for key, seeds in runs.existing_seeds(session, ids, start, start + count).items()
        for seed in seeds
    }
    return [
        (item.configuration_id, seed)
        for item in items
        for seed in range(item.seed_start, item.seed_start + item.seed_count)
        if (item.configuration_id, seed) not in done
    ]


def unfinished(session: Session, experiment: Experiment) -> list[Cell]:
    """Return the cells of an experiment that lack runs."""
    return [cell for cell in cells.of(session, experiment.id) if cell.runs < cell.seed_count]


def is_waiting(session: Session, experiment: Experiment) -> bool:
    """Tell whether all that an experiment lacks is in live shards, its own or others'."""
    lacking = unfinished(session, experiment)
    found = survey(
        session, [Wanted(cell.configuration_id, cell.seed_start, cell.seed_count, 0.0) for cell in lacking]
    )
    return found.pending > 0 and not any(found.missing)


def _wanted_by(
    lacking: Sequence[Cell], configurations: Mapping[int, AnyConfiguration], machines: Fleet
) -> list[Wanted]:
    """Return what cells want, in the order in which it is best trained."""
    # Longest first, for short runs fill the gaps at the end. Those that train together in one batch stand
    # beside each other.
    longest: dict[tuple[str | int, ...], float] = defaultdict(float)
    found = []
    for cell in lacking:
        configuration = configurations[cell.configuration_id]
        batch, each = work.batch_of(configuration), machines.worker_seconds(configuration)
        longest[batch] = max(longest[batch], each)
        found.append((cell, batch, each))
    ordered = sorted(found, key=lambda item: (-longest[item[1]], item[1], -item[2], item[0].position))
    return [
        Wanted(cell.configuration_id, cell.seed_start, cell.seed_count, each) for cell, _, each in ordered
    ]


def plan(
    session: Session,
    experiment: Experiment,
    lacking: Sequence[Cell],
    *,
    shard_seconds: float,
) -> int:
    """Make shards for the runs that some cells of an experiment lack and nobody is training.

    A shard holds runs of one kind and stage, and is cut for the live workers that take this kind; stages go
    one after the other. The caller holds the planning lock and the experiment's row.

    Returns:
        The number of new shards.
    """
    configurations = asked.of_cells(session, experiment, lacking)
    by_kind: dict[work.Kind, list[Cell]] = defaultdict(list)
    for cell in lacking:
        by_kind[work.kind_of(configurations[cell.configuration_id])].append(cell)
    planned: list[tuple[int, work.Kind, list[list[SeedRange]]]] = []
    for kind, mine in by_kind.items():
        machines = fleet.present(session, kind)
        wanted = _wanted_by(mine, configurations, machines)
        stages: dict[int, list[Missing]] = defaultdict(list)
        for item, parts in zip(wanted, survey(session, wanted).missing, strict=True):
            assert item.configuration_id is not None  # noqa: S101  # it is a cell's
            stages[work.stage_of(configurations[item.configuration_id])] += parts
        for stage, missing in stages.items():
            pieces = cut(missing, seconds=shard_seconds, workers=machines.count, lanes=machines.lanes)
            planned.append((stage, kind, pieces))
    costs = {cell.configuration_id: cell.run_cost for cell in lacking}
    count = 0
    for _, kind, pieces in sorted(planned, key=lambda one: one[0]):
        priced = [
            (sum(costs[item.configuration_id] * item.seed_count for item in piece), piece) for piece in pieces
        ]
        shards.add(session, experiment.id, priced, now(), kind)
        count += len(pieces)
    if count:
        events.planned(session, experiment, count)
    return count


def cut(missing: Sequence[Missing], *, seconds: float, workers: int, lanes: int) -> list[list[SeedRange]]:
    """Cut runs, in their order, into shards of about `seconds` each, shorter ones towards the end.

    With several workers this is guided self-scheduling (Polychronopoulos and Kuck 1987): a shard is a fixed
    part of what is left, between a shortest and a longest length.

    Args:
        missing: The runs, and what one takes a worker.
        seconds: Longest shard, but for the rounding to whole runs.
        workers: How many share the runs.
        lanes: How many runs a worker trains side by side: a shard takes multiples of that, where runs are
            so long that one lane would wait for another.

    Returns:
        The seed ranges of each shard. Every run is in exactly one shard.
    """
    left = sum(part.seconds for part in missing)
    lanes = min(lanes, max(1, sum(part.seeds.seed_count for part in missing) // workers))
    pieces: list[list[SeedRange]] = []
    items: list[SeedRange] = []
    budget, taken, count = _length(left, seconds, workers), 0.0, 0
    for part in missing:
        start, waiting = part.seeds.seed_start, part.seeds.seed_count
        while waiting:
            room = _fitting(count + (budget - taken) / part.run_seconds, lanes) - count
            if room < 1:
                pieces.append(items)
                left -= taken
                items, taken, count, budget = [], 0.0, 0, _length(left, seconds, workers)
                continue
            fitting = min(waiting, room)
            items.append(SeedRange(part.seeds.configuration_id, start, fitting))
            taken += fitting * part.run_seconds
            count += fitting
            start, waiting = start + fitting, waiting - fitting
    return [*pieces, items] if items else pieces


def _length(left: float, longest: float, workers: int) -> float:
    """Return the seconds of the next shard, with `left` worker-seconds to be cut."""
    wished = longest
    if workers > 1:
        shortest = min(_SHORTEST_SHARD_SECONDS, longest)
        wished = min(longest, max(shortest, left / (workers * _SHARDS_PER_WORKER)))
    return left / max(1, math.ceil(left / wished - 1e-9))  # equal ones, rather than a scrap at the end


def _fitting(room: float, lanes: int) -> int:
    """Return how many runs to take into room for so many: rounded, so that lengths stay near the wished."""
    return max(round(room / lanes), 1) * lanes  # fewer would leave a lane idle, and none be no end


def consecutive(seeds: Sequence[int]) -> list[tuple[int, int]]:
    """Return (start, count) of the stretches of consecutive numbers in a sorted sequence."""
    stretches: list[tuple[int, int]] = []
    for seed in seeds:
        if stretches and seed == sum(stretches[-1]):
            stretches[-1] = (stretches[-1][0], stretches[-1][1] + 1)
        else:
            stretches.append((seed, 1))
    return stretches
