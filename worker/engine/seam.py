"""The seam between the shard contract and the numerics: what every engine takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tombola.results import Outcome
from tombola.spec import Configuration, TabularConfiguration


@dataclass(frozen=True, slots=True)
class Run:
    """One unit of training: a configuration and a seed."""

    configuration: Configuration
    seed: int


@dataclass(frozen=True, slots=True)
class TabularRun:
    """One unit of training on a table: a configuration and a seed."""

    configuration: TabularConfiguration
    seed: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Errors at the evaluations of a run; None where not finite or where there is no training set."""

    steps: list[int] = field(default_factory=list)
    train_error: list[float | None] = field(default_factory=list)
    test_error: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Accuracy, area under the ROC curve and mean cross-entropy; fields as in `tombola.results.Metrics`."""

    accuracy: float | None
    auc: float | None
    loss: float | None


@dataclass(frozen=True, slots=True)
class Importance:
    """What a model reads of a column; fields as in `tombola.results.FeatureImportance`."""

    column: str
    permutation: float
    deviation: float
    support: float | None = None
    initial_support: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """What a run on a table scored; fields as in `tombola.results.Score`."""

    validation: Metrics
    test: Metrics
    validation_rows: int
    test_rows: int
    importance: Sequence[Importance] | None = None


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run and how it ended.

    Attributes:
        steps: SGD steps taken: at success the step of the evaluation, else all that were trained.
        score: Of runs on tables, which are successes where it is finite; their test error is the score's.
        wall_seconds: The run's share of the time that the engine trained. Runs side by side share it equally,
            so that all shares add up to it. Times `Engine.lanes` they are core-seconds on CPU and GPU-seconds
            on a GPU; the planner learns from them how fast the engine is.
    """

    run: Run | TabularRun
    outcome: Outcome
    steps: int
    train_error: float | None
    test_error: float | None
    curve: Curve
    wall_seconds: float
    score: Score | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run between two segments of its training.

    An engine that goes on from it ends, on CPU, where it would have ended without the cut, bit for bit.

    Attributes:
        steps: SGD steps taken.
        parameters: Little-endian float32, one after the other: the hidden layer's weights transposed, with
            the biases as last row, shape (n + 1, width); the output weights, shape (width,); the output bias.
        curve: The evaluations so far.
        wall_seconds: As in `FinishedRun`, so far.
    """

    run: Run
    steps: int
    parameters: bytes
    curve: Curve
    wall_seconds: float


#: Called with each run as soon as it ends.
OnFinished = Callable[[FinishedRun], None]
#: Called with each run that has begun, here or before, and not ended when `should_stop` stops the training.
OnCheckpoint = Callable[[Checkpoint], None]
#: Called at least every second or so with the fraction of the work done (0 to 1); True stops the training.
ShouldStop = Callable[[float], bool]


class Engine(Protocol):
    """Trains runs; what it draws is a pure function of configuration and seed (see `worker.engine.draws`).

    Attributes:
        name: As in `worker.engine.ENGINES`; stored with every run.
        device: "cpu" or "cuda:<index>"; stored with every run.
        detail: How it trains here, in words, for people: "AVX-512, 2 threads", or the GPU's name.
        lanes: Seconds of its cores or its GPU that pass in one second: threads on CPU, 1 on a GPU.
        versions: What could matter to a number besides the libraries' versions; stored with every run.
    """

    name: str
    device: str
    detail: str
    lanes: int
    versions: Mapping[str, str]

    def train(
        self,
        runs: Sequence[Run | Checkpoint],
        on_finished: OnFinished,
        should_stop: ShouldStop,
        on_checkpoint: OnCheckpoint | None = None,
    ) -> bool:
        """Train the runs, of any mix of configurations, and hand each to `on_finished` once.

        The functions are called in the caller's thread; what they raise ends the training and is raised.

        Args:
            runs: What to train, from the start or from a checkpoint on.
            on_finished: Called with each run as soon as it ends.
            should_stop: Called about twice a second with the fraction of the work done; True stops.
            on_checkpoint: Called, after a stop, with each run that has begun, here or before, and not ended.

        Returns:
            True when every run was handed over, False when `should_stop` ended it before.

        Raises:
            EngineMemoryError: One run alone does not fit into memory.
        """
        ...


class TabularEngine(Protocol):
    """Trains models on tables; attributes as those of `Engine`.

    What it draws is a pure function of configuration and seed. A run that is stopped starts anew.
    """

    name: str
    device: str
    detail: str
    lanes: int
    versions: Mapping[str, str]

    def train(self, runs: Sequence[TabularRun], on_finished: OnFinished, should_stop: ShouldStop) -> bool:
        """Train the runs and hand each to `on_finished` once, both as `Engine.train` does.

        Raises:
            EngineMemoryError: One run alone does not fit into memory.
        """
        ...
