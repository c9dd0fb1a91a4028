"""Time to success, with the runs that never succeed counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def median_steps(successes_by_steps: Mapping[int, int], runs: int) -> float | None:
    """Return the Kaplan-Meier median of the steps to success: the smallest t with S(t) <= 1/2.

    Every run without success stays at risk until the step budget (a diverged one never succeeds, so it is
    held at risk as well). No run leaves before the budget, hence the product-limit estimate (Kaplan & Meier
    1958, "Nonparametric estimation from incomplete observations") is S(t) = 1 - successes by step t / runs.

    Args:
        successes_by_steps: Number of runs that succeeded at each step number.
        runs: Finished runs in all, those without success included.

    Returns:
        The median in steps; None where fewer than half of the runs succeeded, or none has finished.

    Raises:
        ValueError: A count is negative, or there are more successes than runs.
    """
    for steps, count in successes_by_steps.items():
        if count < 0:
            raise ValueError(f"a count of successes must be 0 or more, got {count} at step {steps}")
    total = sum(successes_by_steps.values())
    if total > runs:
        raise ValueError(f"runs must be at least the {total} successes, got runs={runs}")
    reached = 0
    for steps in sorted(step for step, count in successes_by_steps.items() if count):
        reached += successes_by_steps[steps]
        if 2 * reached >= runs:
            return float(steps)
    return None
