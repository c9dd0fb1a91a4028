"""Quotes: what a spec would cost, with a range, from the cost model, measured speeds and finished runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.lab import cost, fleet, learning, planning
from service.lab.fleet import Fleet
from service.store import configurations, runs
from tombola.results import Estimate, Machines, Quote
from tombola.spec import Configuration, ExperimentSpec


@dataclass(frozen=True, slots=True)
class _Part:
    """The runs of one configuration that are still to train.

    Attributes:
        low: Steps a run takes: a mean of finished runs, or what one takes at least.
        expected: Steps a run takes: a mean of finished runs and one at the budget, or the budget.
    """

    configuration: Configuration
    count: int
    finished: int
    low: float
    expected: float

    @property
    def budget(self) -> int:
        """Steps a run takes at most."""
        return self.configuration.training.max_steps


def quote(session: Session, spec: ExperimentSpec, asked: Mapping[str, Configuration]) -> Quote:
    """Return what a spec would cost; `asked` are its configurations by hash."""
    machines = fleet.present(session)
    known = configurations.ids_by_hash(session, asked)
    found = planning.survey(
        session, [planning.Wanted(known.get(key), spec.seeds.start, spec.seeds.count, 0.0) for key in asked]
    )
    counts = [sum(part.seeds.seed_count for part in parts) for parts in found.missing]
    wanted = [(known.get(key), item, n) for (key, item), n in zip(asked.items(), counts, strict=True) if n]
    taken = runs.mean_steps(session, [key for key, _, _ in wanted if key is not None])
    parts = [_part(item, n, *taken.get(-1 if key is None else key, (0, 0.0))) for key, item, n in wanted]
    core_seconds, gpu_seconds, wall_seconds = _estimates(machines, parts)
    return Quote(
        cells=spec.cell_count,
        runs=spec.run_count,
        runs_existing=found.existing,
        runs_pending=found.pending,
        run_steps=sum(part.count * part.budget for part in parts),
        flops=sum(part.count * cost.run_flops(part.configuration, part.budget) for part in parts),
        seconds=sum(part.count * machines.worker_seconds(part.configuration) for part in parts),
        workers=machines.alive,
        expected_run_steps=round(sum(part.count * part.expected for part in parts)),
        expected_flops=sum(
            part.count * cost.run_flops(part.configuration, round(part.expected)) for part in parts
        ),
        core_seconds=core_seconds,
        gpu_seconds=gpu_seconds,
        wall_seconds=wall_seconds,
        memory_bytes=max((cost.run_bytes(part.configuration) for part in parts), default=0),
        runs_with_history=sum(part.count for part in parts if part.finished),
        machines=_shown(machines, parts),
        basis=_basis(machines, parts),
    )


def _part(configuration: Configuration, count: int, finished: int, mean_steps: float) -> _Part:
    training = configuration.training
    if not finished:
        first = min(training.eval_every, training.max_steps)
        return _Part(configuration, count, 0, first, training.max_steps)
    # One more at the budget: a few quick successes are no proof.
    expected = (finished * mean_steps + training.max_steps) / (finished + 1)
    return _Part(configuration, count, finished, mean_steps, expected)


def _estimates(machines: Fleet, parts: Sequence[_Part]) -> tuple[Estimate | None, Estimate | None, Estimate]:
    """Return core-seconds, GPU-seconds and wall seconds.

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
            ),
            default=0.0,
        )
        busy.append(sum(part.count * seconds for part, seconds in zip(parts, each, strict=True)))
        alone = longest * (1.0 - 1.0 / machines.all_lanes)
        wall.append(busy[-1] + alone if name == "high" else max(busy[-1], longest))

    def of(device: str) -> Estimate | None:
        lanes = machines.lanes_of(device)
        return _estimate([seconds * lanes for seconds in busy]) if lanes else None

    return of("cpu"), of("cuda"), _estimate(wall)


def _estimate(values: Sequence[float]) -> Estimate:
    low, expected, high = values
    return Estimate(low=low, expected=expected, high=high)


def _shown(machines: Fleet, parts: Sequence[_Part]) -> list[Machines]:
    octaves = {learning.width_class(part.configuration.width) for part in parts}
    return [
        Machines(
            engine=item.kind.engine,
            device=item.kind.device,
            device_name=item.kind.device_name,
            lanes=item.kind.lanes,
            workers=item.count if machines.alive else 0,
            measured=octaves <= item.corrections.keys(),
        )
        for item in machines.machines
    ]


def _basis(machines: Fleet, parts: Sequence[_Part]) -> str:
    if not parts:
        return "nothing to train"
    shown = _shown(machines, parts)
    speeds = "measured" if all(item.measured for item in shown) else "assumed, in part at least"
    kinds = ", ".join(
        f"{item.workers or 1} x {item.engine} on {item.device_name} ({item.device}, {item.lanes} lanes)"
        for item in shown
    )
    there = "" if machines.alive else "no worker is alive, so one is assumed: "
    total = sum(part.count for part in parts)
    known = sum(part.count for part in parts if part.finished)
    return (
        f"{there}{kinds}, speed {speeds}; steps from finished runs of the same configuration for {known} of "
        f"{total} runs to train, the full budget expected for the others"
    )
