"""Confidence intervals of a success probability."""

from __future__ import annotations

import math
from statistics import NormalDist

from tombola.results import Interval


def wilson(successes: int, runs: int, level: float = 0.95) -> Interval:
    """Return the score interval of a success probability, without continuity correction.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference"; method 3 of
    Newcombe 1998. It stays inside [0, 1] and has a width above zero at 0 and at all successes, where the
    normal approximation collapses to a point.

    Args:
        successes: Runs that succeeded, 0 to `runs`.
        runs: Finished runs, at least 1.
        level: Confidence level, above 0 and below 1.

    Raises:
        ValueError: `runs` is below 1, `successes` is outside 0 to `runs`, or `level` is outside (0, 1).
    """
    if runs < 1:
        raise ValueError(f"an interval needs at least 1 finished run, got runs={runs}")
    if not 0 <= successes <= runs:
        raise ValueError(f"successes must be between 0 and runs={runs}, got {successes}")
    if not 0 < level < 1:
        raise ValueError(f"level must be above 0 and below 1 (0.95 is 95 %), got {level}")
    # From the upper tail's own probability: (1 + level) / 2 would round to 1 for levels next to 1.
    z_squared = NormalDist().inv_cdf((1 - level) / 2) ** 2
    failures = runs - successes
    centre = successes + z_squared / 2
    half_width = math.sqrt(z_squared * (successes * failures / runs + z_squared / 4))
    total = runs + z_squared
    # At the edges the score equation has the root 0 or 1 exactly; rounding must not move it.
    return Interval(
        low=0.0 if successes == 0 else max(0.0, (centre - half_width) / total),
        high=1.0 if failures == 0 else min(1.0, (centre + half_width) / total),
        level=level,
        method="wilson",
    )
