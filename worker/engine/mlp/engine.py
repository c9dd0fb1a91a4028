"""The engine of networks on tables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from worker import instructions
from worker.engine import _memory
from worker.engine._graph import Capturer
from worker.engine._handing import hand_over
from worker.engine.mlp._work import Resources, Work
from worker.engine.torch_engine import detail_of, find_device

if TYPE_CHECKING:
    from worker.engine.seam import OnFinished, ShouldStop, TabularRun
    from worker.engine.tables import Provider


class MlpEngine:
    """Trains networks on tables with torch; a `TabularEngine`.

    On CPU a run's results depend on its configuration and seed alone, bit for bit: not on the runs that train
    with it, their order, or the number of threads. On CUDA the draws are the same and results agree in
    distribution.

    Args:
        provider: Returns splits.
        device: "auto" (CUDA where there is some, else CPU), "cpu", "cuda" or "cuda:<index>".
        memory_limit: Bytes the engine may use; by default half of what is free when `train` is called.

    Attributes:
        name: "mlp".
        device: "cpu" or "cuda:<index>".
        detail: The GPU's name; on CPU the torch version and the lanes.
        lanes: Torch's threads when the engine was made; 1 on CUDA.
        versions: On CPU the instructions that torch and its BLAS use (`worker.instructions`): they decide how
            sums are rounded.

    Raises:
        DeviceError: There is no such device.
        ValueError: The memory limit is not positive.
    """

    name = "mlp"

    def __init__(self, provider: Provider, device: str = "auto", memory_limit: int | None = None) -> None:
        if memory_limit is not None and memory_limit <= 0:
            raise ValueError(f"memory_limit is a positive number of bytes, not {memory_limit}")
        self._provider = provider
        self._memory_limit = memory_limit
        self._device = find_device(device)
        on_cpu = self._device.type == "cpu"
        self.device = str(self._device)
        self.lanes = torch.get_num_threads() if on_cpu else 1
        self.detail = detail_of(self._device, self.lanes)
        self._capturer = None if on_cpu else Capturer()
        self.versions: Mapping[str, str] = MappingProxyType(_instructions() if on_cpu else {})

    def train(self, runs: Sequence[TabularRun], on_finished: OnFinished, should_stop: ShouldStop) -> bool:
        """Train the runs, of any mix of configurations, and hand each to `on_finished` once.

        See `TabularEngine.train`.

        Raises:
            EngineMemoryError: One run alone does not fit into memory; the others were trained.
            TypeError: A run's model is no network.
        """
        memory = self._memory_limit or _memory.default_limit(self._device)
        work = Work(runs, Resources(self._provider, self._device, self.lanes, memory, self._capturer))
        return hand_over(work, on_finished, should_stop) == len(runs)


def _instructions() -> dict[str, str]:
    blas = os.environ.get("MKL_CBWR", "as fast as can be") if instructions.of_intel() else "as MKL chooses"
    return {"instructions": torch.backends.cpu.get_cpu_capability(), "blas_instructions": blas}
