"""The seam between the shard contract and the numerics: what every engine takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tombola.results import Outcome
from tombola.spec import Configuration


@dataclass(frozen=True, slots=True)
class Run:
    """One unit of training: a configuration and a seed."""

    configuration: Configuration
    seed: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Errors at the evaluations of a run; None where not finite or where there is no training set."""

    steps: list[int] = field(default_factory=list)
    train_error: list[float | None] = field(default_factory=list)
    test_error: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run and how it ended.

    Attributes:
        steps: SGD steps taken: at success the step of the evaluation, else all that were trained.
        wall_seconds: The run's share of its batch's wall time.
    """

    run: Run
    outcome: Outcome
    steps: int
    train_error: float | None
    test_error: float | None
    curve: Curve
    wall_seconds: float


#: Called with each run as soon as it ends.
OnFinished = Callable[[FinishedRun], None]
#: Called at least every second or so with the fraction of the work done (0 to 1); True stops the training.
ShouldStop = Callable[[float], bool]


class Engine(Protocol):
    """Trains runs; what it draws is a pure function of configuration and seed (see `worker.engine.draws`)."""

    name: str
    device: str

    def train(self, runs: Sequence[Run], on_finished: OnFinished, should_stop: ShouldStop) -> bool:
        """Train the runs, of any mix of configurations, and hand each to `on_finished` once.

        Returns:
            True when every run was handed over, False when `should_stop` ended it before.
        """
        ...
