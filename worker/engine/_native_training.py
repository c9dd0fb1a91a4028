"""The runs of one call of the native engine, spread over threads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Condition
from typing import TYPE_CHECKING

from tombola.results import Outcome
from worker.engine._progress import run_of, steps_of
from worker.engine.errors import EngineMemoryError
from worker.engine.seam import Checkpoint, Curve, FinishedRun

if TYPE_CHECKING:
    from tombola.spec import Configuration
    from worker.engine._kernel import Kernel
    from worker.engine._native import Learner
    from worker.engine._progress import Origin
    from worker.engine.seam import Run

#: A step costs about what this many neurons cost even with none.
_STEP_NEURONS = 16


@dataclass(eq=False)
class _Item:
    """A run to train, and how far it is."""

    origin: Origin
    bytes: int
    step_cost: float
    learner: Learner | None = None
    seconds: float = 0.0  #: in this training

    @property
    def run(self) -> Run:
        return run_of(self.origin)

    @property
    def steps(self) -> int:
        learner = self.learner  # read once: its lane may take it away meanwhile
        return learner.steps if learner is not None else steps_of(self.origin)

    @property
    def cost(self) -> float:
        return self.step_cost * self.run.configuration.training.max_steps

    @property
    def cost_left(self) -> float:
        return self.cost - self.step_cost * self.steps


class NativeTraining:
    """Trains runs in as many threads as there are lanes and memory for.

    Args:
        runs: What to train.
        kernel: With what.
        memory: Bytes that the runs in training may take together.
        lanes: Threads.

    Attributes:
        finished: Runs to hand over; None ends them.
    """

    def __init__(self, runs: Sequence[Origin], kernel: Kernel, *, memory: int, lanes: int) -> None:
        self.finished: SimpleQueue[FinishedRun | None] = SimpleQueue()
        self._kernel, self._memory, self._lanes = kernel, memory, lanes
        self._stop = kernel.new_stop()
        items = [self._item(origin) for origin in runs]
        # The longest first, so that all lanes end at about the same time.
        items.sort(key=lambda item: -item.cost_left)
        self._waiting = deque(item for item in items if item.bytes <= memory)
        self._too_large = [item for item in items if item.bytes > memory]
        self._unfinished = set(items)
        self._in_use = 0
        self._free = Condition()
        self._cost = sum(item.cost for item in items)
        self._fraction = 0.0

    def train(self) -> None:
        """Train all runs, or until stopped.

        Raises:
            EngineMemoryError: One run alone does not fit into memory; the others were trained.
        """
        lanes = min(self._lanes, len(self._waiting))
        if lanes:
            with ThreadPoolExecutor(lanes, "tombola-lane") as threads:
                futures = [threads.submit(self._train_lane) for _ in range(lanes)]
            self._train_alone([item for future in futures for item in future.result()])
        if self._too_large and not self._stop.is_set():
            raise _too_large(self._too_large[0], f"the engine may use {self._memory / 2**20:.0f} MiB")

    def _train_alone(self, postponed: Sequence[_Item]) -> None:
        """Train what ran out of memory beside others, one after the other."""
        failed: EngineMemoryError | None = None
        for item in postponed:
            if self._stop.is_set():  # the others keep their memory for their checkpoints
                return
            try:
                self._train_item(item)
            except MemoryError as error:
                item.learner = None
                failed = failed or _too_large(item, "memory ran out", error)
        if failed is not None:
            raise failed

    def stop(self) -> None:
        """Make `train` return soon; may be called often and from any thread."""
        self._stop.set()
        with self._free:
            self._free.notify_all()

    def fraction_done(self) -> float:
        """Return the done share of the work, by cost; a run that ended early has done all of its share."""
        left = sum(item.cost_left for item in tuple(self._unfinished))
        done = 1.0 - left / self._cost if self._cost else 1.0
        self._fraction = min(1.0, max(self._fraction, done))  # runs that start again take nothing back
        return self._fraction

    def checkpoints(self) -> Iterator[Checkpoint]:
        """Yield the runs that began, here or before, and did not end; each frees its memory."""
        for item in sorted(self._unfinished, key=lambda item: -item.cost_left):
            learner, item.learner = item.learner, None
            if learner is not None and learner.steps:
                yield Checkpoint(
                    run=item.run,
                    steps=learner.steps,
                    parameters=learner.save(),
                    curve=_curve(learner),
                    wall_seconds=self._wall_seconds(item),
                )
            elif isinstance(item.origin, Checkpoint):
                yield item.origin

    def _item(self, origin: Origin) -> _Item:
        run = run_of(origin)
        return _Item(origin, self._kernel.settings(run).required_bytes, _step_cost(run.configuration))

    def _train_lane(self) -> list[_Item]:
        """Train runs until none waits; return those that had too little memory beside others."""
        postponed: list[_Item] = []
        try:
            while (item := self._take()) is not None:
                try:
                    self._train_item(item)
                except MemoryError:
                    item.learner = None
                    postponed.append(item)
                finally:
                    with self._free:
                        self._in_use -= item.bytes
                        self._free.notify_all()
        except BaseException:
            self.stop()
            raise
        return postponed

    def _take(self) -> _Item | None:
        """Return the longest waiting run that fits beside those in training, when there is one."""
        with self._free:
            while self._waiting and not self._stop.is_set():
                for item in self._waiting:
                    if self._in_use + item.bytes <= self._memory:
                        self._waiting.remove(item)
                        self._in_use += item.bytes
                        return item
                self._free.wait()
        return None

    def _train_item(self, item: _Item) -> None:
        started = time.perf_counter()
        item.learner = self._kernel.learner(item.origin)
        outcome = item.learner.train(self._stop)
        item.seconds = time.perf_counter() - started
        if outcome is None:
            return
        learner, item.learner = item.learner, None
        curve = _curve(learner)
        self._unfinished.discard(item)
        self.finished.put(
            FinishedRun(
                run=item.run,
                outcome=Outcome(outcome),
                steps=learner.steps,
                train_error=curve.train_error[-1],
                test_error=curve.test_error[-1],
                curve=curve,
                wall_seconds=self._wall_seconds(item),
            )
        )

    def _wall_seconds(self, item: _Item) -> float:
        before = item.origin.wall_seconds if isinstance(item.origin, Checkpoint) else 0.0
        return before + item.seconds / self._lanes


def _curve(learner: Learner) -> Curve:
    steps, train_error, test_error = learner.curve
    return Curve(steps, train_error, test_error)


def _step_cost(configuration: Configuration) -> float:
    """Return the relative cost of a step, for the order of runs and for progress."""
    size = configuration.training.batch_size
    batch = configuration.samples if size == "full" else size
    assert batch is not None  # noqa: S101  # the spec refuses full batches online
    return batch * (configuration.target.n + 2.0) * (configuration.width + _STEP_NEURONS)


def _too_large(item: _Item, reason: str, cause: MemoryError | None = None) -> EngineMemoryError:
    configuration = item.run.configuration
    error = EngineMemoryError(
        f"one run of width {configuration.width}, n {configuration.target.n}, "
        f"samples {configuration.samples}, batch_size {configuration.training.batch_size} "
        f"needs about {item.bytes / 2**20:.0f} MiB on cpu, but {reason}: "
        "use a worker with more memory, or a smaller width"
    )
    error.__cause__ = cause
    return error
