"""The engine on torch: every run of a batch trains in the same matrix products, on CPU or CUDA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from worker.engine import _memory, _progress
from worker.engine._batch import Batch
from worker.engine._graph import Capturer
from worker.engine._group import Group
from worker.engine._group_training import Resources
from worker.engine._handing import hand_over
from worker.engine._packing import CUDA_SLACK
from worker.engine._work import Work, training_threads
from worker.engine.errors import DeviceError
from worker.engine.seam import Run

if TYPE_CHECKING:
    from worker.engine._sgd import Parameters
    from worker.engine.seam import Checkpoint, OnCheckpoint, OnFinished, ShouldStop


class TorchEngine:
    """Trains parity learners with torch.

    On CPU a run's results depend on its configuration and seed alone, bit for bit: not on the runs that train
    with it, their order, or the number of threads. On CUDA the draws are the same and results agree in
    distribution.

    Args:
        device: "auto" (CUDA where there is some, else CPU), "cpu", "cuda" or "cuda:<index>".
        memory_limit: Bytes the engine may use; by default half of what is free when `train` is called. Sizes
            batches: runs beyond it wait.

    Attributes:
        name: "torch".
        device: "cpu" or "cuda:<index>".
        detail: The GPU's name; on CPU the torch version, its BLAS where that is MKL, and the lanes.
        lanes: Torch's threads when the engine was made; 1 on CUDA.
        versions: Nothing besides the libraries'.

    Raises:
        DeviceError: There is no such device.
        ValueError: The memory limit is not positive.
    """

    name = "torch"
    versions: Mapping[str, str] = MappingProxyType({})
    _batch: type[Batch] = Batch

    def __init__(self, device: str = "auto", memory_limit: int | None = None) -> None:
        if memory_limit is not None and memory_limit <= 0:
            raise ValueError(f"memory_limit is a positive number of bytes, not {memory_limit}")
        self._device = find_device(device)
        self._memory_limit = memory_limit
        self.device = str(self._device)
        self.lanes = torch.get_num_threads() if self._device.type == "cpu" else 1
        self.detail = detail_of(self._device, self.lanes)
        # On CPU products of other shapes would round otherwise, and launches cost next to nothing.
        cuda = self._device.type == "cuda"
        self._slack = CUDA_SLACK if cuda else 1.0
        self._capturer = Capturer() if cuda else None

    def train(
        self,
        runs: Sequence[Run | Checkpoint],
        on_finished: OnFinished,
        should_stop: ShouldStop,
        on_checkpoint: OnCheckpoint | None = None,
    ) -> bool:
        """Train the runs, of any mix of configurations, and hand each to `on_finished` once.

        The functions are called in the caller's thread; what they raise ends the training and is raised.

        Args:
            runs: What to train, from the start or from a checkpoint on.
            on_finished: Called with each run as soon as it ends.
            should_stop: Called about twice a second with the fraction of the work done; True stops.
            on_checkpoint: Called, after a stop, with each run that has begun, here or before, and not ended,
                at the step where it stands.

        Returns:
            True when every run was handed over, False when `should_stop` ended it before.

        Raises:
            CheckpointError: A checkpoint cannot be one of its run.
            EngineMemoryError: One run alone does not fit into memory.
        """
        for origin in runs:
            if not isinstance(origin, Run):
                _progress.check(origin)
        work = Work(runs, self._resources())
        handed_over = hand_over(work, on_finished, should_stop)
        if on_checkpoint is not None:
            for checkpoint in work.checkpoints:
                on_checkpoint(checkpoint)
        return handed_over == len(runs)

    def parameters_after(self, run: Run, steps: int) -> Parameters:
        """Return the parameters of a run after some steps, to compare engines step by step."""
        with training_threads(1, self._device) as thread:
            return thread.submit(self._parameters_after, run, steps).result().clone()

    @torch.inference_mode()
    def _parameters_after(self, run: Run, steps: int) -> Parameters:
        batch = self._batch.start(Group.of(run.configuration), [run], self._device, self._capturer)
        batch.advance(steps, lambda: None)
        return batch.parameters

    def _resources(self) -> Resources:
        memory = self._memory_limit or _memory.default_limit(self._device)
        return Resources(self._device, memory, self.lanes, self._slack, self._capturer, self._batch)


def detail_of(device: torch.device, lanes: int) -> str:
    """Return in words how torch trains on a device: the GPU's name, or version, BLAS and threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    parts = [f"torch {torch.__version__.partition('+')[0]}"]
    if torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]  # torch has none
        parts.append("MKL")
    return ", ".join([*parts, f"{lanes} thread{'s' * (lanes != 1)}"])


def find_device(name: str) -> torch.device:
    """Return the device of a setting: see `TorchEngine`.

    Raises:
        DeviceError: There is no such device.
    """
    available = torch.cuda.device_count()
    if name == "auto":
        name = "cuda" if available else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f'device is "auto", "cpu", "cuda" or "cuda:<index>", not {name!r}') from error
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != "cuda":
        raise DeviceError(f'device is "auto", "cpu", "cuda" or "cuda:<index>", not {name!r}')
    if not available:
        raise DeviceError(
            f'device {name!r} needs CUDA, and torch {torch.__version__} sees none here: use "cpu"'
        )
    index = device.index or 0
    if index >= available:
        raise DeviceError(f"device {name!r} does not exist: the last of {available} is cuda:{available - 1}")
    return torch.device("cuda", index)
