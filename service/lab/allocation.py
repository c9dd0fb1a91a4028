"""How many runs a cell gets when what they show decides: rounds of prescribed sizes, and a rule after each.

Everything here is a function of the outcomes in the order of their seeds. Who trained a run, when, and for
whom does not come into it, so a cell ends with the same seeds whatever else happens.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from service.lab.statistics.sequences import confidence_sequence
from tombola.results import Decision
from tombola.spec import AdaptiveSeeds, BoundarySeeds

#: Each round adds at least this many runs, and at least this share of those that are there: few rounds, and
#: about a quarter of a cell's runs at most beyond the one that decided.
_SMALLEST_ROUND = 4
_GROWTH = 0.25
#: Success probabilities over which a forecast averages.
_GRID = tuple((number + 0.5) / 40 for number in range(40))


@dataclass(frozen=True, slots=True)
class Prefix:
    """How far a cell has come.

    Attributes:
        wanted: Runs that it calls for, from its first seed on: the end of the round that it is in.
        complete: The first of these, to the end of its last full round: those that its decision rests on.
        successes: Successes among the complete ones.
        decision: `OPEN` while more is wanted than is complete.
    """

    wanted: int
    complete: int
    successes: int
    decision: Decision


@functools.lru_cache(maxsize=256)
def rounds(seeds: AdaptiveSeeds) -> tuple[int, ...]:
    """Return the numbers of runs at which a cell is looked at, rising; the last one is `seeds.max`."""
    first = max(fewest(seeds), _SMALLEST_ROUND)
    ends = [first if first + _SMALLEST_ROUND <= seeds.max else seeds.max]
    while ends[-1] < seeds.max:
        step = max(_SMALLEST_ROUND, math.ceil(_GROWTH * ends[-1]))
        # A last round that is smaller than this one is not worth its dispatch: the two are one.
        ends.append(ends[-1] + step if ends[-1] + 2 * step <= seeds.max else seeds.max)
    return tuple(ends)


def fewest(seeds: AdaptiveSeeds) -> int:
    """Return the fewest runs that can reach the goal, all of them successes or all failures.

    One more than `seeds.max` where so many cannot.
    """
    return 1 + bisect_left(
        range(1, seeds.max + 1),
        True,  # what is looked for: whether so many runs can
        key=lambda runs: bool(_reached(seeds, runs, runs) or _reached(seeds, 0, runs)),
    )


@functools.lru_cache(maxsize=16_384)
def decide(seeds: AdaptiveSeeds, successes: int, runs: int) -> Decision:
    """Return what is known of a cell at the end of a round, by the confidence sequence."""
    return _reached(seeds, successes, runs) or (Decision.OPEN if runs < seeds.max else Decision.UNDECIDED)


def _reached(seeds: AdaptiveSeeds, successes: int, runs: int) -> Decision | None:
    low, high = confidence_sequence(successes, runs, seeds.level)
    if isinstance(seeds, BoundarySeeds):
        if low > seeds.probability:
            return Decision.ABOVE
        return Decision.BELOW if high < seeds.probability else None
    return Decision.NARROW if (high - low) / 2 <= seeds.half_width else None


def walk(seeds: AdaptiveSeeds, known: Mapping[int, bool], *, complete: int = 0, successes: int = 0) -> Prefix:
    """Go through the rounds of a cell as far as its runs are known.

    Args:
        seeds: The rule.
        known: Whether a run succeeded, by its seed less the first one. Runs behind one that is missing, and
            those behind the decision, are of no account.
        complete: Runs of full rounds that were gone through before.
        successes: Successes among them.
    """
    decision = decide(seeds, successes, complete) if complete else Decision.OPEN
    for end in rounds(seeds):
        if decision is not Decision.OPEN:
            break
        if end <= complete:
            continue
        added = [known.get(number) for number in range(complete, end)]
        if None in added:
            return Prefix(end, complete, successes, decision)
        complete, successes = end, successes + sum(map(bool, added))
        decision = decide(seeds, successes, complete)
    return Prefix(complete, complete, successes, decision)


def forecast(seeds: AdaptiveSeeds, successes: int, runs: int, *, wanted: int) -> float:
    """Return how many runs an open cell can be expected to take in all, at least `wanted`.

    Before a cell's first run every success probability is equally likely, afterwards they are as likely as
    Bayes has it; at each, the cell is taken to stop in the first round in which that very rate would decide.
    """
    # Relative to the likeliest, so that nothing underflows.
    weights = [successes * math.log(p) + (runs - successes) * math.log1p(-p) for p in _GRID]
    highest = max(weights)
    likely = [math.exp(weight - highest) for weight in weights]
    each = zip(likely, _typical(seeds), strict=True)
    mean = sum(weight * max(typical, wanted) for weight, typical in each) / sum(likely)
    return min(max(mean, wanted), seeds.max)  # rounding


@functools.lru_cache(maxsize=256)
def _typical(seeds: AdaptiveSeeds) -> tuple[int, ...]:
    """Return, for each probability of the grid, the first round in which that rate decides."""
    return tuple(
        next(end for end in rounds(seeds) if decide(seeds, round(p * end), end) is not Decision.OPEN)
        for p in _GRID
    )


def one_look_runs(seeds: AdaptiveSeeds, successes: int, runs: int) -> int:
    """Return the runs after which a design of one look would know a cell as well, for comparison.

    That is the fewest runs with which, at the rate that the cell showed, Wilson's interval of the same level
    is as narrow as the confidence sequence. It is narrower than that for equal runs since it is right only
    where their number was fixed before.

    Args:
        seeds: The rule.
        successes: Successes of the cell.
        runs: Runs of the cell, at least 1.
    """
    low, high = confidence_sequence(successes, runs, seeds.level)
    z_squared = NormalDist().inv_cdf((1 - seeds.level) / 2) ** 2
    variance = successes * (runs - successes) / runs**2

    def narrow(count: int) -> bool:
        half = math.sqrt(z_squared * (variance * count + z_squared / 4)) / (count + z_squared)
        return 2 * half <= high - low

    return 1 + bisect_left(range(1, runs + 1), True, key=narrow)  # as in `fewest`
