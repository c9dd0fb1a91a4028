"""Prints what networks of several shapes score, for `test_instructions.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from conftest import provide, run  # found beside this file

from worker.engine.mlp import MlpEngine

SHAPES = [
    {"width": 10},
    {"width": 301, "features": 26, "optimizer": "adamw", "learning_rate": 0.01, "classes": 3},
    {"width": 2000, "features": 20, "sparsity": None, "batch_size": 64},
    {"width": 130, "depth": 3, "batch_size": 33},
]


def main() -> None:
    runs = [run(seed, **shape, max_steps=60) for shape in SHAPES for seed in range(2)][:6]
    done = []
    MlpEngine(provide, "cpu").train(runs, done.append, lambda _: False)
    for one in sorted(done, key=lambda one: runs.index(one.run)):
        sys.stdout.write(f"{one.steps} {one.score}\n")


if __name__ == "__main__":
    main()
