"""Experiments: their state, what they cost and how far they are."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from tombola.results._base import Answer
from tombola.spec import AnySpec


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


class Decision(StrEnum):
    """What the runs of a cell with adaptive seeds have shown, by their confidence sequence."""

    OPEN = "open"  #: nothing yet; more runs are wanted
    ABOVE = "above"  #: its success probability is above that of the boundary
    BELOW = "below"  #: it is below
    NARROW = "narrow"  #: its interval is as narrow as asked
    UNDECIDED = "undecided"  #: the most runs that it may take have not shown it


class Estimate(Answer):
    """A range: see the description of what it estimates, and `Quote` for what its ends mean."""

    low: float
    expected: float
    high: float


class Machines(Answer):
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


class Quote(Answer):
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


class Actual(Answer):
    """What an experiment's own shards have really taken, to be compared with its quote.

    Runs that were in the store already, or that another experiment trained meanwhile, are not counted, nor is
    the time of runs that were lost with a worker and trained again.
    """

    runs_trained: int
    run_steps: int = Field(description="SGD steps; trees of forests and the like are none.")
    flops: float
    core_seconds: float = Field(description="Seconds of CPU cores.")
    gpu_seconds: float = Field(description="Seconds of GPUs.")
    wall_seconds: float | None = Field(
        default=None,
        description="From the first shard's start to the end, pauses included; null before the end.",
    )


class Progress(Answer):
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


class Adaptive(Answer):
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


class Experiment(Answer):
    """An experiment: what was asked, and how far it is."""

    id: str
    name: str
    status: ExperimentStatus
    reason: str | None = Field(default=None, description="Why it failed, where it did.")
    progress: Progress
    quote: Quote
    actual: Actual | None = Field(default=None, description="Null until a run of it was trained.")
    adaptive: Adaptive | None = Field(default=None, description="Null where seeds are a fixed number.")
    spec: AnySpec
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class DryRun(Answer):
    """What a valid spec would cost; nothing was stored."""

    quote: Quote
    spec: AnySpec
