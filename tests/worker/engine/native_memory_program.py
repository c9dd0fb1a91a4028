# ruff: noqa: T201  # a program: it prints its answers
"""Measures the memory of a native learner, or has too little; started by `test_native_engine.py`.

Usage: native_memory_program.py CASE | too-large
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from tombola.spec import Configuration, ParityTarget, TrainingSettings
from worker.engine import EngineMemoryError, NativeEngine, Run

#: Shapes in which each part of the estimate is the largest one.
CASES = {
    "wide": {"width": 20_000, "samples": 100},
    "many-samples": {"width": 16, "samples": 4_000_000},
    "large-online-batch": {"n": 500, "width": 10_000, "samples": None, "batch_size": 256},
    "full-batch": {"width": 16, "samples": 9_000_000, "batch_size": "full"},
}


def make_run(*, n=50, width=16, samples=100, steps=3, **training) -> Run:
    settings = TrainingSettings(max_steps=steps, eval_every=steps, **training)
    target = ParityTarget(n=n, k=5)
    return Run(
        Configuration(target=target, width=width, samples=samples, sparsity=2, training=settings), seed=0
    )


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def measure(case) -> None:
    """Print the estimate for a run and by how much the process grew, in bytes."""
    engine = NativeEngine(threads=1)
    engine.parameters_after(make_run(), 2)
    run = make_run(**CASES[case])
    before = resident()
    learner = engine._kernel.learner(run)
    learner.advance(1 if case == "full-batch" else 3, engine._kernel.new_stop())
    print(engine._kernel.settings(run).required_bytes, resident() - before)


def too_large() -> None:
    """Print the error for one run that does not fit."""
    engine = NativeEngine(threads=1, memory_limit=2**40)
    engine.parameters_after(make_run(), 2)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(
        resource.RLIMIT_AS, (pages * resource.getpagesize() + 250 * 2**20, resource.RLIM_INFINITY)
    )
    try:
        engine.train([make_run(n=1000, width=100_000)], print, lambda _: False)
    except EngineMemoryError as error:
        print(error)


if __name__ == "__main__":
    (name,) = sys.argv[1:]
    if name == "too-large":
        too_large()
    else:
        measure(name)
