"""Where, when and by which command a benchmark ran."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from worker.hardware import processor

ROOT = Path(__file__).parents[1]
#: torch's own choice of threads when the process starts: the cores that it may use.
CORES = torch.get_num_threads()
_LOAD_BEFORE = round(os.getloadavg()[0], 1)


def describe(gpu: str | None = None) -> dict[str, Any]:
    """Return the machine, the GPU that was measured on, the software and the moment, for a report."""
    return {
        "processor": processor(),
        "cores": CORES,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "tombola": version("tombola-server"),
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": " ".join(["python", "-m", _module(), *_arguments(sys.argv[1:])]),
        "load_before": _LOAD_BEFORE,
        "gpu": gpu or "not measured on a GPU",
    }


def _commit() -> str | None:
    """Return the commit that ran, marked where the tree differs from it; None outside a repository."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(  # noqa: S603  # a fixed command
        [git, "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None


def _arguments(given: list[str]) -> list[str]:
    """Return the arguments without the folder of the results: a path of this machine, and no part of them."""
    kept, skip = [], False
    for argument in given:
        if not skip and argument != "--results" and not argument.startswith("--results="):
            kept.append(argument)
        skip = argument == "--results"
    return kept


def _module() -> str:
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).stem
