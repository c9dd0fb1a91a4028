"""Numerics: random numbers, the learner, engines. Knows the spec, nothing of web, SQL or queue."""

from __future__ import annotations

from collections.abc import Callable

from worker.engine.errors import (
    CheckpointError,
    DeviceError,
    EngineError,
    EngineMemoryError,
    UnknownEngineError,
)
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
    "FinishedRun",
    "OnCheckpoint",
    "OnFinished",
    "Run",
    "ShouldStop",
    "TorchEngine",
    "TritonEngine",
    "UnknownEngineError",
    "select_engine",
]

#: Every engine by name: called with the device, it returns the engine or raises `DeviceError`.
ENGINES: dict[str, Callable[[str], Engine]] = {"torch": TorchEngine, "triton": TritonEngine}


def select_engine(name: str = "auto", device: str = "auto") -> Engine:
    """Return an engine.

    Args:
        name: A name in `ENGINES`, or "auto" for the fastest that runs here.
        device: "auto", "cpu", "cuda" or "cuda:<index>".

    Raises:
        UnknownEngineError: There is no engine of this name.
        DeviceError: There is no such device.
    """
    if name == "auto":
        return TorchEngine(device)
    if name not in ENGINES:
        known = ", ".join(sorted(ENGINES))
        raise UnknownEngineError(f"no engine {name!r}: known are auto, {known}")
    return ENGINES[name](device)
