"""All runs of one call of the engine, in batches that lanes take one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tombola.spec import MlpModel
from worker.engine._group import CUDA_FIXED_BYTES, FIXED_BYTES
from worker.engine._lanes import Lanes
from worker.engine._memory import Budget, is_out_of_memory
from worker.engine._work import training_threads
from worker.engine.errors import EngineMemoryError
from worker.engine.mlp._batch import Batch, Member, Table
from worker.engine.mlp._finish import score_of
from worker.engine.mlp._group import Group
from worker.engine.scoring import finished_run

if TYPE_CHECKING:
    from worker.engine._graph import Capturer
    from worker.engine.seam import TabularRun
    from worker.engine.tables import Provider


#: Most bytes of the tables that the runs of one batch learn from, where there are several.
_JOINED_BYTES = {"cpu": 64 * 2**20, "cuda": 2**28}


@dataclass(frozen=True)
class Resources:
    """What the lanes share.

    Attributes:
        memory: Bytes for all of them.
        capturer: Makes one launch of many steps, on CUDA.
    """

    provider: Provider
    device: torch.device
    lanes: int
    memory: int
    capturer: Capturer | None = None


@dataclass(frozen=True)
class Piece:
    """Runs that train in one batch.

    Attributes:
        needed: Estimate of the bytes that they take.
    """

    group: Group
    members: list[Member]
    needed: int

    @property
    def cost(self) -> float:
        """Relative cost of all their steps."""
        return self.group.run_cost * len(self.members)


class Work(Lanes[Piece]):
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
        pieces = [piece for group, members in groups.items() for piece in self._pieces(group, members)]
        # Longest first: short ones fill the gaps at the end.
        super().__init__(sorted(pieces, key=lambda piece: -piece.cost))
        self._cost = sum(piece.cost for piece in pieces)
        self._done = 0.0

    def _pieces(self, group: Group, members: list[Member]) -> Iterable[Piece]:
        """Yield the runs of a group in batches, those of one table side by side."""
        lanes, device = self._resources.lanes, self._resources.device.type
        most_joined = _JOINED_BYTES[device]
        tables: dict[Table, list[Member]] = {}
        for member in members:
            tables.setdefault(member.table, []).append(member)
        judged = _judged(tables)
        held = {table: _bytes(table) for table in tables}
        # A run that is too large for a lane's share trains while others wait for their memory.
        fixed = CUDA_FIXED_BYTES if device == "cuda" else FIXED_BYTES
        share = self._resources.memory // lanes - fixed - min(most_joined, sum(held.values()))
        fitting = group.runs_within(share, *judged)
        size = max(1, min(fitting, group.most_runs(device), -(-len(members) // lanes)))
        part: list[Member] = []
        joined = 0
        for table, own in tables.items():
            for number, member in enumerate(own):
                more = held[table] * (number == 0)
                if part and (len(part) == size or joined + more > most_joined):
                    yield Piece(group, part, fixed + joined + group.bytes_of(len(part), *judged))
                    part, joined, more = [], 0, held[table]
                part.append(member)
                joined += more
        if part:
            yield Piece(group, part, fixed + joined + group.bytes_of(len(part), *judged))

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
    def _do(self, piece: Piece) -> None:
        if piece.needed > self._resources.memory:
            raise EngineMemoryError(
                f"a network of width {piece.group.width} and depth {piece.group.depth} needs about "
                f"{piece.needed / 2**20:.0f} MiB, and there are {self._resources.memory / 2**20:.0f}"
            )
        try:
            with self._budget.holding(piece.needed):
                self.tick()
                self._train_batch(piece)
        except BaseException as error:
            if is_out_of_memory(error):
                raise EngineMemoryError(f"memory ran out: {error}") from error
            raise

    def _train_batch(self, piece: Piece) -> None:
        group, members = piece.group, piece.members
        # Where memory allows for fewer pieces side by side, the other lanes wait, and their time counts.
        lanes = max(1, min(self._resources.lanes, self._resources.memory // piece.needed))
        tables = {}
        for task, samples in dict.fromkeys(member.table for member in members):
            self.tick()
            tables[task, samples] = self._resources.provider(task, samples, True)  # for networks
        began_at = time.perf_counter()
        batch = Batch(group, members, tables, self._resources.device, self._resources.capturer)
        step_cost = group.run_cost / group.max_steps
        while going := batch.going:
            before = batch.steps
            batch.advance(self.tick)
            began_at = _share_time([batch.members[place] for place in going], began_at, lanes)
            self._add(step_cost * (batch.steps - before) * len(going))
            for place in going:
                member = batch.members[place]
                if not member.ended:
                    continue
                score = score_of(batch, place, tables[member.table], self.tick)
                began_at = _share_time([member], began_at, lanes)
                self.finished.put(finished_run(member.run, member.steps, score, member.wall_seconds))
                self._add(step_cost * (group.max_steps - member.steps))
            batch.leave_out_ended()

    def _add(self, cost: float) -> None:
        with self._lock:
            self._done += cost


def _judged(tables: Iterable[Table]) -> tuple[int, int]:
    """Return the most validation rows, and the most test rows, of some tables."""
    rows = [_rows(table) for table in tables]
    return max(validation for validation, _ in rows), max(test for _, test in rows)


def _rows(table: Table) -> tuple[int, int]:
    """Return the validation and the test rows of a table."""
    task, samples = table
    return task.protocol.validation_rows(task.rows, samples), task.protocol.sizes(task.rows)[2]


def _bytes(table: Table) -> int:
    """Return the bytes of a table's features."""
    task, samples = table
    return 4 * task.features * (samples + sum(_rows(table)))


def _share_time(members: Sequence[Member], since: float, lanes: int) -> float:
    """Give runs equal parts of the time that went by in one of some lanes; return what time it is."""
    at = time.perf_counter()
    for member in members:
        member.wall_seconds += (at - since) / len(members) / lanes
    return at
