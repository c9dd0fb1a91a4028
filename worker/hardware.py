"""What a worker runs on, in the words that measured speeds are kept under."""

from __future__ import annotations

import platform
from pathlib import Path

from worker.engine import Engine

_LONGEST = 120


def device_name(engine: Engine) -> str:
    """Return the name of what an engine trains on: the GPU's or the processor's."""
    if engine.device == "cpu":
        return processor()
    import torch  # noqa: PLC0415  # where an engine is there, it has loaded

    return torch.cuda.get_device_name(engine.device)[:_LONGEST]


def processor() -> str:
    """Return the processor's name, or where the system does not tell it the architecture."""
    return _processor()[:_LONGEST]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return value.strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine() or "unknown"
