# ruff: noqa: T201  # a program: it prints its answers
"""Trains with little memory, or measures how much it takes; started by `test_torch_engine.py`.

Usage: memory_program.py measure CASE | halve | too-large
"""

from __future__ import annotations

import dataclasses
import resource
import sys
from pathlib import Path

import torch

from tombola.spec import Configuration, ParityTarget, TrainingSettings
from worker.engine import EngineMemoryError, FinishedRun, Run, TorchEngine
from worker.engine._batch import Batch
from worker.engine._group import FIXED_BYTES, Group

#: Shapes in which each part of the estimate is the largest one.
CASES = {
    "wide": {"width": 4000, "samples": 100},
    "many-samples": {"width": 16, "samples": 15_000},
    "large-online-batch": {"width": 16, "samples": None, "batch_size": 4096},
    "full-batch": {"width": 1000, "samples": 3000, "batch_size": "full"},
}
NO_LIMIT = 2**40


def make_runs(count, *, n=50, width=16, samples=100, **training) -> list[Run]:
    settings = TrainingSettings(max_steps=4, eval_every=2, **training)
    target = ParityTarget(n=n, k=20)
    configuration = Configuration(target=target, width=width, samples=samples, sparsity=2, training=settings)
    return [Run(configuration, seed) for seed in range(count)]


def train(runs) -> dict[Run, FinishedRun]:
    done = []
    assert TorchEngine("cpu", memory_limit=NO_LIMIT).train(runs, done.append, lambda _: False)
    return {one.run: dataclasses.replace(one, wall_seconds=0) for one in done}


def allow_to_grow(size) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + size, resource.RLIM_INFINITY))


def measure(case) -> None:
    """Print the estimate for 24 runs and by how much the process grew, in bytes."""
    shape = CASES[case]
    train(make_runs(1, **{**shape, "width": 2, "samples": shape["samples"] and 2}))
    runs = make_runs(24, **shape)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    train(runs)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    group = Group.of(runs[0].configuration)
    print(FIXED_BYTES + len(runs) * group.bytes_per_run(shape["samples"]), grown)


def halve() -> None:
    """Print "same" if runs give the same with little memory, and the sizes of the batches started with it."""
    runs = make_runs(32, width=6000)
    sizes = []
    start = Batch.start
    Batch.start = lambda group, runs, *rest: sizes.append(len(runs)) or start(group, runs, *rest)
    train(make_runs(1, width=2))
    sizes.clear()
    allow_to_grow(150 * 2**20)
    limited = train(runs)
    batches = sizes.copy()
    allow_to_grow(NO_LIMIT)
    print("same" if train(runs) == limited else "different", *batches)


def too_large() -> None:
    """Print the error for one run that does not fit."""
    train(make_runs(1))
    allow_to_grow(250 * 2**20)
    try:
        train(make_runs(1, n=1000, width=100_000))
    except EngineMemoryError as error:
        print(error)


if __name__ == "__main__":
    torch.set_num_threads(1)
    name, *arguments = sys.argv[1:]
    {"measure": measure, "halve": halve, "too-large": too_large}[name](*arguments)
