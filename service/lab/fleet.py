"""The machines that train: what the store knows of their speed, and what it learns."""

from __future__ import annotations

import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from service.lab import cost, learning, work
from service.lab.cost import Speed
from service.lab.learning import Correction
from service.store import speeds, workers
from service.store.database import now
from service.store.models import Worker
from tombola.spec import AnyConfiguration


@dataclass(frozen=True, slots=True)
class Kind:
    """What workers have in common that train equally fast.

    Attributes:
        device: "cpu" or "cuda".
        device_name: The processor's or the GPU's name.
        lanes: How many seconds of it pass in one second: threads on CPU, 1 on a GPU.
    """

    engine: str
    device: str
    device_name: str
    lanes: int

    @classmethod
    def of(cls, worker: Worker, kind: work.Kind = "parity") -> Kind:
        """Return what kind a worker is where it trains shards of some kind."""
        if kind == "estimators":
            return cls("estimators", "cpu", worker.processor, worker.threads)
        engine = worker.engine if kind == "parity" else "mlp"
        return cls(engine, kind_of_device(worker.device), worker.device_name, worker.lanes)


@dataclass(frozen=True, slots=True)
class Machines:
    """Workers of one kind, and how fast each trains.

    Attributes:
        count: Number of workers.
        speed: What was assumed.
        corrections: What was measured, by `work.speed_class`; empty before the first run.
    """

    kind: Kind
    count: int
    speed: Speed
    corrections: Mapping[int, Correction]
    _by_class: dict[int, Correction] = field(default_factory=dict, init=False, repr=False, compare=False)

    def lane_seconds(self, configuration: AnyConfiguration, steps: int, *, deviations: float = 0.0) -> float:
        """Return the seconds of one lane that a run takes, some standard deviations above the expected."""
        number = work.speed_class(configuration)
        if number not in self._by_class:  # grids of thousands of cells have few widths
            self._by_class[number] = learning.at_class(self.corrections, number)
        known = self._by_class[number]
        factor = math.exp(known.log_factor + deviations * known.spread)
        return factor * work.run_seconds(configuration, steps, self.speed)

    def worker_seconds(self, configuration: AnyConfiguration) -> float:
        """Return the seconds of one worker, all its lanes busy, that a run takes at most."""
        return self.lane_seconds(configuration, work.most_steps(configuration)) / self.kind.lanes


@dataclass(frozen=True, slots=True)
class Fleet:
    """The workers that are alive; where none is, one like the last that was, or like an embedded stack's.

    Attributes:
        alive: Number of live workers.
        machines: Never empty.
        ids: Of the live workers.
    """

    alive: int
    machines: tuple[Machines, ...]
    ids: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        """Number of workers that are reckoned with, at least one."""
        return sum(item.count for item in self.machines)

    @property
    def lanes(self) -> int:
        """How many runs most workers train side by side."""
        return max(self.machines, key=lambda item: item.count).kind.lanes

    @property
    def all_lanes(self) -> int:
        """How many runs all workers together train side by side."""
        return sum(item.count * item.kind.lanes for item in self.machines)

    def seconds(self, configuration: AnyConfiguration, steps: float, *, deviations: float = 0.0) -> float:
        """Return the seconds that a run takes the whole fleet: the inverse of its runs per second."""
        whole = math.ceil(steps)
        return 1.0 / sum(
            item.count * item.kind.lanes / item.lane_seconds(configuration, whole, deviations=deviations)
            for item in self.machines
        )

    def shortest_run(
        self, configuration: AnyConfiguration, steps: float, *, deviations: float = 0.0
    ) -> float:
        """Return the seconds that a run takes alone, in one lane of the fastest machine."""
        whole = math.ceil(steps)
        return min(item.lane_seconds(configuration, whole, deviations=deviations) for item in self.machines)

    def lanes_of(self, device: str) -> int:
        """Return how many lanes on devices of a kind ("cpu", "cuda") there are."""
        return sum(item.count * item.kind.lanes for item in self.machines if item.kind.device == device)

    def worker_seconds(self, configuration: AnyConfiguration) -> float:
        """Return the seconds that a run takes the average worker at most, all its lanes busy."""
        return self.count * self.seconds(configuration, work.most_steps(configuration))


