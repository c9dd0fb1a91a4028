"""Confidence sequences: intervals that are right although one looks after every run, and stops at will."""

from __future__ import annotations

import math
from collections.abc import Callable

#: Prior of the mixture: Beta(1/2, 1/2) (Jeffreys; Krichevsky and Trofimov 1981). Near 0 and 1, where most
#: cells lie, it needs fewer runs than the uniform one: 7 successes in a row are above 0.5, not 8.
_PRIOR = 0.5


def confidence_sequence(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a beta-binomial mixture after so many trials.

    With probability at least `level`, the intervals after 1, 2, 3, ... trials *all* hold the true success
    probability, so a sequence may be stopped at any time and for any reason that its own trials give
    (a fixed-size interval such as Wilson's then misses too often). The interval is the set of p at which

        M(p) = B(a + s, a + n - s) / B(a, a) / (p^s (1 - p)^(n - s)) < 1 / (1 - level),    a = 1/2.

    At the true p, M is a martingale that starts at 1, the ratio of the beta mixture's likelihood to p's own,
    and by Ville's inequality it ever reaches 1 / (1 - level) with probability at most 1 - level.
    Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; Howard, Ramdas,
    McAuliffe and Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences".

    Not intersected with the intervals before it, which would be right, too, but would depend on the order of
    the trials, and may be empty.

    Args:
        successes: Trials that succeeded, 0 to `trials`.
        trials: Trials so far; before the first one nothing is known: (0, 1).
        level: Confidence level of the whole sequence, above 0 and below 1.

    Returns:
        The ends (low, high). They do not depend on the order of the trials.

    Raises:
        ValueError: `trials` is below 0, `successes` is outside 0 to `trials`, or `level` outside (0, 1).
    """
    if trials < 0:
        raise ValueError(f"trials must be 0 or more, got {trials}")
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be between 0 and trials={trials}, got {successes}")
    if not 0 < level < 1:
        raise ValueError(f"level must be above 0 and below 1 (0.95 is 95 %), got {level}")
    failures = trials - successes
    mixture = _log_beta(_PRIOR + successes, _PRIOR + failures) - _log_beta(_PRIOR, _PRIOR)
    # The interval is where the log-likelihood is above this.
    threshold = mixture + math.log(1 - level)

    def inside(p: float) -> bool:
        return successes * math.log(p) + failures * math.log1p(-p) > threshold

    # The likelihood rises up to successes / trials and falls from there, where it is above the threshold.
    low = _edge(inside, 0.0, successes / trials) if successes else 0.0
    high = _edge(inside, 1.0, successes / trials) if failures else 1.0
    return low, high


def sequence_p_value(successes: int, trials: int, probability: float) -> float:
    """Return the p-value against a success probability that stays right although one stops at will.

    It is 1 / M(p), 1 at most: the confidence sequence of level 1 - a leaves p out where it is below a
    (Ville's inequality; "anytime-valid p-value" in Ramdas, Gruenwald, Vovk and Shafer 2023, "Game-theoretic
    statistics and safe anytime-valid inference"). It is for either direction at once.

    Args:
        successes: Trials that succeeded, 0 to `trials`.
        trials: Trials so far, 0 or more.
        probability: The probability under test, above 0 and below 1.
    """
    failures = trials - successes
    mixture = _log_beta(_PRIOR + successes, _PRIOR + failures) - _log_beta(_PRIOR, _PRIOR)
    likelihood = successes * math.log(probability) + failures * math.log1p(-probability)
    return math.exp(min(0.0, likelihood - mixture))


def _edge(inside: Callable[[float], bool], outer: float, inner: float) -> float:
    """Return the last number that is not inside, on the way from `outer` to `inner`, by bisection."""
    while True:
        middle = (outer + inner) / 2
        if middle in (outer, inner):
            return outer
        if 0 < middle < 1 and inside(middle):
            inner = middle
        else:
            outer = middle


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
