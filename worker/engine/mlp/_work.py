"""All runs of one call of the engine, in batches that lanes take one after the other."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING

import torch

from tombola.spec import MlpModel
from worker.engine._memory import is_out_of_memory
from worker.engine._work import training_threads
from worker.engine.errors import EngineMemoryError
from worker.engine.mlp._batch import Batch, Member
from worker.engine.mlp._finish import finished, score_of
from worker.engine.mlp._group import Group

if TYPE_CHECKING:
    from worker.engine.seam import FinishedRun, TabularRun
    from worker.engine.tables import Provider


class _StopRequestedError(Exception):
    """Raised in a lane to end it."""


@dataclass(frozen=True)
class Resources:
    """What the lanes share.

    Attributes:
        memory: Bytes for all of them.
    """

    provider: Provider
    device: torch.device
    lanes: int
    memory: int


class Work:
    """The training, and what it and the caller's thread share (a `Training` of `worker.engine._handing`)."""

    def __init__(self, runs: Sequence[TabularRun], resources: Resources) -> None:
        self.finished: SimpleQueue[FinishedRun | None] = SimpleQueue()
        self._resources = resources
        self._stopping = Event()
        self._lock = Lock()
        groups: dict[Group, list[Member]] = {}
        for run in runs:
            model = run.configuration.model
            if not isinstance(model, MlpModel):
                raise TypeError(f"the engine mlp trains networks, not {model.kind}")
            groups.setdefault(Group.of(run.configuration, model), []).append(Member(run, model))
        # Longest first: short ones fill the gaps at the end.
        ordered = sorted(groups.items(), key=lambda item: -item[0].run_cost)
        self._waiting = deque(
            (group, part) for group, members in ordered for part in self._parts(group, members)
        )
        self._cost = sum(group.run_cost * len(members) for group, members in groups.items())
        self._done = 0.0

    def _parts(self, group: Group, members: list[Member]) -> Iterable[list[Member]]:
        lanes = self._resources.lanes
        fitting = self._resources.memory // lanes // group.bytes_per_run
        if fitting < 1 and self._resources.memory < group.bytes_per_run:
            raise EngineMemoryError(
                f"a network of width {group.width} and depth {group.depth} needs about "
                f"{group.bytes_per_run / 2**20:.0f} MiB, and there are {self._resources.memory / 2**20:.0f}"
            )
        size = max(1, min(fitting, group.most_runs, -(-len(members) // lanes)))
        for first in range(0, len(members), size):
            yield members[first : first + size]

    def train(self) -> None:
        """Train all runs, or until stopped.

        Raises:
            EngineMemoryError: One run alone does not fit into memory; other runs may have ended before.
        """
        lanes = self._resources.lanes
        with training_threads(lanes, self._resources.device) as threads:
            futures = [threads.submit(self._train_lane) for _ in range(lanes)]
        for future in futures:
            future.result()

    def stop(self) -> None:
        """Make `train` return soon; may be called often and from any thread."""
        self._stopping.set()

    def fraction_done(self) -> float:
        """Return the done share of the work, by cost; a run that ends early has done all of its share."""
        return min(1.0, self._done / self._cost) if self._cost else 1.0

    @torch.inference_mode()
    def _train_lane(self) -> None:
        try:
            while (taken := self._next()) is not None:
                self._train_batch(*taken)
        except _StopRequestedError:
            pass
        except BaseException as error:
            self.stop()
            if is_out_of_memory(error):
                raise EngineMemoryError(f"memory ran out: {error}") from error
            raise

    def _next(self) -> tuple[Group, list[Member]] | None:
        self._tick()
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _train_batch(self, group: Group, members: list[Member]) -> None:
        began_at = time.perf_counter()
        prepared = self._resources.provider(group.task, group.samples, True)  # for networks
        batch = Batch(group, members, prepared, self._resources.device)
        while batch.members:
            before = batch.steps
            batch.advance(self._tick)
            step_cost = group.run_cost / group.max_steps
            began_at = self._share_time(batch, began_at)
            self._add(step_cost * (batch.steps - before) * len(batch.members))
            ended = [place for place, member in enumerate(batch.members) if member.ended]
            for place in ended:
                member = batch.members[place]
                score = score_of(batch, place, prepared, self._tick)
                at = time.perf_counter()
                member.wall_seconds += (at - began_at) / self._resources.lanes
                began_at = at
                self.finished.put(finished(member, score, member.wall_seconds))
                self._add(step_cost * (group.max_steps - member.steps))
            if ended:
                batch.keep([place for place, member in enumerate(batch.members) if not member.ended])

    def _share_time(self, batch: Batch, since: float) -> float:
        at = time.perf_counter()
        for member in batch.members:
            member.wall_seconds += (at - since) / len(batch.members) / self._resources.lanes
        return at

    def _add(self, cost: float) -> None:
        with self._lock:
            self._done += cost

    def _tick(self) -> None:
        if self._stopping.is_set():
            raise _StopRequestedError
