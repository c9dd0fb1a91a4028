"""Runs fit their training set before they generalise, the more so the less data there is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from service.lab.report.findings.draft import Claim, Draft, amount, below, span
from service.lab.report.findings.samples import FEWEST
from service.lab.report.findings.times import LogRatios
from service.lab.statistics import paired
from tombola.results import Effect, NotTested

if TYPE_CHECKING:
    from service.lab.report.data import Flags, Numbers, Outcomes
    from service.store.reports import Learning

_FIRST = "Runs fit their training set before they generalise"
GROKKING = Claim(
    "grokking",
    "successful runs",
    f"{_FIRST}, and the less data the longer before.",
    "Figure 1 right; finding 4",
)
#: What a grid with one training-set size can speak to.
OF_ONE_SIZE = Claim("grokking", "successful runs", f"{_FIRST}.", "Figure 1 right; finding 4")
#: Smallest effect of interest: a quarter more steps to generalise than to fit.
LATER = 1.25
#: The most curves that are read, and the fewest seeds that are worth it.
CURVES = 4_000
FEWEST_SEEDS = 6


def wanted(outcomes: Outcomes) -> tuple[list[int], int]:
    """Return of which cells, and of how many of their first seeds, curves are read: `CURVES` at most.

    Neither looks at outcomes. All complete cells with a training set; where they are too many for a few seeds
    each, those of the widest networks only.
    """
    sizes = len(outcomes.finite)
    complete, positions = outcomes.complete[:, :sizes], outcomes.positions[:, :sizes]
    for first in range(len(outcomes.widths)):
        count = int(complete[first:].sum())
        if count and (CURVES // count >= min(FEWEST_SEEDS, outcomes.seeds)):
            return positions[first:][complete[first:]].tolist(), min(outcomes.seeds, CURVES // count)
    return [], 0


def finding(outcomes: Outcomes, seeds: int, curves: Iterable[Learning]) -> Draft | NotTested:
    """Test that fitting comes before generalising, and that the delay grows as data shrink.

    Of each successful run, which came first: a training error of `success_error`, or a test error of as much.
    Without a gap between training and test data the two are exchangeable, and either is first as often as the
    other. A run ends when it generalises, so how much later it would have fitted nobody knows: whether the
    delay is positive is tested by its sign, and the log ratio of the steps is an effect, 0 where fitting is
    not first. For the delay to grow as data shrink the log ratios of neighbouring sizes are compared. Both
    parts must be: the p-value is the larger one of the two.

    Args:
        outcomes: The runs.
        seeds: How many seeds of each cell were asked for.
        curves: Those of the successful ones among them.
    """
    if not outcomes.finite:
        return GROKKING.untested("the grid trains online only: there is no training set to fit", by_grid=True)
    if not outcomes.complete[:, : len(outcomes.finite)].any():
        return GROKKING.untested("no cell with a training set is complete yet")
    if not seeds:
        return GROKKING.untested(
            f"the complete cells of the widest networks are too many to read {FEWEST_SEEDS} curves of each: "
            f"{CURVES} in all are read"
        )
    place = {int(position): index for index, position in np.ndenumerate(outcomes.positions)}
    delays = np.full((*outcomes.complete.shape, seeds), np.nan)
    signs = np.zeros(delays.shape)
    for position, seed, steps, curve in curves:
        at = (*place[position], seed)
        delays[at], signs[at] = _delay(steps, curve, outcomes.spec.training.success_error)
    if not np.isfinite(delays).any():
        return GROKKING.untested("no run with a training set has succeeded in a complete cell")
    sizes = len(outcomes.finite)
    whole = np.asarray(outcomes.complete[:, :sizes].all(axis=1))
    by_size, directions = (
        np.moveaxis(of[:, :sizes], 1, 0).reshape(sizes, -1, seeds) for of in (delays, signs)
    )
    return _tested(by_size, directions, whole.ravel())


def _delay(steps: int, curve: Mapping[str, Any], error: float) -> tuple[float, float]:
    """Return the log ratio of steps to generalise over steps to fit, and 1 where fitting is first.

    Where the run generalises first they are 0 and -1, where both are seen at the same evaluation 0 and 0.
    """
    pairs = zip(curve["steps"], curve["train_error"], strict=True)
    fitted = next((at for at, train in pairs if train is not None and train <= error), math.inf)
    return math.log(steps / min(fitted, steps)), float(fitted < steps) - float(fitted > steps)


def _tested(delays: Numbers, signs: Numbers, whole: Flags) -> Draft:
    """Test the delays.

    Args:
        delays: Of the curves, shape (sizes, strata, seeds); NaN where a run did not succeed or was not read.
        signs: 1 where a run fitted first, -1 where it generalised first, else 0; shape as of `delays`.
        whole: Whether a stratum has all its training-set sizes complete, so that they are exchangeable.
    """
    known = np.isfinite(delays)
    there = np.where(known, delays, 0.0)
    totals, counts = there.sum(axis=(0, 1)), known.sum(axis=(0, 1)).astype(float)
    delay = paired.sign_flips(signs.sum(axis=(0, 1))[counts > 0])
    both = known[:-1] & known[1:] & whole[:, None]
    grows = paired.sign_flips(np.where(both, there[:-1] - there[1:], 0.0).sum(axis=(0, 1)))
    several = delays.shape[0] > 1
    value, low, high = LogRatios(totals, counts).factor()
    effect = Effect(
        name="factor of steps to generalise over steps to fit", value=value, low=low, high=high, unit="factor"
    )
    means = [float(np.exp(there[at].sum() / known[at].sum())) for at in range(len(delays)) if known[at].any()]
    trend = (
        f" With the least data of which runs succeed it is {amount(means[0])}, with the most "
        f"{amount(means[-1])}."
        if several
        else " With one training-set size, whether the delay grows with less data was not tested."
    )
    p_growth, against = (grows.greater, grows.less) if several else (0.0, 1.0)
    return Draft(
        claim=GROKKING if several else OF_ONE_SIZE,
        test="sign flips by seed of whether fitting or generalising is first"
        + (
            ", and of the difference of the log ratio of their steps between neighbouring training-set "
            "sizes; both at once"
            if several
            else ""
        ),
        statistic=delay.statistic,
        seeds=delay.seeds,
        cells=int(known.any(axis=2).sum()),
        p_value=max(delay.greater, p_growth),
        p_opposite=min(1.0, 2 * min(delay.less, against)),
        effect=effect,
        smallest_effect=LATER,
        excluded=delay.informative >= FEWEST and below(effect, LATER),
        explanation=f"By {int(known.sum())} curves, generalising takes {amount(value)} times the steps of "
        f"fitting ({span(low, high)}).{trend} {int((signs > 0).sum())} runs fit first, "
        f"{int((signs < 0).sum())} generalise first: p = {delay.greater:.2g}"
        + (f". The delay grows as data shrink with p = {grows.greater:.2g}." if several else "."),
    )
