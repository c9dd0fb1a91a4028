"""Quotes: what a spec would cost, with a range, from the cost model, measured speeds and finished runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.lab import allocation, fleet, planning, work
from service.lab.fleet import Fleet
from service.lab.planning import Missing
from service.store import configurations, runs
from tombola.results import Decision, Estimate, Machines, Quote
from tombola.spec import AnyConfiguration, AnySpec, Seeds

_NOBODY = "no worker is alive, so one is assumed: "
_NOBODY_FOR_ALL = "no worker takes a part of it (see --queues), so one is assumed: "


@dataclass(frozen=True, slots=True)
class _Window:
    """How many runs of a cell are wanted, from its first seed on: all three equal where that is fixed."""

    low: int
    expected: float
    high: int


@dataclass(frozen=True, slots=True)
class _Part:
    """The runs of one configuration that are still to train.

    Attributes:
        counts: How many, by the name of the estimate: low, expected, high.
        low: Steps a run takes: a mean of finished runs, or what one takes at least.
        expected: Steps a run takes: a mean of finished runs and one at the budget, or the budget.
    """

    configuration: AnyConfiguration
    counts: Mapping[str, int]
    finished: int
    low: float
    expected: float

    @property
    def budget(self) -> int:
        """Steps a run takes at most."""
        return work.most_steps(self.configuration)

    @property
    def kind(self) -> work.Kind:
        """What trains it."""
        return work.kind_of(self.configuration)

    @property
    def count(self) -> int:
        """The most runs."""
        return self.counts["high"]


@dataclass(frozen=True, slots=True)
class _Work:
    """What an experiment wants, what of it is there, and what is still to train."""

    spec: AnySpec
    kinds: Collection[work.Kind]
    windows: Sequence[_Window]
    existing: int
    pending: int
    parts: Sequence[_Part]


@dataclass(frozen=True, slots=True)
class _Team:
    """The workers that train one kind of shard, and what they are to train."""

    machines: Fleet
    parts: Sequence[_Part]

    @property
    def classes(self) -> set[int]:
        """The speeds that matter; see `work.speed_class`."""
        return {work.speed_class(part.configuration) for part in self.parts}


def quote(session: Session, spec: AnySpec, asked: Mapping[str, AnyConfiguration]) -> Quote:
    """Return what a spec would cost; `asked` are its configurations by hash."""
    return _quote(session, [_work(session, spec, asked)])


def quote_all(
    session: Session, asked: Sequence[tuple[AnySpec, Mapping[str, AnyConfiguration]]]
) -> tuple[list[Quote], Quote]:
    """Return what each of several experiments would cost, and all of them together.

    Args:
        session: A session that sees all as of one moment.
        asked: The specs, each with its configurations by hash. They share none: a run that two of them want
            would be counted twice.
    """
    found = [_work(session, spec, mine) for spec, mine in asked]
    return [_quote(session, [one]) for one in found], _quote(session, found)


def _work(session: Session, spec: AnySpec, asked: Mapping[str, AnyConfiguration]) -> _Work:
    known = configurations.ids_by_hash(session, asked)
    ids = [known.get(key) for key in asked]
    windows = _windows(session, spec, ids)
    found = planning.survey(
        session,
        [
            planning.Wanted(key, spec.seeds.start, window.high, 0.0)
            for key, window in zip(ids, windows, strict=True)
        ],
    )
    taken = runs.mean_steps(session, known.values())
    parts = [
        _part(
            item, _counts(missing, spec.seeds.start, window), *taken.get(-1 if key is None else key, (0, 0.0))
        )
        for key, item, window, missing in zip(ids, asked.values(), windows, found.missing, strict=True)
        if missing
    ]
    kinds = list(dict.fromkeys(work.kind_of(item) for item in asked.values()))
    return _Work(spec, kinds, windows, found.existing, found.pending, parts)


def _quote(session: Session, wanted: Sequence[_Work]) -> Quote:
    """Return the cost of all this work."""
    parts = [part for one in wanted for part in one.parts]
    windows = [window for one in wanted for window in one.windows]
    kinds = dict.fromkeys(kind for one in wanted for kind in one.kinds)
    teams = [
        _Team(fleet.present(session, kind), [part for part in parts if part.kind == kind]) for kind in kinds
    ]
    core_seconds, gpu_seconds, wall_seconds = _estimates(teams)
    return Quote(
        cells=sum(one.spec.cell_count for one in wanted),
        runs=sum(window.high for window in windows),
        runs_existing=sum(one.existing for one in wanted),
        runs_pending=sum(one.pending for one in wanted),
        run_steps=sum(part.count * part.budget for part in parts),
        flops=sum(part.count * work.run_flops(part.configuration, part.budget) for part in parts),
        seconds=sum(
            part.count * team.machines.worker_seconds(part.configuration)
            for team in teams
            for part in team.parts
        ),
        workers=len(frozenset().union(*(team.machines.ids for team in teams))),
        expected_run_steps=round(sum(part.counts["expected"] * part.expected for part in parts)),
        expected_flops=sum(
            part.counts["expected"] * work.run_flops(part.configuration, round(part.expected))
            for part in parts
        ),
        core_seconds=core_seconds,
        gpu_seconds=gpu_seconds,
        wall_seconds=wall_seconds,
        memory_bytes=max((work.run_bytes(part.configuration) for part in parts), default=0),
        runs_with_history=sum(part.count for part in parts if part.finished),
        machines=_shown(teams),
        basis=_basis(teams) + "".join(dict.fromkeys(_hopeless(one.spec) for one in wanted)),
        adaptive_runs=None
        if all(isinstance(one.spec.seeds, Seeds) for one in wanted)
        else Estimate(
            low=sum(window.low for window in windows),
            expected=sum(window.expected for window in windows),
            high=sum(window.high for window in windows),
        ),
    )


def _windows(session: Session, spec: AnySpec, ids: Sequence[int | None]) -> list[_Window]:
    """Return how many runs each cell is going to want; what the store holds is decided on already."""
    seeds = spec.seeds
    if isinstance(seeds, Seeds):
        return [_Window(seeds.count, seeds.count, seeds.count)] * len(ids)
    stored = runs.outcomes(
        session, sorted(key for key in ids if key is not None), seeds.start, seeds.start + seeds.max
    )
    windows = []
    for key in ids:
        mine = stored.get(-1 if key is None else key, {})
        prefix = allocation.walk(
            seeds, {seed - seeds.start: outcome == "success" for seed, (outcome, *_) in mine.items()}
        )
        if prefix.decision is not Decision.OPEN:
            windows.append(_Window(prefix.complete, prefix.complete, prefix.complete))
            continue
        expected = allocation.forecast(seeds, prefix.successes, prefix.complete, wanted=prefix.wanted)
        windows.append(_Window(prefix.wanted, expected, seeds.max))
    return windows


def _counts(missing: Sequence[Missing], start: int, window: _Window) -> dict[str, int]:
    """Return how many of the missing runs are within each end of a window."""
    return {
        name: sum(
            max(0, min(part.seeds.seed_count, start + size - part.seeds.seed_start)) for part in missing
        )
        for name, size in (("low", window.low), ("expected", round(window.expected)), ("high", window.high))
    }


def _hopeless(spec: AnySpec) -> str:
    if isinstance(spec.seeds, Seeds) or allocation.fewest(spec.seeds) <= spec.seeds.max:
        return ""
    return f"; no cell can be decided within {spec.seeds.max} runs: all will take so many and stay undecided"


def _part(
    configuration: AnyConfiguration, counts: Mapping[str, int], finished: int, mean_steps: float
) -> _Part:
    budget = work.most_steps(configuration)
    if not finished:
        return _Part(configuration, counts, 0, work.fewest_steps(configuration), budget)
    # One more at the budget: a few quick successes are no proof.
    expected = (finished * mean_steps + budget) / (finished + 1)
    return _Part(configuration, counts, finished, mean_steps, expected)


@dataclass(frozen=True, slots=True)
class _Busy:
    """Seconds at three estimates: of the whole fleet's lanes, and until the last run ends."""

    busy: Sequence[float]
    wall: Sequence[float]


