"""Speed of networks on tables beside a plain loop of torch, over widths and optimizers.

Usage: python -m bench.networks [--quick] [--results DIR]

Both sides take turns: the same network on a table of the same size, with mini-batches of one size and as many
evaluations. The engine computes as workers do, with instructions that give the same numbers on every machine;
the plain loop with the fastest that there are; so each has a process of its own. Figures are seconds per run
and step, the median of some rounds.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from bench import output
from bench.machine import CORES
from bench.timing import Side, side_by_side, summary
from tombola.spec import MlpModel, Optimizer, Protocol, TabularConfiguration, TabularTask
from worker import instructions
from worker.engine.mlp import MlpEngine
from worker.engine.seam import TabularRun
from worker.engine.tables import Prepared, Rows

ROWS, VALIDATION, FEATURES, BATCH, INTERVAL = 7000, 900, 26, 64, 100
WIDTHS = (30, 300, 3000, 30_000)
RATES: dict[Optimizer, float] = {"sgd": 0.1, "adamw": 0.001}
#: As many steps as networks have by default.
MOST_STEPS = 5000


@dataclass(frozen=True)
class Shape:
    """A network that both sides train."""

    width: int
    optimizer: Optimizer

    @property
    def runs(self) -> int:
        """How many the engine trains at once: as a comparison has, fewer where each takes long."""
        return 40 if self.width < 1000 else 2 * CORES


def rows(count: int) -> Rows:
    """Return rows of random numbers, whose classes follow two of them."""
    features = np.random.default_rng(count).standard_normal((count, FEATURES)).astype(np.float32)
    return Rows(features, (features[:, 0] * features[:, 1] > 0).astype(np.int64))


def plain_loop(shape: Shape, threads: int, steps: int, device: str = "cpu") -> float:
    """Train one network as in a notebook, with modules, autograd and torch.optim; return seconds per step."""
    torch.set_num_threads(threads)
    train, validation = rows(ROWS), rows(VALIDATION)
    features, classes, looked_at, truth = (
        torch.from_numpy(values).to(device)
        for part in (train, validation)
        for values in (part.features, part.classes)
    )
    classes = classes.float()
    model = nn.Sequential(nn.Linear(FEATURES, shape.width), nn.ReLU(), nn.Linear(shape.width, 1)).to(device)
    made = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[shape.optimizer]
    optimizer = made(model.parameters(), lr=RATES[shape.optimizer])
    lost = nn.BCEWithLogitsLoss()
    started = time.perf_counter()
    for step in range(1, steps + 1):
        index = torch.randint(0, ROWS, (BATCH,), device=device)
        optimizer.zero_grad()
        loss = lost(model(features[index])[:, 0], classes[index])
        loss.backward()
        optimizer.step()
        if step % INTERVAL == 0:
            with torch.no_grad():
                outputs = model(looked_at)[:, 0]
                ((outputs > 0) == (truth > 0)).float().mean().item()
                lost(outputs, truth.float()).item()
    return (time.perf_counter() - started) / steps


class Plain:
    """The plain loop with one thread or one for each core, whichever is faster; a `bench.timing.Side`."""

    runs = 1

    def __init__(self, shape: Shape, elsewhere: ProcessPoolExecutor) -> None:
        self._shape, self._elsewhere = shape, elsewhere
        self.threads = min({1, CORES}, key=lambda threads: self._seconds(threads, INTERVAL))

    def _seconds(self, threads: int, steps: int) -> float:
        return self._elsewhere.submit(plain_loop, self._shape, threads, steps).result()

    def seconds(self, steps: int) -> float:
        """See `bench.timing.Side`."""
        return self._seconds(self.threads, steps)


def engine(shape: Shape, steps: int, count: int, device: str = "cpu") -> float:
    """Train networks in one call of the engine, scores included; return seconds per run and step."""
    torch.set_num_threads(CORES)
    names = tuple(f"column {number}" for number in range(FEATURES))
    split = Prepared(2, names, np.arange(FEATURES), rows(ROWS), rows(VALIDATION), rows(VALIDATION))
    task = TabularTask(
        dataset="0" * 64, rows=10_000, features=FEATURES, classes=2, split=0, protocol=Protocol()
    )
    model = MlpModel(
        width=shape.width,
        depth=2,
        sparsity=None,
        optimizer=shape.optimizer,
        learning_rate=RATES[shape.optimizer],
        weight_decay=0.0,
        batch_size=BATCH,
        eval_every=INTERVAL,
        max_steps=steps,
        patience=None,
    )
    cell = TabularConfiguration(target=task, samples=ROWS, model=model, importance=False)
    runs = [TabularRun(cell, seed) for seed in range(count)]
    started = time.perf_counter()
    MlpEngine(lambda *_: split, device).train(runs, lambda _: None, lambda _: False)
    return (time.perf_counter() - started) / steps / count


class Engine:
    """Many runs in one call of the engine; a `bench.timing.Side`."""

    def __init__(self, shape: Shape, elsewhere: ProcessPoolExecutor) -> None:
        self._shape, self._elsewhere, self.runs = shape, elsewhere, shape.runs

    def seconds(self, steps: int) -> float:
        """See `bench.timing.Side`."""
        return self._elsewhere.submit(engine, self._shape, steps, self.runs).result()


def measure(
    shape: Shape, free: ProcessPoolExecutor, pinned: ProcessPoolExecutor, *, quick: bool
) -> dict[str, Any]:
    """Return one row: what each side takes, and the ratio."""
    plain = Plain(shape, free)
    sides: dict[str, Side] = {"plain": plain, "engine": Engine(shape, pinned)}
    measured = side_by_side(
        sides,
        target_seconds=0.05 if quick else 2.0,
        interval=INTERVAL,
        most=MOST_STEPS,
        rounds=1 if quick else 5,
    )
    timed = {name: summary(seconds) for name, (_, seconds) in measured.items()}
    return {
        "width": shape.width,
        "optimizer": shape.optimizer,
        "runs": shape.runs,
        "threads": plain.threads,
        "seconds": timed,
        "ratio": timed["plain"]["median"] / timed["engine"]["median"],
    }


def main() -> None:
    """Measure, print and write networks.json."""
    arguments = output.parser(__doc__).parse_args()
    found = []
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawning) as free, ProcessPoolExecutor(1, spawning) as pinned:
        # A process has the environment that there is when it starts.
        free.submit(plain_loop, Shape(1, "sgd"), 1, 1).result()
        instructions.pin()
        pinned.submit(engine, Shape(1, "sgd"), 1, 1).result()
        for width in WIDTHS[:2] if arguments.quick else WIDTHS:
            for optimizer in RATES:
                row = measure(Shape(width, optimizer), free, pinned, quick=arguments.quick)
                found.append(row)
                said = ", ".join(
                    f"{name} {seconds['median'] * 1e6:.3g} µs" for name, seconds in row["seconds"].items()
                )
                print(f"width {width}, {optimizer}: {said}, {row['ratio']:.3g}x", flush=True)
    output.write(arguments, "networks", {"rows": found})


if __name__ == "__main__":
    main()
