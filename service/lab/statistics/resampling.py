"""How often each cell is on the frontier if the experiment is repeated: a parametric bootstrap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.lab.statistics.dominance import dominated_by, non_dominated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.lab.statistics.dominance import Flags, Matrix

#: Repetitions: an estimated share has a standard error of at most 2.3 %.
RESAMPLES = 500
#: More cells than this are not compared pair by pair: in all repetitions at once, and in each of them.
MOST_COMPARED = 3_000
MOST_COMPARED_EACH_TIME = 600
_SEED = 20_230_908
_TOLERANCE = 1e-9
#: Comparisons held in memory at once.
_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class Resampled:
    """What one cell's runs showed, to draw others like them from.

    Attributes:
        runs: Finished runs, at least 1.
        successes: Those that succeeded.
        counts: Successes at each number of steps, rising.
        step_values: What each of these numbers of steps is, by objective: steps or floating-point operations.
        won: Mean and standard deviation of the cost of a success.
        lost: Mean cost of a failure.
        bounds: Least and most that a run can cost.
    """

    runs: int
    successes: int
    step_values: Mapping[str, Sequence[float]] = field(default_factory=dict)
    counts: Sequence[int] = ()
    won: tuple[float, float] = (0.0, 0.0)
    lost: float = 0.0
    bounds: tuple[float, float] = (0.0, 0.0)


class Repetition:
    """Repeated counts of successes of some cells, and what follows from them.

    Each of the cells has its runs drawn anew, `RESAMPLES` times, with its own success probability. That is
    estimated as (successes + 1/2) / (runs + 1), the mean under Jeffreys' prior, so that a few runs without a
    failure, or without a success, are not taken for certainty.
    """

    def __init__(self, cells: Sequence[Resampled], seed: int = _SEED) -> None:
        """Draw the successes; the same seed gives the same ones."""
        self._cells = cells
        self._luck = np.random.default_rng(seed)
        self.runs = np.array([cell.runs for cell in cells])
        chance = np.array([(cell.successes + 0.5) / (cell.runs + 1) for cell in cells])
        self.successes = self._luck.binomial(self.runs, chance, size=(RESAMPLES, len(cells)))

    def reaching(self, probability: float) -> Flags:
        """Tell in which repetitions each cell reaches a probability; shape (RESAMPLES, cells)."""
        return np.asarray(self.successes >= (probability - _TOLERANCE) * self.runs)

    def probability(self) -> Matrix:
        """Return the repeated probabilities."""
        return np.asarray(self.successes / self.runs)

    def medians(self) -> dict[str, Matrix]:
        """Return the repeated Kaplan-Meier medians, by objective of `step_values`.

        The median is the success of rank half the runs among the repeated successes. Of X draws from the
        distribution of steps to success, the k-th lies at a share that is Beta(k, X - k + 1).
        """
        rank = (self.runs + 1) // 2
        reached = self.successes >= rank
        share = self._luck.beta(rank, np.maximum(self.successes - rank + 1, 1))
        names = {name for cell in self._cells for name in cell.step_values}
        found = {name: np.full(self.successes.shape, np.inf) for name in names}
        for number, cell in enumerate(self._cells):
            if not cell.successes:  # nobody knows how many steps its successes would take
                continue
            cumulative = np.cumsum(cell.counts) / cell.successes
            at = np.minimum(np.searchsorted(cumulative, share[:, number]), len(cumulative) - 1)
            for name, values in cell.step_values.items():
                found[name][:, number] = np.where(reached[:, number], np.asarray(values)[at], np.inf)
        return found

    def costs(self) -> Matrix:
        """Return the repeated costs of a first success; see `luck.first_success_cost`."""
        mean, spread = np.array([cell.won for cell in self._cells]).T
        lost = np.array([cell.lost for cell in self._cells])
        least, most = np.array([cell.bounds for cell in self._cells]).T
        successes = np.maximum(self.successes, 1)
        noise = self._luck.standard_normal(self.successes.shape)
        # Bounded by what is possible, but for a mean that was measured outside of it.
        won = np.clip(
            mean + spread / np.sqrt(successes) * noise, np.minimum(least, mean), np.maximum(most, mean)
        )
        cost = won + lost * (self.runs - self.successes) / successes
        return np.where(self.successes > 0, cost, np.inf)


def frontier_shares(reaching: Flags, fixed: Matrix, repeated: Sequence[Matrix]) -> NDArray[np.float64] | None:
    """Return the share of the repetitions in which each cell is on the frontier.

    Args:
        reaching: Whether a cell qualifies, in each repetition; shape (repetitions, cells).
        fixed: What is minimised and the same in all repetitions; shape (cells, columns).
        repeated: What is minimised and drawn anew; each of shape (repetitions, cells).

    Returns:
        Shares from 0 to 1; None where more cells would have to be compared than can be soon.
    """
    shares = np.zeros(reaching.shape[1])
    candidates = np.flatnonzero(reaching.any(axis=0))
    if not repeated:
        # Those that a cell dominates which qualifies every time are never on the frontier.
        always = fixed[reaching.all(axis=0)]
        beaten = dominated_by(fixed[candidates], always[non_dominated(always)])
        candidates = candidates[~beaten]
    if len(candidates) > (MOST_COMPARED_EACH_TIME if repeated else MOST_COMPARED):
        return None
    qualifies, static = reaching[:, candidates], fixed[candidates]
    at_once = max(1, _AT_ONCE // max(1, len(candidates) ** 2)) if repeated else len(reaching)
    for begin in range(0, len(reaching), at_once):
        rows = slice(begin, begin + at_once)
        drawn = [values[rows][:, candidates] for values in repeated]
        shares[candidates] += _on_front(qualifies[rows], static, drawn).sum(axis=0)
    return shares / len(reaching)


def _on_front(qualifies: Flags, fixed: Matrix, repeated: Sequence[Matrix]) -> Flags:
    """Tell which cells are on the frontier in each repetition, by comparing every pair."""
    columns = [fixed[None, :, number] for number in range(fixed.shape[1])] + list(repeated)
    shape = (len(qualifies) if repeated else 1, qualifies.shape[1], qualifies.shape[1])
    no_worse, better = np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for column in columns:
        rival, own = column[:, :, None], column[:, None, :]
        no_worse &= rival <= own
        better |= rival < own
    beats = no_worse & better
    if len(beats) == 1:  # the same comparisons in all repetitions: one product of matrices counts the rivals
        rivals = qualifies.astype(np.float32) @ beats[0].astype(np.float32)
    else:
        rivals = (beats & qualifies[:, :, None]).any(axis=1)
    return np.asarray(qualifies & (rivals == 0))