def _estimates(teams: Sequence[_Team]) -> tuple[Estimate | None, Estimate | None, Estimate]:
    """Return core-seconds, GPU-seconds and wall seconds.

    Kinds that the same workers train are trained one after the other; others side by side.
    """
    taken = [(team, _busy(team.machines, team.parts)) for team in teams]

    def of(device: str) -> Estimate | None:
        mine = [
            [seconds * lanes for seconds in one.busy]
            for team, one in taken
            if (lanes := team.machines.lanes_of(device))
        ]
        return _estimate([sum(column) for column in zip(*mine, strict=True)]) if mine else None

    ids = [team.machines.ids for team in teams]
    apart = all(ids) and not frozenset.intersection(*ids)
    together = max if apart and len(ids) > 1 else sum
    wall = [together(column) for column in zip(*(one.wall for _, one in taken), strict=True)]
    return of("cpu"), of("cuda"), _estimate(wall)


def _busy(machines: Fleet, parts: Sequence[_Part]) -> _Busy:
    """Return what runs of one kind take the workers that train it.

    Workers take shards as they become free, so all of them are busy to the end and share the runs of each
    configuration as they are fast. But no run ends before its own time in one lane; and at worst the longest
    begins last, when the other lanes run dry (the bound of list scheduling, Graham 1966).
    """
    busy: list[float] = []
    wall: list[float] = []
    for name, deviations in (("low", -1.0), ("expected", 0.0), ("high", 1.0)):
        steps = [part.budget if name == "high" else getattr(part, name) for part in parts]
        each = [
            machines.seconds(part.configuration, taken, deviations=deviations)
            for part, taken in zip(parts, steps, strict=True)
        ]
        longest = max(
            (
                machines.shortest_run(part.configuration, taken, deviations=deviations)
                for part, taken in zip(parts, steps, strict=True)
                if part.counts[name]
            ),
            default=0.0,
        )
        busy.append(sum(part.counts[name] * seconds for part, seconds in zip(parts, each, strict=True)))
        alone = longest * (1.0 - 1.0 / machines.all_lanes)
        wall.append(busy[-1] + alone if name == "high" else max(busy[-1], longest))
    return _Busy(busy, wall)


