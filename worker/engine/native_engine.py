"""The engine in C++: one run a core, every step in one pass over its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from worker.engine import _memory
from worker.engine._handing import hand_over
from worker.engine._kernel import Kernel
from worker.engine._native_training import NativeTraining
from worker.engine._progress import check
from worker.engine._sgd import Parameters
from worker.engine.errors import DeviceError
from worker.engine.seam import Checkpoint

if TYPE_CHECKING:
    from worker.engine.seam import OnCheckpoint, OnFinished, Run, ShouldStop


class NativeEngine:
    """Trains parity learners on CPU, in C++.

    A run's results depend on its configuration and seed alone, bit for bit: not on the runs that train with
    it, their order, the number of threads, or the instruction set.

    Args:
        device: "auto" or "cpu".
        memory_limit: Bytes the engine may use; by default half of what is free when `train` is called. Runs
            beyond it wait.
        instructions: "avx512", "avx2" or "portable"; by default the fastest that this CPU runs.
        threads: How many runs train at once; by default as many as torch would take threads.

    Attributes:
        name: "native".
        device: "cpu".
        detail: The instruction set and the number of threads.
        lanes: The number of threads.
        versions: The instruction set.

    Raises:
        EngineNotBuiltError: The extension was not built at the installation.
        DeviceError: The device is no CPU.
        ValueError: A limit is not positive, or the CPU lacks the instructions.
    """

    name = "native"
    device = "cpu"

    def __init__(
        self,
        device: str = "auto",
        memory_limit: int | None = None,
        *,
        instructions: str | None = None,
        threads: int | None = None,
    ) -> None:
        if device not in ("auto", "cpu"):
            raise DeviceError(f'the native engine trains on "cpu", not {device!r}: use the engine "torch"')
        if memory_limit is not None and memory_limit <= 0:
            raise ValueError(f"memory_limit is a positive number of bytes, not {memory_limit}")
        if threads is not None and threads <= 0:
            raise ValueError(f"threads is a positive number, not {threads}")
        self._kernel = Kernel(instructions)
        self._memory_limit = memory_limit
        self.lanes = threads or torch.get_num_threads()
        self.versions: Mapping[str, str] = {"instructions": self._kernel.instructions}
        self.detail = f"C++ with {self._kernel.shown}, {self.lanes} thread{'s' if self.lanes > 1 else ''}"

    def train(
        self,
        runs: Sequence[Run | Checkpoint],
        on_finished: OnFinished,
        should_stop: ShouldStop,
        on_checkpoint: OnCheckpoint | None = None,
    ) -> bool:
        """Train the runs, of any mix of configurations, and hand each to `on_finished` once.

        Args:
            runs: What to train, from the start or from a checkpoint on.
            on_finished: Called with each run as soon as it ends.
            should_stop: Called about twice a second with the fraction of the work done; True stops.
            on_checkpoint: Called, after a stop, with each run that has begun, here or before, and not ended.

        Returns:
            True when every run was handed over, False when `should_stop` ended it before.

        Raises:
            CheckpointError: A checkpoint cannot be one of its run.
            EngineMemoryError: One run alone does not fit into memory; the others were trained.
        """
        for origin in runs:
            if isinstance(origin, Checkpoint):
                check(origin)
        memory = self._memory_limit or _memory.default_limit(torch.device("cpu"))
        training = NativeTraining(runs, self._kernel, memory=memory, lanes=self.lanes)
        handed_over = hand_over(training, on_finished, should_stop)
        if on_checkpoint is not None:
            for checkpoint in training.checkpoints():
                on_checkpoint(checkpoint)
        return handed_over == len(runs)

    def parameters_after(self, run: Run, steps: int) -> Parameters:
        """Return the parameters of a run after some steps, to compare engines step by step."""
        learner = self._kernel.learner(run)
        learner.advance(steps, self._kernel.new_stop())
        configuration = run.configuration
        return Parameters.unpacked(
            learner.save(), configuration.target.n, configuration.width, torch.device("cpu")
        )
