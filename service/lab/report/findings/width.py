"""Width buys luck and time, and no step to a wider network costs much."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from service.lab.report.findings import times
from service.lab.report.findings.draft import (
    ALPHA,
    TEN_POINTS,
    Claim,
    Draft,
    below,
    by_flips,
    data,
    in_points,
    initialisation,
    mean_of,
)
from service.lab.statistics import paired
from tombola.results import NotTested

if TYPE_CHECKING:
    from service.lab.report.data import Flags, Numbers, Outcomes

LUCK = Claim(
    "width-luck", "all cells", "The success probability rises with width.", "Figure 1 left; finding 2"
)
MONOTONE = Claim(
    "width-monotone",
    "all cells",
    "Success does not fall with width: no step to the next wider network costs ten points on average, and no "
    "pair of neighbouring cells shows a loss.",
    "Figure 1 left; finding 2",
)
TIME = Claim(
    "width-time",
    "all cells",
    "Wider networks succeed in fewer steps, failures counted as never.",
    "Figure 2; finding 2",
)
ONE_WIDTH = "the grid has one width"
INCOMPLETE = "no number of samples and initialisation has all its widths complete yet"
SETTLED = "wherever all widths are complete, all runs have the same outcome"


def findings(outcomes: Outcomes) -> list[Draft | NotTested]:
    """Test the findings on width, over all numbers of samples and initialisations that have every width.

    A stratum is one number of samples and one initialisation. Those with a width that is not complete are
    left out whole: so the widths stay exchangeable under the hypothesis. Those in which all runs have the
    same outcome cannot show a difference, and would only make the effect small.
    """
    if len(outcomes.widths) == 1:
        return [claim.untested(ONE_WIDTH, by_grid=True) for claim in (LUCK, MONOTONE, TIME)]
    whole = np.asarray(outcomes.complete.all(axis=0))
    success, steps = outcomes.success[:, whole], outcomes.steps[:, whole]
    if not success.size:
        return [claim.untested(INCOMPLETE) for claim in (LUCK, MONOTONE, TIME)]
    won = success.sum(axis=(0, 2))
    open_: Flags = (won > 0) & (won < success.shape[0] * success.shape[2])
    found: list[Draft | NotTested] = []
    if open_.any():
        found += [_luck(outcomes, success[:, open_]), _monotone(outcomes, whole, success, open_)]
    else:
        found += [claim.untested(SETTLED) for claim in (LUCK, MONOTONE)]
    some = won > 0
    return [*found, _time(outcomes, steps[:, some]) if some.any() else TIME.untested("no run succeeded")]


def _luck(outcomes: Outcomes, success: Flags) -> Draft:
    """Test the trend of success over the ranks of the widths.

    Of each seed, the sum over strata of the success times the centred rank of the width: the correlation
    statistic of Landis, Heyman and Koch 1978, "Average partial association in three-way contingency tables",
    for ordered columns, and Page's 1963 L of two outcomes, with the seed as the block. Where the widths are
    exchangeable it is symmetric about 0: to turn their order around changes its sign.
    """
    count = len(outcomes.widths)
    flips = paired.sign_flips(np.tensordot(_ranks(count), success, (0, 0)).sum(axis=0))
    logs = np.log10(outcomes.widths)
    slope = (logs - logs.mean()) / ((logs - logs.mean()) ** 2).sum()
    slopes = np.tensordot(slope, success, (0, 0)).mean(axis=0)
    effect = mean_of(
        "mean change of success probability with each tenfold of width",
        slopes,
        "probability",
        bound=float(np.abs(slope).sum()) / 2,
    )
    return by_flips(
        LUCK,
        "sign flips by seed of the rank correlation of success and width (Landis, Heyman & Koch 1978)",
        flips,
        effect,
        TEN_POINTS,
        cells=success.shape[0] * success.shape[1],
        explanation=f"With each tenfold of width, success changes by {in_points(effect)} on average over the "
        f"{success.shape[1]} combinations of samples and initialisation in which outcomes differ. "
        f"{flips.informative} of {flips.seeds} seeds show a trend.",
    )


def _ranks(count: int) -> Numbers:
    """Return the centred ranks, in halves of a rank so that they are whole."""
    return 2.0 * np.arange(count, dtype=np.float64) - (count - 1)


def _monotone(outcomes: Outcomes, whole: Flags, success: Flags, open_: Flags) -> Draft:
    """Test that every step to the next width, on average over strata, loses less than ten points.

    The claim is one about all steps, so it holds at level a where each step's own hypothesis, "it loses ten
    points or more", is rejected at level a (Berger 1982, "Multiparameter hypothesis testing and acceptance
    sampling": the intersection-union test). Against it speaks a pair of neighbouring cells whose loss is
    significant by McNemar's exact test, adjusted for the number of pairs.
    """
    changes = np.diff(success.astype(np.int8), axis=0)  # steps, strata, seeds
    averages = changes[:, open_].mean(axis=1)
    p_steps = [paired.p_above(step, 1.0, -TEN_POINTS) for step in averages]
    at = int(averages.mean(axis=1).argmin())
    effect = mean_of(
        "change of success probability at the step of width that gains least",
        averages[at],
        "probability",
        level=1 - ALPHA / len(averages),
    )
    lost, won = (changes < 0).sum(axis=2), (changes > 0).sum(axis=2)
    p_pairs = paired.mcnemar(lost, won)
    step, stratum = np.unravel_index(int((won - lost).argmin()), won.shape)
    worst = mean_of(
        "largest loss", changes[step, stratum].astype(float), "probability", level=1 - ALPHA / won.size
    )
    places = [
        (samples, sparsity)
        for (samples, sparsity), kept in zip(
            itertools.product(outcomes.samples, outcomes.sparsities), whole.ravel(), strict=True
        )
        if kept
    ]
    samples, sparsity = places[stratum]
    largest = f"None of the {won.size} pairs of neighbouring cells shows a loss."
    if (worst.value or 0) < 0:
        simultaneous = in_points(worst, note=f", over all {won.size} pairs at once")
        largest = (
            f"The largest loss between neighbouring cells is {simultaneous}, from width "
            f"{outcomes.widths[step]} to {outcomes.widths[step + 1]} at {data(samples)}, "
            f"{initialisation(sparsity)}."
        )
    return Draft(
        claim=MONOTONE,
        test="intersection-union of tests of non-inferiority by seed, margin ten points (Berger 1982); "
        "against it McNemar's exact test of all neighbouring cells",
        statistic=effect.value,
        seeds=success.shape[2],
        cells=success.shape[0] * success.shape[1],
        p_value=max(p_steps),
        p_opposite=min(1.0, float(p_pairs.min()) * p_pairs.size),
        effect=effect,
        smallest_effect=-TEN_POINTS,
        excluded=below(effect, -TEN_POINTS),
        explanation=f"The step that gains least, from width {outcomes.widths[at]} to "
        f"{outcomes.widths[at + 1]}, changes success by "
        f"{in_points(effect, note=f', over all {len(averages)} steps at once')} on average over samples and "
        f"initialisations. {largest}",
    )


def _time(outcomes: Outcomes, steps: Numbers) -> Draft:
    """Test that wider networks succeed earlier, by all pairs of widths at equal samples, start and seed.

    Kendall's 1938 score of time against width within each seed and stratum, summed over strata.
    """
    pairs = list(itertools.combinations(range(len(outcomes.widths)), 2))
    net = sum(
        (times.wins(steps[wide], steps[narrow]).sum(axis=0) for narrow, wide in pairs), start=np.zeros(1)
    )
    flips = paired.sign_flips(net)
    effect = mean_of(
        "share of pairs in which the wider network is earlier, less those in which it is later",
        net / (len(pairs) * steps.shape[1]),
        "share",
    )
    logs = np.log10(outcomes.widths)
    shape = (-1, steps.shape[2])
    ratios = times.log_ratios(
        steps[1:].reshape(shape),
        steps[:-1].reshape(shape),
        outcomes.first_evaluation,
        np.repeat(np.diff(logs), steps.shape[1]),
    )
    return by_flips(
        TIME,
        "sign flips by seed of Kendall's score of steps to success against width",
        flips,
        effect,
        TEN_POINTS,
        cells=steps.shape[0] * steps.shape[1],
        explanation="Of two widths at the same samples, initialisation and seed, the wider one is earlier "
        f"more often than later by {in_points(effect, 'points of a hundred')}."
        f"{ratios.sentence('a tenfold of width takes')}",
    )
