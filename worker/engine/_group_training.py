"""Training the runs of one group in one lane, as many at a time as memory allows."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tombola.results import Outcome
from worker.engine import _memory
from worker.engine._batch import Batch, Evaluation
from worker.engine._graph import Capturer
from worker.engine._group import CUDA_FIXED_BYTES, FIXED_BYTES
from worker.engine._lanes import Tick
from worker.engine._packing import MOST_RUNS
from worker.engine._progress import Origin, Progress, run_of, steps_of
from worker.engine.errors import EngineMemoryError
from worker.engine.seam import Checkpoint, FinishedRun, Run

if TYPE_CHECKING:
    from worker.engine._group import Group

#: Called with each run as it ends, and the cost of what it had before it at its start here.
OnEnd = Callable[[FinishedRun, float], None]
#: Most runs in one batch; more would make none of them faster.
_MOST_RUNS = {"cpu": 128, "cuda": MOST_RUNS}
#: Below this cost of a step, lanes wait for Python's lock more than they compute: one lane with more runs is
#: faster than two with fewer (measured on two cores).
_LEAST_COST = 6e6


@dataclass(frozen=True)
class Resources:
    """What training may use.

    Attributes:
        memory: Bytes, for all lanes together.
        lanes: Threads that train beside each other, each a batch of its own.
        slack: How much wider than itself a network may be made to train with others (see `pack`).
        capturer: Makes one launch of many steps, on CUDA.
        batch: How runs train together.
    """

    device: torch.device
    memory: int
    lanes: int
    slack: float = 1.0
    capturer: Capturer | None = None
    batch: type[Batch] = Batch

    @property
    def fixed(self) -> int:
        """Bytes that each lane takes besides its runs."""
        return CUDA_FIXED_BYTES if self.device.type == "cuda" else FIXED_BYTES

    def fitting(self, group: Group, samples: int | None) -> int:
        """Return how many runs of this size fit into the memory of one lane."""
        return max(0, self.memory // self.lanes - self.fixed) // group.bytes_per_run(samples)


class RunQueue:
    """The runs of one group that no lane trains yet, in the order of their seeds.

    So each lane gets its part of every cell: the runs of some cells end soon, those of others never do, and
    lanes that trained whole cells would end at very different times.

    Attributes:
        waiting: All lanes take from it.
        largest: The run that takes the most memory.
        count: Runs at first.
    """

    def __init__(self, origins: Iterable[Origin]) -> None:
        self.waiting = deque(sorted(origins, key=lambda origin: run_of(origin).seed))
        self.largest = max(map(run_of, self.waiting), key=lambda run: run.configuration.samples or 0)
        self.count = len(self.waiting)

    def take(self, most: int) -> list[Origin]:
        """Return at most `most` runs, which then wait no more."""
        runs: list[Origin] = []
        with suppress(IndexError):  # other lanes take too
            while len(runs) < most:
                runs.append(self.waiting.popleft())
        return runs


class GroupTraining:
    """Trains runs of one group in one lane: in one batch, whose places are filled again as its runs finish.

    Args:
        group: What the runs share.
        queue: Its runs; other lanes take from it too.
        resources: What all lanes together may use.
        on_end: Called with each run as it ends.
        tick: Called before each pass through the network; what it raises ends the training.
    """

    def __init__(
        self, group: Group, queue: RunQueue, resources: Resources, on_end: OnEnd, tick: Tick
    ) -> None:
        self._group, self._queue, self._resources = group, queue, resources
        self._on_end, self._tick = on_end, tick
        self._training: list[Progress] = []
        self._batch: Batch | None = None

    def work_done(self) -> float:
        """Return the cost of the steps that runs in training took here; may be read from another thread."""
        return self._group.step_cost * sum(progress.steps_here for progress in tuple(self._training))

    def checkpoints(self) -> list[Checkpoint]:
        """Return where the runs in training stand, after `tick` has ended it."""
        return [
            Checkpoint(
                run=progress.run,
                steps=progress.steps,
                parameters=self._batch.parameters.packed(place, progress.run.configuration.width),
                curve=progress.curve,
                wall_seconds=progress.wall_seconds,
            )
            for place, progress in enumerate(self._training)
            if progress.steps and self._batch
        ]

    def train(self) -> list[Origin]:
        """Train until no run waits; return those whose lack of memory another lane may be the cause of.

        Raises:
            EngineMemoryError: One run alone does not fit into memory.
        """
        capacity = self._planned_capacity()
        postponed: list[Origin] = []
        while self._queue.waiting or self._training:
            if self._within_memory(self._fill_and_advance, capacity):
                continue
            # Draws are stateless: from where they began again, these runs give the same results.
            runs = [progress.origin for progress in self._training]
            self._training, self._batch = [], None
            if self._resources.device.type == "cuda":
                torch.cuda.empty_cache()
            if len(runs) > 1:
                capacity = len(runs) // 2
                self._queue.waiting.extendleft(reversed(runs))
            elif self._resources.lanes > 1:
                postponed += runs
            else:
                raise EngineMemoryError(self._too_large(run_of(runs[0]), "memory ran out"))
        return postponed

    @staticmethod
    def _within_memory(work: Callable[[int], None], capacity: int) -> bool:
        # The error's traceback holds tensors; it must be gone before anything is tried again.
        try:
            work(capacity)
        except (RuntimeError, MemoryError) as error:
            if not _memory.is_out_of_memory(error):
                raise
            return False
        return True

    def _fill_and_advance(self, capacity: int) -> None:
        self._fill(capacity)
        if self._batch is None:  # another lane was quicker
            return
        started = time.perf_counter()
        try:
            due = self._advance(self._batch)
            finished = self._evaluate(self._batch, due)
        finally:
            # By the lanes, so that the shares of all runs add up to the wall time of the training.
            share = (time.perf_counter() - started) / len(self._training) / self._resources.lanes
            for progress in self._training:
                progress.wall_seconds += share
        self._release(finished)

    def _fill(self, capacity: int) -> None:
        """Let waiting runs take the free places."""
        runs = self._queue.take(capacity - len(self._training))
        if not runs:
            return
        self._training += [Progress.of(run) for run in runs]
        resources = self._resources
        fresh = resources.batch.start(self._group, runs, resources.device, resources.capturer)
        self._batch = self._batch.joined(fresh) if self._batch else fresh

    def _advance(self, batch: Batch) -> list[int]:
        """Take steps until an evaluation is due; return the places of the runs that it is due for."""

        def count(taken: int) -> None:
            for progress in self._training:
                progress.steps += taken

        steps = min(progress.next_evaluation - progress.steps for progress in self._training)
        batch.advance(steps, self._tick, count)
        return [i for i, one in enumerate(self._training) if one.steps == one.next_evaluation]

    def _evaluate(self, batch: Batch, due: list[int]) -> dict[int, Outcome]:
        """Evaluate runs and return the outcomes of those that end."""
        subset = batch if len(due) == len(batch.runs) else batch.keep(due)
        outcomes = {}
        for place, evaluation in zip(due, subset.evaluate(self._tick), strict=True):
            progress = self._training[place]
            progress.curve.steps.append(progress.steps)
            progress.curve.test_error.append(evaluation.test_error)
            progress.curve.train_error.append(evaluation.train_error)
            outcome = self._outcome(evaluation, progress.steps)
            if outcome is not None:
                outcomes[place] = outcome
        return outcomes

    def _outcome(self, evaluation: Evaluation, steps: int) -> Outcome | None:
        settings = self._group.training
        # First of all: an error that counts wrong signs reads 0 for a network that answers NaN.
        if not evaluation.finite or evaluation.test_error is None:
            return Outcome.DIVERGED
        if evaluation.test_error <= settings.success_error:
            return Outcome.SUCCESS
        return Outcome.CENSORED if steps >= settings.max_steps else None

    def _release(self, finished: dict[int, Outcome]) -> None:
        """Hand over the runs that ended and take them out of the batch."""
        for place, outcome in finished.items():
            progress = self._training[place]
            self._on_end(
                FinishedRun(
                    run=progress.run,
                    outcome=outcome,
                    steps=progress.steps,
                    train_error=progress.curve.train_error[-1],
                    test_error=progress.curve.test_error[-1],
                    curve=progress.curve,
                    wall_seconds=progress.wall_seconds,
                ),
                self._group.run_cost - self._group.step_cost * steps_of(progress.origin),
            )
        if finished:
            kept = [i for i in range(len(self._training)) if i not in finished]
            self._training = [self._training[i] for i in kept]
            self._batch = self._batch.keep(kept) if self._batch and kept else None

    def _planned_capacity(self) -> int:
        """Return how many runs this lane trains at a time."""
        fitting = self._resources.fitting(self._group, self._queue.largest.configuration.samples)
        if fitting < 1:
            limit = f"{self._resources.memory / 2**20:.0f} MiB"
            raise EngineMemoryError(self._too_large(self._queue.largest, f"the engine may use {limit}"))
        share = math.ceil(self._queue.count / self._resources.lanes)
        efficient = math.ceil(_LEAST_COST / self._group.step_cost)
        return min(fitting, max(share, efficient), _MOST_RUNS[self._resources.device.type])

    def _too_large(self, run: Run, reason: str) -> str:
        configuration = run.configuration
        needed = (self._group.bytes_per_run(configuration.samples) + self._resources.fixed) / 2**20
        return (
            f"one run of width {configuration.width}, n {configuration.target.n}, "
            f"samples {configuration.samples}, batch_size {configuration.training.batch_size} "
            f"needs about {needed:.0f} MiB on {self._resources.device}, but {reason}: "
            "use a worker with more memory, or a smaller width"
        )
