"""Comparisons of steps to success that several findings make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.lab.report.findings.draft import amount, span
from service.lab.statistics.paired import ratio

if TYPE_CHECKING:
    from service.lab.report.data import Flags, Numbers


def wins(challenger: Numbers, incumbent: Numbers) -> Numbers:
    """Return 1 where the challenger succeeds earlier, -1 where later, 0 where neither; never is infinite."""
    return np.subtract(challenger < incumbent, challenger > incumbent, dtype=float)


@dataclass(frozen=True, slots=True)
class LogRatios:
    """Log ratios of the steps to success of pairs of runs at one seed, where both tell something.

    Attributes:
        sums: For each seed, the sum of the log ratios.
        weights: For each seed, the sum of the pairs' weights.
    """

    sums: Numbers
    weights: Numbers

    @property
    def seeds(self) -> int:
        """Seeds that have a pair."""
        return int((self.weights > 0).sum())

    def factor(self) -> tuple[float | None, float | None, float | None]:
        """Return the geometric mean ratio for a weight of 1, with limits; from two seeds on."""
        known = self.weights > 0
        if not known.any():
            return None, None, None
        if self.seeds == 1:
            return float(np.exp(self.sums.sum() / self.weights.sum())), None, None
        value, low, high = np.exp(ratio(self.sums[known], self.weights[known]))
        return float(value), float(low), float(high)

    def sentence(self, what: str) -> str:
        """Say what the factor is, without a test; nothing where no seed tells."""
        value, low, high = self.factor()
        if value is None:
            return ""
        return f" Where both succeed, {what} {amount(value)} times the steps ({span(low, high)}, no test)."


def log_ratios(slow: Numbers, fast: Numbers, first: int, weights: Numbers | None = None) -> LogRatios:
    """Return the log ratios of steps, of pairs in which both succeed and not both at the first evaluation.

    Which of two runs that succeed by the first evaluation was faster nobody knows.

    Args:
        slow: Steps of the runs in the numerator, shape (pairs, seeds); infinite without success.
        fast: The same of those in the denominator.
        first: Step of the first evaluation.
        weights: What each pair counts, shape (pairs,); 1 by default.
    """
    told: Flags = np.isfinite(slow) & np.isfinite(fast) & ((slow > first) | (fast > first))
    logs = np.log(np.where(told, slow, 1.0)) - np.log(np.where(told, fast, 1.0))
    counted = told.astype(float) if weights is None else told * weights[:, None]
    return LogRatios(logs.sum(axis=0), counted.sum(axis=0))
