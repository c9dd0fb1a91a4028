"""The contract for what is answered: experiments, quotes, success tables, frontiers, runs and curves.

Unknown fields are ignored, so that an older client reads a newer server.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tombola.spec import ExperimentSpec

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class ExperimentStatus(StrEnum):
    """The life of an experiment."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """Whether no run of it will be trained unless somebody asks."""
        return self in (self.SUCCEEDED, self.FAILED, self.CANCELLED)


class Outcome(StrEnum):
    """How a run ended. Success: test error at most `success_error` at an evaluation within `max_steps`."""

    SUCCESS = "success"
    CENSORED = "censored"  #: not successful within the budget
    DIVERGED = "diverged"  #: a non-finite loss or output; a failure, reported apart


class Decision(StrEnum):
    """What the runs of a cell with adaptive seeds have shown, by their confidence sequence."""

    OPEN = "open"  #: nothing yet; more runs are wanted
    ABOVE = "above"  #: its success probability is above that of the boundary
    BELOW = "below"  #: it is below
    NARROW = "narrow"  #: its interval is as narrow as asked
    UNDECIDED = "undecided"  #: the most runs that it may take have not shown it


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Page(_Answer, Generic[T]):
    """One page of a listing; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None = None


class Estimate(_Answer):
    """A range: see the description of what it estimates, and `Quote` for what its ends mean."""

    low: float
    expected: float
    high: float


class Machines(_Answer):
    """Workers of one kind that a quote reckons with."""

    engine: str
    device: str = Field(description="`cpu` or `cuda`.")
    device_name: str = Field(description="The processor's or the GPU's name.")
    lanes: int = Field(
        description="Seconds of it that pass in one second: cores that train on CPU, 1 on a GPU."
    )
    workers: int = Field(description="Live workers of this kind; 0 where none is alive and one is assumed.")
    measured: bool = Field(
        description="Whether its speed was measured for every width asked; else some is assumed."
    )


class Quote(_Answer):
    """What an experiment costs.

    `run_steps`, `flops` and `seconds` are upper bounds of the work: every run trains to its step budget. With
    adaptive seeds so is `runs`: every cell that is not decided by runs in the store takes `max`, and the
    estimates below are for `adaptive_runs`.

    The estimates have a range. Expected: runs of a configuration that has finished runs take as many steps as
    those did on average, one more counted at the full budget; all others are taken to use their full budget,
    for nothing is known about them. Low: the steps that finished runs took, others end at their first
    evaluation, and machines are a standard deviation faster than expected. High: every run trains to its
    budget, and machines are a standard deviation slower; of wall time, the longest run begins last.
    """

    cells: int
    runs: int = Field(description="Runs asked for; with adaptive seeds at most.")
    runs_existing: int = Field(description="Of these, runs that are in the store already and cost nothing.")
    runs_pending: int = Field(description="Of these, runs that another experiment is training now.")
    run_steps: int = Field(description="Upper bound of SGD steps over the runs to train.")
    flops: float = Field(description="Upper bound of floating-point operations over the runs to train.")
    seconds: float = Field(description="Upper bound of worker-seconds, by the planner's cost model.")
    workers: int = Field(description="Live workers that would share them.")
    expected_run_steps: int | None = Field(default=None, description="SGD steps to be expected.")
    expected_flops: float | None = Field(
        default=None, description="Floating-point operations to be expected."
    )
    core_seconds: Estimate | None = Field(
        default=None, description="Seconds of CPU cores; null where no CPU trains."
    )
    gpu_seconds: Estimate | None = Field(default=None, description="Seconds of GPUs; null where none trains.")
    wall_seconds: Estimate | None = Field(
        default=None,
        description="Time on `machines` with nothing else to train; start-up and dispatch not included.",
    )
    memory_bytes: int | None = Field(
        default=None, description="About the memory of the largest run to train; a batch of runs takes more."
    )
    runs_with_history: int = Field(
        default=0, description="Runs to train whose configuration has finished runs, from which is estimated."
    )
    machines: list[Machines] = Field(
        default_factory=list, description="The live workers; without any, one that is assumed."
    )
    basis: str = Field(default="", description="What the estimates rest on, in a sentence.")
    adaptive_runs: Estimate | None = Field(
        default=None,
        description="With adaptive seeds, runs over all cells, those that are there included. Low: every "
        "cell is decided in the round that it is in. High: `runs`. Null with a fixed number.",
    )


