"""The reproduction report: what an experiment says about the findings of the paper, and theory beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from tombola.results._base import Answer, Limits
from tombola.results._experiments import Experiment

#: What a test says of a finding, by the one rule that `Report.rule` states.
Verdict = Literal["supported", "not supported", "not enough runs"]


class Effect(Answer):
    """How large a difference is; the claimed direction is upwards."""

    name: str = Field(description="What it is, in words.")
    value: float | None = Field(description="Null where it cannot be told, such as beyond the grid.")
    low: float | None = Field(description="Lower confidence limit; null where there is none.")
    high: float | None = Field(description="Upper confidence limit; null where there is none.")
    unit: str = Field(description="`probability`, `share`, `factor` or `error`.")


class Finding(Answer):
    """One finding of the paper, tested on this experiment's runs."""

    id: str = Field(description="Such as `width-luck`; with `scope` it names the finding.")
    scope: str = Field(description="Which cells it is about.")
    claim: str
    source: str = Field(description="Where the paper has it.")
    test: str
    statistic: float | None = Field(description="Null where it lies beyond the grid.")
    seeds: int = Field(description="Independent units of the test.")
    cells: int = Field(description="Cells that were compared.")
    p_value: float = Field(description="One-sided, in the claimed direction.")
    p_adjusted: float = Field(description="The same by Holm, over all findings that the grid can speak to.")
    p_opposite: float = Field(description="Against the claim, one-sided, adjusted in the same way.")
    effect: Effect
    smallest_effect: float = Field(description="Smallest effect of interest, in the effect's unit.")
    verdict: Verdict
    explanation: str = Field(description="What was found, in sentences with the numbers.")


class NotTested(Answer):
    """A finding that this experiment cannot speak to."""

    id: str
    scope: str
    claim: str
    source: str
    reason: str
    by_grid: bool = Field(
        description="Whether the grid alone says so, whatever its runs show. Else it counts among the "
        "findings over which p-values are adjusted."
    )


class SearchPoint(Answer):
    """Success at one width, as observed and by parallel search."""

    width: int
    runs: int
    successes: int
    probability: float
    low: float = Field(description="Lower confidence limit of the observed probability (Wilson).")
    high: float = Field(description="Upper confidence limit.")
    fitted: float = Field(description="1 - (1 - p)^width with the fitted p.")
    predicted: float | None = Field(description="The same with the predicted p; null where dense.")


class ParallelSearch(Answer):
    """Success over widths at equal samples and initialisation, as the luck of independent neurons."""

    samples: int | None = Field(description="Training-set size; null is online.")
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    predicted: float | None = Field(
        description="Probability that a neuron is lucky: about (s/n)^k, or (k/n)^s where s < k. Null for "
        "dense."
    )
    fitted: Limits = Field(description="The probability under which the successes are likeliest.")
    design_effect: float = Field(
        description="How often the variance of the fit is that of independent cells; where that is above 1 "
        "the limits are wider by it."
    )
    deviance: float = Field(description="How far the fit is from the observed successes.")
    degrees: int = Field(description="Degrees of freedom of the deviance: widths less one.")
    p_value: float | None = Field(
        description="Of the deviance by chi-squared, as if cells were independent; small where parallel "
        "search does not fit. Null with one width."
    )
    points: list[SearchPoint] = Field(description="By rising width.")


class ObservedThreshold(Answer):
    """The fewest samples that suffice for a width; null is none of those there are."""

    width: int
    sparsity: int | None = Field(description="Ones per neuron at the start; null is dense.")
    observed: int | None = Field(description="Fewest whose observed probability reaches it.")
    fitted: int | None = Field(description="Fewest whose monotone fit reaches it.")
    low: int | None = Field(description="Lower confidence limit; null where it is above all there are.")
    high: int | None = Field(description="Upper confidence limit; null where it may be above all there are.")


class BoundPoint(Answer):
    """A bound on the samples at one width."""

    width: int
    samples: float


class Resources(Answer):
    """Width against samples: what was observed, and what theory asks for."""

    probability: float = Field(description="Success probability to reach.")
    level: float = Field(description="Confidence level of the limits.")
    widths: list[int]
    samples: list[int] = Field(description="Training-set sizes of the grid, online left out.")
    thresholds: list[ObservedThreshold]
    statistical_query: list[BoundPoint] = Field(
        description="Fewest samples by the statistical-query bound, probability C(n, k) / (2 r T), r "
        "parameters."
    )
    elimination: int = Field(
        description="Fewest samples with which Gaussian elimination over GF(2) finds the parity as surely."
    )
    remark: str = Field(description="What the bound says here, honestly.")


class Report(Answer):
    """What an experiment says about the findings of Edelman et al. 2023 (arXiv 2309.03800)."""

    experiment: Experiment
    as_of: datetime = Field(description="When the last thing happened that it rests on.")
    provisional: bool = Field(
        description="Whether runs are missing: still to come, or never trained, as of a cancelled one. "
        "Cells that are complete then are the quick ones, which favours success."
    )
    probability: float = Field(description="Success probability at which thresholds are compared.")
    alpha: float = Field(description="Most that p_adjusted may be for a verdict.")
    level: float = Field(description="Confidence level of all limits.")
    rule: str = Field(description="How a verdict is reached, the same for all findings.")
    seeds: int = Field(description="Seeds of each cell that the tests use.")
    cells: int = Field(description="Complete cells: only these enter.")
    runs: int = Field(description="Runs of them that the tests use.")
    left_out: list[str] = Field(description="What does not enter, and why.")
    software: list[str] = Field(description="What trained the runs.")
    findings: list[Finding]
    not_tested: list[NotTested]
    parallel_search: list[ParallelSearch]
    resources: Resources
    methods: list[str] = Field(description="How it was done.")
