"""Numerics: random numbers, the learner, engines. Knows the spec, nothing of web, SQL or queue."""

from __future__ import annotations

from collections.abc import Callable

import torch

from worker.engine.errors import (
    CheckpointError,
    DeviceError,
    EngineError,
    EngineMemoryError,
    EngineNotBuiltError,
    UnknownEngineError,
)
from worker.engine.native_engine import NativeEngine
from worker.engine.seam import (
    Checkpoint,
    Curve,
    Engine,
    FinishedRun,
    OnCheckpoint,
    OnFinished,
    Run,
    ShouldStop,
)
from worker.engine.torch_engine import TorchEngine
from worker.engine.triton_engine import TritonEngine

__all__ = [
    "ENGINES",
    "Checkpoint",
    "CheckpointError",
    "Curve",
    "DeviceError",
    "Engine",
    "EngineError",
    "EngineMemoryError",
    "EngineNotBuiltError",
    "FinishedRun",
    "NativeEngine",
    "OnCheckpoint",
    "OnFinished",
    "Run",
    "ShouldStop",
    "TorchEngine",
    "TritonEngine",
    "UnknownEngineError",
    "select_engine",
]

#: Every engine by name: called with the device, it returns the engine or raises an `EngineError`.
ENGINES: dict[str, Callable[[str], Engine]] = {
    "native": NativeEngine,
    "torch": TorchEngine,
    "triton": TritonEngine,
}


def select_engine(name: str = "auto", device: str = "auto", *, threads: int = 0) -> Engine:
    """Return an engine.

    Args:
        name: A name in `ENGINES`, or "auto" for the fastest that runs here.
        device: "auto", "cpu", "cuda" or "cuda:<index>".
        threads: CPU threads of this process, set for all of torch; 0 leaves them as they are.

    Raises:
        UnknownEngineError: There is no engine of this name.
        DeviceError: There is no such device, or the engine cannot use it.
        EngineNotBuiltError: The engine was not compiled at the installation.
    """
    if threads:
        torch.set_num_threads(threads)
    if name == "auto":
        return _fastest(device)
    if name not in ENGINES:
        known = ", ".join(sorted(ENGINES))
        raise UnknownEngineError(f"no engine {name!r}: known are auto, {known}")
    return ENGINES[name](device)


def _fastest(device: str) -> Engine:
    """Return the native engine on CPU and that of Triton on CUDA, torch where they do not run."""
    engine = TorchEngine(device)
    try:
        return ENGINES["native" if engine.device == "cpu" else "triton"](engine.device)
    except EngineError as error:
        engine.detail += f"; {error}"
        return engine
