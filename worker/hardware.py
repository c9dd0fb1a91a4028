"""What a worker runs on, in the words that measured speeds are kept under."""

from __future__ import annotations

import platform
from pathlib import Path

from worker.engine import Engine

_LONGEST = 120


def device_name(engine: Engine) -> str:
    """Return the name of what an engine trains on: the GPU's as the engine has it, or the processor's."""
    return (processor() if engine.device == "cpu" else engine.detail)[:_LONGEST]


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
