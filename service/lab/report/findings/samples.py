"""Fewer samples cost more steps; and somewhere more samples make the error worse before it gets better."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.lab.report.data import GUESSING
from service.lab.report.findings import times
from service.lab.report.findings.draft import (
    ALPHA,
    TEN_POINTS,
    Claim,
    Draft,
    amount,
    below,
    by_flips,
    in_points,
    initialisation,
    mean_of,
    span,
)
from service.lab.report.findings.thresholds import ONE_SIZE
from service.lab.statistics import paired
from tombola.results import Effect, NotTested

if TYPE_CHECKING:
    from service.lab.report.data import Numbers, Outcomes

TIME = Claim("data-time", "all cells", "Fewer samples cost more steps.", "Figures 1 right and 2; finding 4")
DESCENT = Claim(
    "double-descent",
    "all cells",
    "Somewhere more samples make the final test error worse, and still more make it better again.",
    "Finding 4",
)
#: Smallest effects of interest: a tenth more steps for half the data; five points of test error.
MORE_STEPS = 1.1
MORE_ERROR = 0.05
#: Seeds that must tell something before an interval of steps can exclude an effect.
FEWEST = 6
#: The most rises of the error whose exact p-values are computed, those that look strongest.
_CANDIDATES = 20


def findings(outcomes: Outcomes) -> list[Draft | NotTested]:
    """Test the findings on data, over all widths and initialisations that have every training-set size.

    Online training has no training set, and is left out.
    """
    sizes = len(outcomes.finite)
    if sizes < 2:  # noqa: PLR2004  # as the reason says
        return [claim.untested(ONE_SIZE, by_grid=True) for claim in (TIME, DESCENT)]
    whole = outcomes.complete[:, :sizes].all(axis=1)  # widths, initialisations
    steps = np.moveaxis(outcomes.steps[:, :sizes], 1, 0)[:, whole]
    if not steps.size:
        reason = "no width and initialisation has all its training-set sizes complete yet"
        return [claim.untested(reason) for claim in (TIME, DESCENT)]
    if sizes < 3:  # noqa: PLR2004  # as the reason says
        few = "the grid has fewer than three training-set sizes"
        return [_time(outcomes, steps), DESCENT.untested(few, by_grid=True)]
    error = np.moveaxis(outcomes.test_error[:, :sizes], 1, 0)[:, whole]
    places = [(outcomes.widths[w], outcomes.sparsities[s]) for w, s in np.argwhere(whole).tolist()]
    return [_time(outcomes, steps), _descent(outcomes, error, places)]


def _time(outcomes: Outcomes, steps: Numbers) -> Draft | NotTested:
    """Test the log ratio of steps at neighbouring sizes, of seeds that succeed at both.

    Conservative: of the smaller size those that would take longest fail, and are not there. What is cautious
    for the claim is rash against it, so against it the failures, taken as never, must speak, too. The test
    sums the log ratios as they are, so that to turn the order of the sizes around changes its sign, however
    the sizes are spaced; the effect divides them by the doublings between the sizes. Shape (sizes, strata,
    seeds).
    """
    shape = (-1, steps.shape[2])
    doublings = np.repeat(np.diff(np.log2(outcomes.finite)), steps.shape[1])
    ratios = times.log_ratios(
        steps[:-1].reshape(shape), steps[1:].reshape(shape), outcomes.first_evaluation, doublings
    )
    if not ratios.seeds:
        return TIME.untested(
            "no seed succeeds in two neighbouring training-set sizes, but at the first evaluation in both"
        )
    flips = paired.sign_flips(ratios.sums[ratios.weights > 0])
    value, low, high = ratios.factor()
    effect = Effect(name="factor of steps for half the data", value=value, low=low, high=high, unit="factor")
    won = times.wins(steps[1:], steps[:-1])
    against = paired.sign_flips(won.sum(axis=(0, 1))).less
    share = mean_of("share of pairs in which less data is slower", won.mean(axis=(0, 1)), "share")
    found = by_flips(
        TIME,
        "sign flips by seed of the log ratio of steps to success at neighbouring training-set sizes",
        flips,
        effect,
        MORE_STEPS,
        cells=steps.shape[0] * steps.shape[1],
        fewest=FEWEST,
        explanation=f"Half the data takes {amount(value)} times the steps ({span(low, high)}), by the seeds "
        "that succeed at both of two neighbouring sizes. That is a cautious number: with less data the "
        "slowest runs do not end in time, and only the others are compared. Against the claim it counts only "
        f"if it also holds with failures taken as never: less data is then slower by "
        f"{in_points(share, 'points of a hundred')}.",
    )
    return replace(
        found,
        p_opposite=max(found.p_opposite, against),
        excluded=found.excluded and below(share, TEN_POINTS),
    )


def _descent(outcomes: Outcomes, error: Numbers, places: list[tuple[int, int | None]]) -> Draft:
    """Test for a rise of the final test error between neighbouring sizes, and a fall from there on.

    Of each width and initialisation, and each step to the next size, the p-value is the larger one of rise
    and fall to the largest size (both must be); the smallest of all is multiplied by their number. Only those
    that look strongest are computed exactly, which can make the p-value larger, not smaller. Shape (sizes,
    strata, seeds).
    """
    rises = np.diff(error, axis=0)[:-1]
    falls = error[1:-1] - error[-1]
    tried = rises.shape[0] * rises.shape[1]
    strength = np.minimum(_standardised(rises), _standardised(falls)).ravel()
    best, at = 1.0, int(strength.argmax())
    for number in np.argsort(-strength, kind="stable")[:_CANDIDATES].tolist():
        index = np.unravel_index(number, rises.shape[:2])
        weaker, stronger = sorted((rises[index], falls[index]), key=_standardised)
        p = _p_of_mean(weaker)
        if p < best:  # else the larger one of the two is no smaller, either
            p = max(p, _p_of_mean(stronger))
            best, at = (p, number) if p < best else (best, at)
    size, stratum = np.unravel_index(at, rises.shape[:2])
    level = 1 - ALPHA / tried
    effect = mean_of(
        "rise of mean test error with more samples", rises[size, stratum], "error", bound=0.5, level=level
    )
    highest = max(paired.interval(rises[index], 0.5, level)[2] for index in np.ndindex(*rises.shape[:2]))
    width, sparsity = places[stratum]
    means = error[:, stratum].mean(axis=1)
    rising = int((rises.mean(axis=2) > 0).sum())
    return Draft(
        claim=DESCENT,
        test="sign flips by seed of the rise of the test error and of its fall to the largest training set, "
        "and Student's tests of their means, all at once; Bonferroni over all rises",
        statistic=float(rises[size, stratum].sum()),
        seeds=error.shape[2],
        cells=error.shape[0] * error.shape[1],
        p_value=min(1.0, tried * best),
        p_opposite=1.0,
        effect=effect,
        smallest_effect=MORE_ERROR,
        excluded=highest < MORE_ERROR,
        explanation=f"The mean test error rises at {rising} of {tried} steps to more samples that could be "
        f"followed by a fall. The clearest one is at width {width}, {initialisation(sparsity)}: from "
        f"{outcomes.finite[size]} to {outcomes.finite[size + 1]} samples the mean test error goes from "
        f"{means[size]:.3f} to {means[size + 1]:.3f} ({effect.value:+.3f}, {effect.low:+.3f} to "
        f"{effect.high:+.3f} over all steps at once), and with {outcomes.finite[-1]} samples it is "
        f"{means[-1]:.3f}. Runs stop at their first success, so of those that succeed the error is that of "
        "the stop.",
    )


def _p_of_mean(contrasts: Numbers) -> float:
    """Return the p-value against "the mean error is no larger", exchangeable or not.

    Of one training-set size most runs may end a bit worse and a few succeed: the mean falls while most seeds
    rise, and few seeds of that kind look to the sign-flip test as if all did. So the mean is tested, too.
    """
    return max(paired.sign_flips(contrasts).greater, paired.p_above(contrasts, GUESSING, 0.0))


def _standardised(contrasts: Numbers) -> Numbers:
    """Return sums over seeds in units of their standard deviation under random signs."""
    spread = np.sqrt((contrasts**2).sum(axis=-1))
    found: Numbers = np.divide(contrasts.sum(axis=-1), spread, out=np.zeros(spread.shape), where=spread > 0)
    return found
