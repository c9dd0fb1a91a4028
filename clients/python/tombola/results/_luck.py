"""What runs and first successes take."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tombola.results._base import Answer, Limits, Spread


class Reached(Answer):
    """When a share of a cell's runs has succeeded; null is not within the budget."""

    share: float
    steps: Limits = Field(description="Kaplan-Meier quantile of steps to success, failures as never.")
    flops: Limits = Field(description="Floating-point operations of a run that succeeds at these steps.")


class CellTimes(Answer):
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


class Times(Answer):
    """How long the runs of every cell take, in steps, floating-point operations and seconds."""

    experiment: str
    level: float = Field(description="Confidence level of all limits.")
    method: str = Field(description="How the limits of `reached` are made: as those of a probability.")
    cells: list[CellTimes]


class Best(Answer):
    """The best of some restarts."""

    restarts: int
    probability: Limits = Field(description="That at least one of them succeeds: 1 - (1 - p)^restarts.")


class CellLuck(Answer):
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


class Rival(Answer):
    """Restarts of a narrower network, for the FLOPs of one run of a wide one."""

    width: int
    runs: int = Field(description="Finished runs.")
    restarts: float = Field(
        description="So many full runs fit; the last one is made with the probability of the fraction."
    )
    probability: Limits = Field(description="That the best of these restarts succeeds.")
    difference: Limits = Field(description="That probability less the wide network's.")
    better: Better = Field(description="`undecided` where the limits of the difference hold 0.")


class EqualFlops(Answer):
    """One run of a wide network against as many runs of narrower ones as the same FLOPs pay for."""

    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    width: int
    runs: int = Field(description="Finished runs.")
    flops: float = Field(description="Floating-point operations of one of its runs to the end of its steps.")
    probability: Limits = Field(description="That one run of it succeeds.")
    rivals: list[Rival] = Field(description="By rising width.")


class Luck(Answer):
    """How much luck learning takes, and whether width or restarts buy more of it."""

    experiment: str
    level: float = Field(description="Confidence level of all limits.")
    method: str = Field(description="How the limits of probabilities are made, on which the others rest.")
    probability: float = Field(description="What `restarts_to` is to reach.")
    cells: list[CellLuck]
    equal_flops: list[EqualFlops]
