"""Training with an engine alone: no service, no database, in this process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from bench.machine import CORES
from bench.workload import configuration
from worker.engine import ENGINES, Engine, EngineError, FinishedRun, Run, select_engine


@dataclass(frozen=True)
class Trained:
    """What one call of an engine took: wall seconds, and the steps of all runs together."""

    seconds: float
    steps: int


def train(engine: Engine, runs: Sequence[Run]) -> Trained:
    """Train runs with all cores, start-up included."""
    torch.set_num_threads(CORES)  # a baseline may have left it at one
    finished: list[FinishedRun] = []
    started = time.perf_counter()
    engine.train(runs, finished.append, lambda _: False)
    return Trained(time.perf_counter() - started, sum(one.steps for one in finished))


def engine_here(name: str = "auto") -> Engine:
    """Return an engine for this machine's CPU, with a lane for each core."""
    torch.set_num_threads(CORES)
    return select_engine(name, "cpu")


def engines_here() -> tuple[dict[str, Engine], dict[str, str]]:
    """Return every engine that trains on this machine's CPU, by name, and why the others do not."""
    found: dict[str, Engine] = {}
    missing: dict[str, str] = {}
    for name in ENGINES:
        try:
            found[name] = engine_here(name)
        except EngineError as error:
            missing[name] = str(error)
    return found, missing


class EngineSide:
    """Many runs of one cell in one call of an engine; a `bench.timing.Side`."""

    def __init__(self, engine: Engine, width: int, n: int, runs: int) -> None:
        self._engine, self._width, self._n, self.runs = engine, width, n, runs

    def seconds(self, steps: int) -> float:
        """See `bench.timing.Side`; here drawing the data is counted."""
        cell = configuration(self._width, n=self._n, steps=steps)
        trained = train(self._engine, [Run(cell, seed) for seed in range(self.runs)])
        return trained.seconds / trained.steps