class Actual(_Answer):
    """What an experiment's own shards have really taken, to be compared with its quote.

    Runs that were in the store already, or that another experiment trained meanwhile, are not counted, nor is
    the time of runs that were lost with a worker and trained again.
    """

    runs_trained: int
    run_steps: int
    flops: float
    core_seconds: float = Field(description="Seconds of CPU cores.")
    gpu_seconds: float = Field(description="Seconds of GPUs.")
    wall_seconds: float | None = Field(
        default=None,
        description="From the first shard's start to the end, pauses included; null before the end.",
    )


class Progress(_Answer):
    """How far an experiment is."""

    runs_done: int
    runs_total: int = Field(
        description="Runs wanted. With adaptive seeds those wanted so far: it grows with each round."
    )
    runs_reused: int = Field(
        default=0,
        description="Runs that were in the store when the experiment was submitted and counted then.",
    )
    successes: int = 0
    diverged: int = 0
    fraction: float = Field(
        description="Share of the work done, by cost, shards in training included; 0 to 1. With adaptive "
        "seeds of the work that is forecast, which may grow: it can go back."
    )
    eta_seconds: float | None = Field(default=None, description="Null until it can be told.")


class Adaptive(_Answer):
    """How an experiment with adaptive seeds spends its runs."""

    cells_open: int = Field(description="Cells that still want runs.")
    cells_above: int = Field(default=0, description="Cells decided to be above the boundary.")
    cells_below: int = Field(default=0, description="Cells decided to be below it.")
    cells_narrow: int = Field(default=0, description="Cells whose interval is as narrow as asked.")
    cells_undecided: int = Field(default=0, description="Cells that took the most runs and show neither.")
    runs_spent: int = Field(description="Runs done, those that were in the store before included.")
    runs_most: int = Field(description="Upper bound of the runs: open cells may still take `max` each.")
    runs_fixed: int | None = Field(
        default=None,
        description="Runs of a fixed design that decides the same cells by the same rule: as many in every "
        "cell as the hardest took. Null before the end.",
    )
    runs_one_look: int | None = Field(
        default=None,
        description="Runs of a fixed design that is looked at only once, planned by somebody who knows the "
        "hardest cell: as many in every cell as Wilson's interval of the same level needs to be as narrow "
        "there. Null before the end.",
    )
    saving: float | None = Field(
        default=None, description="runs_fixed / runs_spent: 5 is a fifth of the runs. Null before the end."
    )

    @property
    def cells(self) -> int:
        """Number of cells."""
        decided = self.cells_above + self.cells_below + self.cells_narrow
        return self.cells_open + decided + self.cells_undecided


class Experiment(_Answer):
    """An experiment: what was asked, and how far it is."""

    id: str
    name: str
    status: ExperimentStatus
    reason: str | None = Field(default=None, description="Why it failed, where it did.")
    progress: Progress
    quote: Quote
    actual: Actual | None = Field(default=None, description="Null until a run of it was trained.")
    adaptive: Adaptive | None = Field(default=None, description="Null where seeds are a fixed number.")
    spec: ExperimentSpec
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class DryRun(_Answer):
    """What a valid spec would cost; nothing was stored."""

    quote: Quote
    spec: ExperimentSpec


#: How the interval of a success probability is made.
IntervalMethod = Literal["wilson", "clopper-pearson", "jeffreys", "confidence-sequence"]


class Interval(_Answer):
    """A confidence interval and how it was made."""

    low: float
    high: float
    level: float
    method: str = Field(description="`confidence-sequence` wherever the runs decided how many there are.")


class Limits(_Answer):
    """A number with its confidence limits; null where it is not reached, or where there is no limit."""

    value: float | None
    low: float | None
    high: float | None


class Spread(_Answer):
    """What runs took each: mean, standard deviation, and the confidence limits of the mean (Student's)."""

    mean: float
    sd: float | None = Field(description="Null with one run.")
    low: float | None
    high: float | None


class Cell(_Answer):
    """One row of the success table."""

    width: int
    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    runs: int = Field(description="Finished runs.")
    runs_total: int = Field(description="Runs asked for; with adaptive seeds so far.")
    successes: int
    censored: int
    diverged: int
    probability: float | None = Field(description="successes / runs; null before the first run.")
    interval: Interval | None
    median_steps: float | None = Field(
        description="Kaplan-Meier median of steps to success, failures as never; null if under half succeed."
    )
    median_steps_low: float | None = Field(
        default=None, description="Lower confidence limit of it, by the method of the interval."
    )
    median_steps_high: float | None = Field(
        default=None, description="Upper confidence limit of it; null where it is not reached."
    )
    decision: Decision | None = Field(
        default=None, description="With adaptive seeds, what the runs show; null with a fixed number."
    )


