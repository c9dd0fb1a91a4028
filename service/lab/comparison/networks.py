"""Networks by width and initialisation: what a sparse start gains, and how much width is enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from sqlalchemy.orm import Session

from service.lab.comparison import trials
from service.lab.comparison.trials import Entry, Trials
from service.lab.statistics.dominance import non_dominated
from service.lab.statistics.intervals import Confidence
from tombola.results import WidthFrontier, WidthPoint

Against = Literal["same", "full"]

#: Forgives the rounding of an accuracy, and of a probability such as 0.07 * 100 > 7.
_TOLERANCE = 1e-9
USUAL = Confidence()


def both_starts(found: Trials) -> list[tuple[int, Entry, Entry]]:
    """Return widths with their sparse and their dense networks, where there are both; narrow ones first."""
    groups: dict[int, tuple[list[int], list[int]]] = {}
    for number, candidate in enumerate(found.grid.candidates):
        if candidate.width is not None and candidate.kind == "mlp":
            groups.setdefault(candidate.width, ([], []))[candidate.sparsity is None].append(number)
    return [
        (width, trials.entry(found, "mlp-sparse", sparse), trials.entry(found, "mlp-dense", dense))
        for width, (sparse, dense) in sorted(groups.items())
        if sparse and dense
    ]


def width_frontier(  # noqa: PLR0913  # what may be asked
    session: Session,
    experiment_id: str,
    *,
    probability: float = 0.5,
    against: Against = "same",
    baseline: str | None = None,
    confidence: Confidence = USUAL,
) -> WidthFrontier:
    """Return how much width and data networks need to be as good as the baseline.

    A network succeeds at a split and seed where its accuracy on the test rows, its other hyperparameters
    chosen on the validation rows, is at least that of the baseline there.

    Args:
        session: An open session.
        experiment_id: Whose runs.
        probability: With which a network must succeed to be on the frontier; above 0.
        against: The baseline of the same size, or of the largest one.
        baseline: See `trials.baseline_of`.
        confidence: How the limits of the probability are made.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on a parity.
        UnknownName: The experiment has no such model.
    """
    found = trials.read(session, experiment_id)
    goal = trials.baseline_of(trials.entries(found), baseline)
    entries = _by_width_and_sparsity(found)
    largest = found.grid.order[-1]
    points = []
    for subject in range(len(found.grid.subjects)):
        own = [
            _point(found, width, sparsity, model, goal, (subject, size), against, confidence)
            for size in found.grid.order
            if found.complete[subject, size] and (against == "same" or found.complete[subject, largest])
            for width, sparsity, model in entries
        ]
        points += _marked(own, probability)
    return WidthFrontier(
        experiment=experiment_id,
        probability=probability,
        baseline=goal.name,
        against=against,
        level=confidence.level,
        method=confidence.method,
        points=points,
    )


def _by_width_and_sparsity(found: Trials) -> list[tuple[int, int | None, Entry]]:
    """Return networks, narrow ones first, of a width the sparsest first and the dense ones last."""
    groups: dict[tuple[int, int | None], list[int]] = {}
    for number, candidate in enumerate(found.grid.candidates):
        if candidate.width is not None:
            groups.setdefault((candidate.width, candidate.sparsity), []).append(number)
    return [
        (width, sparsity, trials.entry(found, "mlp", groups[width, sparsity]))
        for width, sparsity in sorted(groups, key=lambda key: (key[0], key[1] is None, key[1] or 0))
    ]


def _point(  # noqa: PLR0913, PLR0917  # where it stands, and against what
    found: Trials,
    width: int,
    sparsity: int | None,
    model: Entry,
    goal: Entry,
    place: tuple[int, int],
    against: Against,
    confidence: Confidence,
) -> WidthPoint:
    subject, size = place
    table = found.grid.subjects[subject]
    own = model.accuracy[place]
    other = goal.accuracy[subject, size if against == "same" else found.grid.order[-1]]
    # A model without an accuracy reaches nothing, and everything reaches it.
    reached = own >= np.where(np.isnan(other), -np.inf, other) - _TOLERANCE
    runs, successes = own.size, int(reached.sum())
    low, high = confidence.limits(successes, runs)
    return WidthPoint(
        dataset=table.name,
        dataset_id=table.id,
        fraction=found.grid.fraction(size),
        samples=table.sizes[size],
        width=width,
        sparsity=sparsity,
        runs=runs,
        successes=successes,
        probability=successes / runs,
        low=low,
        high=high,
        accuracy=None if np.isnan(own).any() else float(own.mean()),
        on_frontier=False,
    )


def _marked(points: Sequence[WidthPoint], probability: float) -> list[WidthPoint]:
    """Return the points of a data set, those marked that reach the probability and that none beats."""
    reaching = [
        number
        for number, point in enumerate(points)
        if point.successes >= (probability - _TOLERANCE) * point.runs
    ]
    values = np.array([[points[number].width, points[number].samples] for number in reaching], dtype=float)
    front = non_dominated(values.reshape(-1, 2))
    best = {number for number, on_it in zip(reaching, front, strict=True) if on_it}
    return [point.model_copy(update={"on_frontier": number in best}) for number, point in enumerate(points)]