def kind_of_device(device: str) -> str:
    """Return "cuda" for "cuda:0", "cpu" for "cpu"."""
    return device.partition(":")[0]


def present(session: Session, kind: work.Kind = "parity") -> Fleet:
    """Return the workers that take shards of some kind, as they are now."""
    rows = [row for row in workers.alive(session) if takes(row, kind)]
    kinds = Counter(Kind.of(row, kind) for row in rows)
    if not kinds:
        last = workers.last(session)
        kinds[Kind.of(last, kind) if last is not None and takes(last, kind) else _embedded(kind)] = 1
    return Fleet(len(rows), tuple(_machines(session, kinds)), frozenset(row.id for row in rows))


def takes(worker: Worker, kind: work.Kind) -> bool:
    """Tell whether a worker consumes the queue of shards of some kind."""
    return work.queue_of(kind) in worker.queues.split(",")


def machine_of(session: Session, worker_id: str, kind: work.Kind = "parity") -> Machines | None:
    """Return one worker as a fleet's only machine, None where it did not register."""
    row = workers.get(session, worker_id)
    return None if row is None else next(_machines(session, {Kind.of(row, kind): 1}))


def learn(session: Session, kind: Kind, trained: Iterable[tuple[AnyConfiguration, int, float]]) -> None:
    """Correct what is known of a machine's speed.

    Args:
        session: A write transaction.
        kind: What trained.
        trained: Configuration, steps and seconds of a lane of each run.
    """
    speed = cost.assumed_speed(kind.engine, kind.device)
    measured: dict[int, float] = defaultdict(float)
    predicted: dict[int, float] = defaultdict(float)
    for configuration, steps, seconds in trained:
        if not work.tells_speed(configuration):
            continue
        octave = work.speed_class(configuration)
        measured[octave] += seconds
        predicted[octave] += work.run_seconds(configuration, steps, speed)
    octaves = [octave for octave in measured if measured[octave] > 0 and predicted[octave] > 0]
    if not octaves:
        return
    known = _corrections(session, [kind])[kind.engine, kind.device_name]
    at = now()
    rows = []
    for octave in octaves:
        new = learning.learn(
            known.get(octave, Correction()), measured=measured[octave], predicted=predicted[octave]
        )
        rows.append(
            {
                "engine": kind.engine,
                "device_name": kind.device_name,
                "width_class": octave,
                "log_factor": new.log_factor,
                "variance": new.variance,
                "evidence": new.evidence,
                "updated_at": at,
            }
        )
    speeds.put(session, rows)


def _machines(session: Session, kinds: Mapping[Kind, int]) -> Iterator[Machines]:
    known = _corrections(session, kinds)
    for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], str(item[0]))):
        speed = cost.assumed_speed(kind.engine, kind.device)
        yield Machines(kind, count, speed, known[kind.engine, kind.device_name])


def _corrections(session: Session, kinds: Iterable[Kind]) -> dict[tuple[str, str], dict[int, Correction]]:
    found: dict[tuple[str, str], dict[int, Correction]] = {
        (kind.engine, kind.device_name): {} for kind in kinds
    }
    for row in speeds.of(session, found):
        correction = Correction(row.log_factor, row.variance, row.evidence)
        found[row.engine, row.device_name][row.width_class] = correction
    return found


def _embedded(kind: work.Kind) -> Kind:
    """Return what `tombola serve` would start on this host."""
    engine = {"parity": "native", "networks": "mlp", "estimators": "estimators"}[kind]
    return Kind(engine, "cpu", "unknown", os.cpu_count() or 1)
