# ruff: noqa: T201  # a program: it prints its answers
"""Measures how much memory a batch of networks takes; started by `test_memory.py`.

Usage: memory_program.py CASE
"""

from __future__ import annotations

import resource
import sys

import numpy as np
import torch

from tombola.spec import MlpModel, Protocol, TabularConfiguration, TabularTask
from worker.engine._group import FIXED_BYTES
from worker.engine.mlp import MlpEngine
from worker.engine.mlp._group import Group
from worker.engine.seam import TabularRun
from worker.engine.tables import Prepared, Rows

#: Shapes in which each part of the estimate is the largest one.
CASES = {
    "wide": {"width": 30_000},
    "wide-adam": {"width": 30_000, "optimizer": "adamw"},
    "deep-adam": {"width": 1500, "depth": 3, "optimizer": "adamw"},
    "large-batch": {"width": 500, "batch_size": 4096},
    "many-outputs": {"width": 4, "classes": 100, "rows": 40_000},
}


def make_run(seed, *, rows=3000, classes=2, width, **model) -> TabularRun:
    settings = {"depth": 2, "sparsity": 3, "optimizer": "sgd", "learning_rate": 0.01, "weight_decay": 0.0}
    task = TabularTask(
        dataset="d" * 64, rows=rows, features=20, classes=classes, split=0, protocol=Protocol()
    )
    network = MlpModel(width=width, max_steps=4, eval_every=2, **(settings | model))
    return TabularRun(
        TabularConfiguration(
            target=task, samples=task.protocol.sizes(rows)[0], model=network, importance=False
        ),
        seed,
    )


def provide(task, samples, networks) -> Prepared:
    generator = np.random.default_rng(0)
    _, validation, test = task.protocol.sizes(task.rows)
    parts = [
        Rows(
            generator.standard_normal((count, task.features)).astype(np.float32),
            generator.integers(0, task.classes, count),
        )
        for count in (samples, validation, test)
    ]
    return Prepared(task.classes, tuple("abcdefghijklmnopqrst"), np.arange(task.features), *parts)


def measure(case) -> None:
    """Print the estimate for the first batch of 16 runs and by how much the process grew, in bytes."""
    runs = [make_run(seed, **CASES[case]) for seed in range(16)]
    group = Group.of(runs[0].configuration, runs[0].configuration.model)
    prepared = provide(runs[0].configuration.target, runs[0].configuration.samples, True)
    engine = MlpEngine(lambda *_: prepared, "cpu", memory_limit=2**40)
    small = make_run(0, rows=100, width=1, batch_size=1)
    other = provide(small.configuration.target, small.configuration.samples, True)
    first = MlpEngine(lambda *_: other, "cpu", memory_limit=2**40)
    assert first.train([small], lambda _: None, lambda _: False)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert engine.train(runs[: group.most_runs("cpu")], lambda _: None, lambda _: False)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    _, *judged = runs[0].configuration.target.protocol.sizes(runs[0].configuration.target.rows)
    print(FIXED_BYTES + group.bytes_of(min(16, group.most_runs("cpu")), *judged), grown)


if __name__ == "__main__":
    torch.set_num_threads(1)
    measure(sys.argv[1])