class SuccessTable(_Answer):
    """Success counts and probabilities of every cell."""

    experiment: str
    cells: list[Cell]

    def __iter__(self) -> Iterator[Cell]:  # type: ignore[override]  # rows, not pydantic's field pairs
        """Iterate over the rows."""
        return iter(self.cells)

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a DataFrame, one column a field, the interval as `low` and `high`.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415  # an extra: only this method needs it
        except ImportError as error:
            raise ImportError("to_pandas() needs pandas: pip install pandas") from error
        rows: list[dict[str, Any]] = []
        for cell in self.cells:
            row = cell.model_dump(exclude={"interval"})
            row["low"] = cell.interval.low if cell.interval else None
            row["high"] = cell.interval.high if cell.interval else None
            rows.append(row)
        frame = pd.DataFrame(rows)
        # Whole numbers with gaps: without this, pandas would show 600 samples as 600.0.
        return frame.astype({"samples": "Int64", "sparsity": "Int64"})


#: What a frontier minimises (`probability` is maximised). `sparsity` is a label: only cells with the same one
#: are compared. `steps` and `flops` are medians to success, `cost` the expected FLOPs to a first success.
Objective = Literal["width", "samples", "sparsity", "steps", "flops", "cost", "probability"]

#: What is known of a cell's place on the frontier, at the answer's level.
Mark = Literal["certain", "possible", "dominated"]


class FrontierCell(_Answer):
    """What is known of one cell's place on the frontier."""

    width: int
    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    mark: Mark = Field(
        description="`certain`: it reaches the probability by its lower limit, and no cell that could reach "
        "it by its upper limit could dominate it. `dominated`: it cannot reach it by its upper limit, or a "
        "cell that reaches it by its lower limit dominates it whatever the limits. `possible`: all else."
    )
    frontier_probability: float | None = Field(
        description="Share of the resamples in which it is on the frontier; null with too many cells."
    )
    objectives: dict[str, Limits] = Field(description="Those of its objectives that are measured.")


class Frontier(_Answer):
    """The cells that reach the probability and that no other such cell beats in all objectives."""

    experiment: str
    probability: float = Field(description="0 where any probability will do.")
    points: list[Cell] = Field(description="Of the frontier by what was observed.")
    objectives: list[Objective] = Field(default_factory=lambda: list[Objective](["width", "samples"]))
    level: float | None = Field(default=None, description="Confidence level of limits and marks, one by one.")
    method: str | None = Field(default=None, description="How the limits of probabilities are made.")
    resamples: int = Field(default=0, description="Repetitions of the bootstrap.")
    cells: list[FrontierCell] = Field(
        default_factory=list, description="Every cell, in the order of the table."
    )


class FitPoint(_Answer):
    """Observed and fitted success probability at one width or number of samples."""

    at: int
    runs: int
    successes: int
    probability: float | None
    fit: float | None = Field(description="Isotonic fit: never falls along the axis; null without runs.")
    low: float
    high: float


class _Smallest(_Answer):
    observed: int | None = Field(description="Smallest one whose observed probability reaches it.")
    fitted: int | None = Field(description="Smallest one whose fitted probability reaches it.")
    low: int | None = Field(description="Lower confidence limit of the smallest one.")
    high: int | None = Field(description="Upper confidence limit; null where it may be above all there are.")
    curve: list[FitPoint]


class SmallestSamples(_Smallest):
    """The smallest training set that suffices for a width; null is none of those there are."""

    width: int
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")


class SmallestWidth(_Smallest):
    """The smallest width that suffices for a training set; null is none of those there are."""

    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")


class Thresholds(_Answer):
    """How little data suffices for each width, and how little width for each amount of data.

    The fit and the limits take it that more data and more width are no worse.
    """

    experiment: str
    probability: float
    level: float
    method: str = Field(description="How the intervals are made, on which the limits rest.")
    samples: list[SmallestSamples] = Field(description="By width; online cells are left out.")
    widths: list[SmallestWidth] = Field(description="By number of samples, online last.")


class Reached(_Answer):
    """When a share of a cell's runs has succeeded; null is not within the budget."""

    share: float
    steps: Limits = Field(description="Kaplan-Meier quantile of steps to success, failures as never.")
    flops: Limits = Field(description="Floating-point operations of a run that succeeds at these steps.")


class CellTimes(_Answer):
    """What the runs of one cell take. Spreads are over all of its finished runs, failures included."""

    width: int
    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    runs: int = Field(description="Finished runs.")
    successes: int
    reached: list[Reached]
    steps: Spread | None = Field(description="Steps of a run; null before the first one.")
    flops: Spread | None = Field(description="Floating-point operations of a run.")
    wall_seconds: Spread | None = Field(
        description="A run's share of its worker's training time, on whatever machines trained it."
    )


