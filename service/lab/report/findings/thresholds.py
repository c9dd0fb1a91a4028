"""Width and sparse starts buy data: the fewest samples that reach a probability, compared by their bands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from service.lab.report.findings.draft import ALPHA, Claim, Draft, amount, below, initialisation, span
from service.lab.statistics import monotone
from service.lab.statistics.crossing import p_smaller
from service.lab.statistics.intervals import Confidence
from service.lab.statistics.monotone import Point, Smallest
from tombola.results import Effect, NotTested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.lab.report.data import Outcomes

ONE_SIZE = "the grid has fewer than two training-set sizes"


@dataclass(frozen=True, slots=True)
class Curve:
    """Successes over training-set sizes at one width and initialisation."""

    name: str
    points: list[Point]


def curve(outcomes: Outcomes, width: int, start: int, name: str) -> Curve:
    """Return successes over the training-set sizes; a cell that is not complete has no runs.

    Args:
        outcomes: The runs.
        width: Number of the width.
        start: Number of the initialisation.
        name: What to call it.
    """
    runs, successes = outcomes.counts[:, width, :, start].tolist()
    return Curve(name, [Point(size, successes[at], runs[at]) for at, size in enumerate(outcomes.finite)])


def frontier(outcomes: Outcomes, probability: float) -> list[Draft | NotTested]:
    """Test, for each initialisation, that the widest network needs less data than the narrowest."""
    found: list[Draft | NotTested] = []
    for start, sparsity in enumerate(outcomes.sparsities):
        claim = Claim(
            "frontier",
            initialisation(sparsity),
            f"Width compensates for data: success probability {probability:g} takes fewer samples with the "
            "widest network than with the narrowest.",
            "Figure 1 left; finding 1",
        )
        if len(outcomes.widths) == 1:
            found.append(claim.untested("the grid has one width", by_grid=True))
            continue
        narrow, wide = (
            curve(outcomes, at, start, f"width {outcomes.widths[at]}") for at in (0, len(outcomes.widths) - 1)
        )
        found.append(_compared(claim, [(wide, narrow)], outcomes, probability))
    return found


def sparse_data(outcomes: Outcomes, start: int, dense: int, probability: float) -> Draft | NotTested:
    """Test that a sparse start needs less data than the dense one at some width."""
    sparsity = outcomes.sparsities[start]
    claim = Claim(
        "sparse-data",
        f"{initialisation(sparsity)} against dense",
        f"A sparse start buys data: success probability {probability:g} takes fewer samples than with a "
        "dense start at some width, and is seen to take more at none.",
        "Figures 1 left and 2; finding 3",
    )
    pairs = [
        (
            curve(outcomes, at, start, f"{initialisation(sparsity)} at width {width}"),
            curve(outcomes, at, dense, f"dense at width {width}"),
        )
        for at, width in enumerate(outcomes.widths)
    ]
    return _compared(claim, pairs, outcomes, probability)


def _compared(
    claim: Claim, pairs: Sequence[tuple[Curve, Curve]], outcomes: Outcomes, probability: float
) -> Draft | NotTested:
    """Test that the first of a pair needs fewer samples; over several pairs, by Bonferroni's inequality."""
    if len(outcomes.finite) < 2:  # noqa: PLR2004  # as the reason says
        return claim.untested(ONE_SIZE, by_grid=True)
    told = [pair for pair in pairs if any(point.runs for point in pair[0].points + pair[1].points)]
    if not told:
        return claim.untested("none of its cells is complete yet")
    bands = [(_smallest(one, probability), _smallest(other, probability)) for one, other in told]
    if all(one.observed is None for pair in bands for one in pair):
        return claim.untested(
            f"no training set of the grid is seen to reach success probability {probability:g}"
        )
    if all(one.observed == outcomes.finite[0] for pair in bands for one in pair):
        return claim.untested("the smallest training set of the grid suffices everywhere: give smaller ones")
    p_first = [_p(pair, outcomes, probability) for pair in told]
    p_second = [_p(pair[::-1], outcomes, probability) for pair in told]
    at = min(range(len(told)), key=lambda number: (p_first[number], -number))
    pair = told[at]
    level = 1 - ALPHA / (2 * len(told))
    confidence = Confidence("confidence-sequence" if outcomes.stopped else "clopper-pearson", level)
    limits = [
        (_smallest(side, probability, confidence), _smallest(rival, probability, confidence))
        for side, rival in told
    ]
    one, other = limits[at]
    effect = _saved(one, other, outcomes.finite)
    step = min(after / before for before, after in pairwise(outcomes.finite))
    several = f", the clearest of {len(told)} widths, adjusted for their number" if len(told) > 1 else ""
    return Draft(
        claim=claim,
        test="bands of the fewest samples that suffice lie apart (exact limits, Bonferroni over both"
        + (" and over widths)" if len(told) > 1 else ")"),
        statistic=effect.value,
        seeds=max(point.runs for point in pair[0].points),
        cells=sum(bool(point.runs) for both in told for side in both for point in side.points),
        p_value=min(1.0, len(told) * p_first[at]),
        p_opposite=min(1.0, len(told) * min(p_second)),
        effect=effect,
        smallest_effect=step,
        excluded=all(below(_saved(*both, outcomes.finite), step) for both in limits),
        explanation=f"{pair[0].name[0].upper()}{pair[0].name[1:]} takes {_told(one, outcomes.finite)}, "
        f"{pair[1].name} {_told(other, outcomes.finite)}{several}. The factor of data saved is "
        f"{amount(effect.value) if effect.value else 'beyond the grid'} ({span(effect.low, effect.high)}), "
        "in steps of the grid.",
    )


def _p(pair: tuple[Curve, Curve], outcomes: Outcomes, probability: float) -> float:
    return p_smaller(pair[0].points, pair[1].points, probability, stopped=outcomes.stopped)


def _smallest(side: Curve, probability: float, confidence: Confidence | None = None) -> Smallest:
    points = side.points
    return monotone.smallest(points, monotone.isotonic(points), probability, confidence or Confidence())


def _saved(one: Smallest, other: Smallest, sizes: Sequence[int]) -> Effect:
    """Return the factor of data that the one saves; a band that ends above all sizes is open there."""
    largest = sizes[-1]
    return Effect(
        name="factor by which fewer samples suffice",
        value=other.fitted / one.fitted if one.fitted and other.fitted else None,
        low=(other.low or largest) / one.high if one.high else None,
        high=other.high / (one.low or largest) if other.high else None,
        unit="factor",
    )


def _told(smallest: Smallest, sizes: Sequence[int]) -> str:
    """Write a number of samples with its band."""
    value = f"over {sizes[-1]}" if smallest.fitted is None else str(smallest.fitted)
    low = f"over {sizes[-1]}" if smallest.low is None else str(smallest.low)
    high = "above the grid" if smallest.high is None else str(smallest.high)
    return f"{value} samples ({low} to {high})"