def _estimate(values: Sequence[float]) -> Estimate:
    low, expected, high = values
    return Estimate(low=low, expected=expected, high=high)


def _shown(teams: Sequence[_Team]) -> list[Machines]:
    return [
        Machines(
            engine=item.kind.engine,
            device=item.kind.device,
            device_name=item.kind.device_name,
            lanes=item.kind.lanes,
            workers=item.count if team.machines.alive else 0,
            measured=team.classes <= item.corrections.keys(),
        )
        for team in teams
        for item in team.machines.machines
    ]


def _basis(teams: Sequence[_Team]) -> str:
    parts = [part for team in teams for part in team.parts]
    if not parts:
        return "nothing to train"
    shown = _shown(teams)
    speeds = "measured" if all(item.measured for item in shown) else "assumed, in part at least"
    kinds = ", ".join(
        f"{item.workers or 1} x {item.engine} on {item.device_name} ({item.device}, {item.lanes} lanes)"
        for item in shown
    )
    alive = [bool(team.machines.alive) for team in teams]
    there = "" if all(alive) else _NOBODY_FOR_ALL if any(alive) else _NOBODY
    total = sum(part.count for part in parts)
    known = sum(part.count for part in parts if part.finished)
    return (
        f"{there}{kinds}, speed {speeds}; steps from finished runs of the same configuration for {known} of "
        f"{total} runs to train, the full budget expected for the others"
    )