class Times(_Answer):
    """How long the runs of every cell take, in steps, floating-point operations and seconds."""

    experiment: str
    level: float = Field(description="Confidence level of all limits.")
    method: str = Field(description="How the limits of `reached` are made: as those of a probability.")
    cells: list[CellTimes]


class Best(_Answer):
    """The best of some restarts."""

    restarts: int
    probability: Limits = Field(description="That at least one of them succeeds: 1 - (1 - p)^restarts.")


class CellLuck(_Answer):
    """What a first success takes in one cell, if runs are started anew until one succeeds."""

    width: int
    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    runs: int = Field(description="Finished runs.")
    successes: int
    restarts: Limits = Field(description="Expected runs to a first success, that one included: 1 / p.")
    restarts_to: Limits = Field(
        description="Fewest restarts whose best one succeeds with the probability that the answer names."
    )
    steps: Limits = Field(description="Expected steps to a first success, those of the failures included.")
    flops: Limits = Field(description="The same in floating-point operations.")
    best_of: list[Best]


#: Which of two ways to spend the same FLOPs is better, at the answer's level.
Better = Literal["width", "restarts", "undecided"]


class Rival(_Answer):
    """Restarts of a narrower network, for the FLOPs of one run of a wide one."""

    width: int
    runs: int = Field(description="Finished runs.")
    restarts: float = Field(
        description="So many full runs fit; the last one is made with the probability of the fraction."
    )
    probability: Limits = Field(description="That the best of these restarts succeeds.")
    difference: Limits = Field(description="That probability less the wide network's.")
    better: Better = Field(description="`undecided` where the limits of the difference hold 0.")


class EqualFlops(_Answer):
    """One run of a wide network against as many runs of narrower ones as the same FLOPs pay for."""

    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    width: int
    runs: int = Field(description="Finished runs.")
    flops: float = Field(description="Floating-point operations of one of its runs to the end of its steps.")
    probability: Limits = Field(description="That one run of it succeeds.")
    rivals: list[Rival] = Field(description="By rising width.")


class Luck(_Answer):
    """How much luck learning takes, and whether width or restarts buy more of it."""

    experiment: str
    level: float = Field(description="Confidence level of all limits.")
    method: str = Field(description="How the limits of probabilities are made, on which the others rest.")
    probability: float = Field(description="What `restarts_to` is to reach.")
    cells: list[CellLuck]
    equal_flops: list[EqualFlops]


class Run(_Answer):
    """One configuration trained with one seed."""

    cell: int = Field(description="Row of the success table, from 0.")
    width: int
    samples: int | None
    sparsity: int | None
    seed: int
    outcome: Outcome
    steps: int = Field(description="Steps to success, or trained without it.")
    train_error: float | None = Field(description="Final error on the training set; null online.")
    test_error: float | None = Field(description="Final error on fresh samples; null if diverged.")
    wall_seconds: float = Field(
        description="The run's share of its worker's training time; those of a shard's runs add up to it."
    )
    flops: float
    engine: str
    device: str
    versions: dict[str, str] = Field(description="Software that trained it.")
    finished_at: datetime


class Curve(_Answer):
    """Errors of one run at its evaluations; null where not finite or where there is no training set."""

    cell: int
    seed: int
    steps: list[int]
    train_error: list[float | None]
    test_error: list[float | None]


class Preset(_Answer):
    """A ready experiment."""

    name: str
    description: str
    spec: ExperimentSpec


class Worker(_Answer):
    """One worker process of the fleet."""

    id: str
    hostname: str
    pid: int
    queue: str
    engine: str
    device: str
    device_name: str = Field(default="unknown", description="The processor's or the GPU's name.")
    detail: str = Field(default="unknown", description="How the engine trains there, in words.")
    lanes: int = Field(
        default=1, description="Seconds of it that pass in one second: cores that train on CPU, 1 on a GPU."
    )
    versions: dict[str, str]
    alive: bool
    shard: int | None = Field(description="Shard it is training, if any.")
    started_at: datetime
    seen_at: datetime


class ProblemPart(_Answer):
    """One thing wrong with a request."""

    pointer: str | None = Field(
        default=None, description="JSON pointer into the body, where it is in the body."
    )
    parameter: str | None = Field(
        default=None, description="Query, path or header parameter, where it is there."
    )
    detail: str


class Problem(_Answer):
    """An error, as RFC 9457 has it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: list[ProblemPart] = Field(default_factory=list)


class Version(_Answer):
    """Code and library versions of the server."""

    version: str
    libraries: dict[str, str]
