"""All runs of one call of the engine, in batches that lanes take one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tombola.spec import MlpModel
from worker.engine._lanes import Lanes
from worker.engine._memory import Budget, is_out_of_memory
from worker.engine._work import training_threads
from worker.engine.errors import EngineMemoryError
from worker.engine.mlp._batch import Batch, Member
from worker.engine.mlp._finish import score_of
from worker.engine.mlp._group import Group
from worker.engine.scoring import finished_run

if TYPE_CHECKING:
    from worker.engine.seam import TabularRun
    from worker.engine.tables import Provider


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


class Work(Lanes[tuple[Group, list[Member]]]):
    """The training, batch by batch (a `Training` of `worker.engine._handing`)."""

    def __init__(self, runs: Sequence[TabularRun], resources: Resources) -> None:
        self._resources = resources
        self._budget = Budget(resources.memory)
        groups: dict[Group, list[Member]] = {}
        for run in runs:
            model = run.configuration.model
            if not isinstance(model, MlpModel):
                raise TypeError(f"the engine mlp trains networks, not {model.kind}")
            groups.setdefault(Group.of(run.configuration, model), []).append(Member(run, model))
        # Longest first: short ones fill the gaps at the end.
        ordered = sorted(groups.items(), key=lambda item: -item[0].run_cost)
        super().__init__((group, part) for group, members in ordered for part in self._parts(group, members))
        self._cost = sum(group.run_cost * len(members) for group, members in groups.items())
        self._done = 0.0

    def _parts(self, group: Group, members: list[Member]) -> Iterable[list[Member]]:
        lanes, memory = self._resources.lanes, self._resources.memory
        # A run that is too large for a lane's share trains while others wait for their memory.
        size = max(1, min(group.runs_within(memory // lanes), group.most_runs, -(-len(members) // lanes)))
        for first in range(0, len(members), size):
            yield members[first : first + size]

    def train(self) -> None:
        """Train all runs, or until stopped.

        Raises:
            EngineMemoryError: One run alone does not fit into memory; the others were trained.
        """
        resources = self._resources
        self._train_in(training_threads(resources.lanes, resources.device), resources.lanes)

    def fraction_done(self) -> float:
        """Return the done share of the work, by cost; a run that ends early has done all of its share."""
        return min(1.0, self._done / self._cost) if self._cost else 1.0

    @torch.inference_mode()
    def _do(self, piece: tuple[Group, list[Member]]) -> None:
        group, members = piece
        needed, memory = group.bytes_of(len(members)), self._resources.memory
        if needed > memory:
            raise EngineMemoryError(
                f"a network of width {group.width} and depth {group.depth} needs about "
                f"{needed / 2**20:.0f} MiB, and there are {memory / 2**20:.0f}"
            )
        try:
            with self._budget.holding(needed):
                self.tick()
                self._train_batch(group, members)
        except BaseException as error:
            if is_out_of_memory(error):
                raise EngineMemoryError(f"memory ran out: {error}") from error
            raise

    def _train_batch(self, group: Group, members: list[Member]) -> None:
        began_at = time.perf_counter()
        prepared = self._resources.provider(group.task, group.samples, True)  # for networks
        batch = Batch(group, members, prepared, self._resources.device)
        while batch.members:
            before = batch.steps
            batch.advance(self.tick)
            step_cost = group.run_cost / group.max_steps
            began_at = self._share_time(batch, began_at)
            self._add(step_cost * (batch.steps - before) * len(batch.members))
            ended = [place for place, member in enumerate(batch.members) if member.ended]
            for place in ended:
                member = batch.members[place]
                score = score_of(batch, place, prepared, self.tick)
                at = time.perf_counter()
                member.wall_seconds += (at - began_at) / self._resources.lanes
                began_at = at
                self.finished.put(finished_run(member.run, member.steps, score, member.wall_seconds))
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
