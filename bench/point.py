"""One measurement in a process of its own: how long an engine trains some runs, and the memory it takes.

Reads a request as JSON and prints one line of JSON; `measure` does both ends of that.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypedDict

from bench.machine import ROOT
from bench.training import engine_here, train
from bench.workload import configuration
from tombola.spec import Configuration
from worker.engine import Run


class Point(TypedDict):
    """What a measurement found.

    `seconds` is the median over the repeats, `low` and `high` their extremes; `steps` are those of all runs
    together; `memory_mib` is what training added to the peak of the process, beyond what its imports took.
    """

    engine: str
    seconds: float
    low: float
    high: float
    steps: int
    memory_mib: float


def measure(
    cells: list[Configuration], seeds: range, *, engine: str = "auto", repeats: int = 1, width_first: int = 16
) -> Point:
    """Train every seed of every cell in a fresh process, `repeats` times after a short warm-up.

    Raises:
        RuntimeError: The process failed; the text is what it said.
    """
    request = {
        "cells": [cell.model_dump(mode="json") for cell in cells],
        "seeds": [seeds.start, seeds.stop],
        "engine": engine,
        "repeats": repeats,
        "warm_up_width": width_first,
    }
    done = subprocess.run(  # our own module
        [sys.executable, "-m", "bench.point"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode != 0:
        raise RuntimeError(f"bench.point ended with code {done.returncode}: {done.stderr.strip()}")
    point: Point = json.loads(done.stdout)
    return point


def main() -> None:
    """Read the request from stdin, measure, print."""
    request: dict[str, Any] = json.load(sys.stdin)
    engine = engine_here(request["engine"])
    cells = [Configuration.model_validate(cell) for cell in request["cells"]]
    runs = [Run(cell, seed) for cell in cells for seed in range(*request["seeds"])]
    # The first call of a process loads libraries; the runs are others, so that they take no memory twice.
    train(engine, [Run(configuration(request["warm_up_width"]), 0)])
    before = reset_peak_memory_mib()
    trained = [train(engine, runs) for _ in range(request["repeats"])]
    seconds = [one.seconds for one in trained]
    point = Point(
        engine=engine.name,
        seconds=statistics.median(seconds),
        low=min(seconds),
        high=max(seconds),
        steps=trained[0].steps,
        memory_mib=peak_memory_mib() - before,
    )
    print(json.dumps(point))


def reset_peak_memory_mib(process: int | Literal["self"] = "self") -> float:
    """Begin a new peak where the system can (Linux), and return what the process holds at most so far."""
    with suppress(OSError):
        Path(f"/proc/{process}/clear_refs").write_text("5")
    return peak_memory_mib(process)


def peak_memory_mib(process: int | Literal["self"] = "self") -> float:
    """Return the most memory that this process, or on Linux another one, has held.

    Linux counts a parent's memory into a child's `ru_maxrss`, so /proc is asked first.

    Raises:
        RuntimeError: The system does not tell of other processes.
    """
    status = Path(f"/proc/{process}/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    if process != "self":
        raise RuntimeError("the memory of other processes is known on Linux only")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
