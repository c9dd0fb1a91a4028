"""What every finding is before it is judged together with the others, and how they are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.lab.statistics.paired import Flips, holm, interval
from tombola.results import Effect, Finding, NotTested, Verdict

if TYPE_CHECKING:
    from service.lab.report.data import Numbers

ALPHA = 0.05
LEVEL = 0.95
#: Smallest effects of interest: of success probabilities and of shares of comparisons, ten points.
TEN_POINTS = 0.1

RULE = (
    f"Supported: the one-sided p-value in the claimed direction, adjusted by Holm's method over all findings "
    f"that the grid can speak to, is at most {ALPHA:g}. Not supported: so is that of the opposite direction, "
    f"or the {LEVEL * 100:g} % confidence interval of the effect, of each finding by itself, excludes the "
    "smallest effect of interest. Else there are not enough runs to tell. The opposite direction goes first."
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A finding of the paper, as words.

    Attributes:
        scope: The cells that it is about.
    """

    id: str
    scope: str
    text: str
    source: str

    def untested(self, reason: str, *, by_grid: bool = False) -> NotTested:
        """Return that the experiment cannot speak to it; `by_grid` if its grid alone says so, and no run."""
        return NotTested(
            id=self.id, scope=self.scope, claim=self.text, source=self.source, reason=reason, by_grid=by_grid
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """A tested finding before p-values are adjusted. Fields as those of `tombola.results.Finding`.

    Attributes:
        p_opposite: One-sided p-value of the opposite direction, not adjusted; 1 where there is none.
        excluded: Whether the limits of the effect exclude the smallest effect of interest.
    """

    claim: Claim
    test: str
    statistic: float | None
    seeds: int
    cells: int
    p_value: float
    p_opposite: float
    effect: Effect
    smallest_effect: float
    excluded: bool
    explanation: str


def mean_of(name: str, contrasts: Numbers, unit: str, *, bound: float = 1.0, level: float = LEVEL) -> Effect:
    """Return the mean of bounded contrasts by seed as an effect; see `paired.interval`."""
    value, low, high = interval(contrasts, bound, level)
    return Effect(name=name, value=value, low=low, high=high, unit=unit)


def by_flips(  # noqa: PLR0913  # what a finding consists of
    claim: Claim,
    test: str,
    flips: Flips,
    effect: Effect,
    smallest_effect: float,
    *,
    cells: int,
    explanation: str,
    fewest: int = 0,
) -> Draft:
    """Return a finding that rests on one sign-flip test.

    Its limits exclude an effect only where at least `fewest` seeds tell something.
    """
    return Draft(
        claim=claim,
        test=test,
        statistic=flips.statistic,
        seeds=flips.seeds,
        cells=cells,
        p_value=flips.greater,
        p_opposite=flips.less,
        effect=effect,
        smallest_effect=smallest_effect,
        excluded=flips.informative >= fewest and below(effect, smallest_effect),
        explanation=explanation,
    )


def below(effect: Effect, smallest: float) -> bool:
    """Tell whether the limits of an effect exclude the smallest one of interest."""
    return effect.high is not None and effect.high < smallest


def verdicts(drafts: Sequence[Draft], untested: int = 0) -> list[Finding]:
    """Return the findings, their p-values adjusted for there being several.

    Args:
        drafts: What was tested.
        untested: Findings that the grid could speak to and its runs do not. They count with a p-value of 1:
            else what the runs show would decide over how many findings is adjusted.
    """
    claimed, opposite = (
        holm([*values, *[1.0] * untested])[: len(drafts)]
        for values in ([draft.p_value for draft in drafts], [draft.p_opposite for draft in drafts])
    )
    return [
        Finding(
            id=draft.claim.id,
            scope=draft.claim.scope,
            claim=draft.claim.text,
            source=draft.claim.source,
            test=draft.test,
            statistic=draft.statistic,
            seeds=draft.seeds,
            cells=draft.cells,
            p_value=draft.p_value,
            p_adjusted=p_claimed,
            p_opposite=p_against,
            effect=draft.effect,
            smallest_effect=draft.smallest_effect,
            verdict=_verdict(p_claimed, p_against, excluded=draft.excluded),
            explanation=draft.explanation,
        )
        for draft, p_claimed, p_against in zip(drafts, claimed, opposite, strict=True)
    ]


def _verdict(p_claimed: float, p_against: float, *, excluded: bool) -> Verdict:
    if p_against <= ALPHA:
        return "not supported"
    if p_claimed <= ALPHA:
        return "supported"
    return "not supported" if excluded else "not enough runs"


def initialisation(sparsity: int | None) -> str:
    """Name an initialisation."""
    return "dense" if sparsity is None else f"{sparsity}-sparse"


def data(samples: int | None) -> str:
    """Name a number of samples."""
    return "online" if samples is None else f"m = {samples}"


def points(share: float | None) -> str:
    """Write a difference of probabilities or shares, in points of a hundred."""
    return "?" if share is None else f"{100 * share:+.1f}"


def in_points(effect: Effect, of: str = "points", note: str = "") -> str:
    """Write such a difference with its limits."""
    return f"{points(effect.value)} {of} ({points(effect.low)} to {points(effect.high)}{note})"


def amount(value: float | None) -> str:
    """Write a factor in three digits."""
    return "?" if value is None else f"{float(f'{value:.3g}'):g}"


def span(low: float | None, high: float | None) -> str:
    """Write the limits of a factor."""
    if low is None:
        return "no limits" if high is None else f"at most {amount(high)}"
    return f"{amount(low)} or more" if high is None else f"{amount(low)} to {amount(high)}"
