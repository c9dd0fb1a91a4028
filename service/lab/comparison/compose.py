"""The comparison of models, put together from their runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from sqlalchemy.orm import Session

from service.lab.comparison import networks, overall, trials
from service.lab.comparison.methods import METHODS
from service.lab.comparison.trials import PARTS, Budget, Entry, Trials
from service.lab.statistics import selection
from service.lab.statistics.resampled import corrected
from tombola.results import (
    Comparison,
    DatasetComparison,
    Difference,
    Limits,
    ModelAccuracy,
    SearchBudget,
    WidthGain,
)

if TYPE_CHECKING:
    from service.lab.statistics.selection import Numbers

LEVEL = 0.95
_NO_WIDTH = 1e-12
_NOWHERE = Limits(value=None, low=None, high=None)


def comparison(
    session: Session,
    experiment_id: str,
    *,
    baseline: str | None = None,
    level: float = LEVEL,
    budget: Budget = trials.UNLIMITED,
) -> Comparison:
    """Return the models of an experiment compared with each other.

    Data sets and sizes enter that have all their runs.

    Args:
        session: An open session.
        experiment_id: Whose runs.
        baseline: The model that others are compared with; see `trials.baseline_of`.
        level: Confidence level of all limits and of the critical difference.
        budget: What tuning a model may take.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on a parity.
        UnknownName: The experiment has no such model.
    """
    found = trials.read(session, experiment_id)
    models = trials.entries(found, budget)
    against = trials.baseline_of(models, baseline)
    places = [
        (subject, size)
        for subject in range(len(found.grid.subjects))
        for size in found.grid.order
        if found.complete[subject, size]
    ]
    starts = networks.both_starts(found)
    compared = {place: _dataset(found, models, against, place, level) for place in places}
    return Comparison(
        experiment=experiment_id,
        provisional=not found.complete.all(),
        left_out=int((~found.complete).sum()),
        baseline=against.name,
        level=level,
        trials=budget.trials,
        seconds=budget.seconds,
        budgets=[_budget(found, model) for model in models] if places else [],
        equal_budgets=_equal(found, models),
        datasets=list(compared.values()),
        overall=overall.tests(found, models, against, compared),
        ranks=overall.ranked(found, models, level),
        gains=[_gain(found, width, pair, place, level) for place in places for width, *pair in starts],
        methods=METHODS,
    )


def _dataset(
    found: Trials, models: Sequence[Entry], against: Entry, place: tuple[int, int], level: float
) -> DatasetComparison:
    subject, size = place
    table, grid = found.grid.subjects[subject], found.grid
    tested = found.tested(subject)
    return DatasetComparison(
        dataset=table.name,
        dataset_id=table.id,
        fraction=grid.fraction(size),
        samples=table.sizes[size],
        test_rows=int(found.test_rows[subject]),
        splits=grid.spec.grid.splits,
        seeds=grid.spec.seeds.count,
        majority=table.majority,
        models=[_accuracy(found, model, place, tested, level) for model in models],
        differences=[
            _difference(model, against, place, tested, level) for model in models if model is not against
        ],
    )


def _accuracy(
    found: Trials, model: Entry, place: tuple[int, int], tested: float, level: float
) -> ModelAccuracy:
    members = model.members[model.within[place]]
    best = selection.optimistic(found.test[place][:, model.members], model.within[place])
    seconds = model.seconds[place]
    return ModelAccuracy(
        model=model.name,
        accuracy=_limits(model.accuracy[place], tested, level, least=0.0),
        auc=_limits(model.auc[place], tested, level, least=0.0),
        optimistic=None if np.isnan(best) else float(best),
        runs=int(found.run[place][:, members].size),
        diverged=int(found.diverged[place][:, members].sum()),
        chosen=model.usual(found.grid.candidates, *place),
        core_seconds=None if np.isnan(seconds).all() else float(np.nanmean(seconds)),
    )


def _difference(
    model: Entry, against: Entry, place: tuple[int, int], tested: float, level: float
) -> Difference:
    own, other = model.accuracy[place], against.accuracy[place]
    limits = _limits(own - other, tested, level, least=-1.0)
    verdict: Literal["win", "tie", "loss"] = "tie"
    if limits.value is None:
        missing = bool(np.isnan(other).any()) - bool(np.isnan(own).any())
        verdict = "win" if missing > 0 else "loss" if missing < 0 else "tie"
    # Equal differences in the few splits there are have limits of no width: no proof of anything.
    elif limits.low is not None and limits.high is not None and limits.high - limits.low > _NO_WIDTH:
        verdict = "win" if limits.low > 0 else "loss" if limits.high < 0 else "tie"
    return Difference(model=model.name, difference=limits, verdict=verdict)


def _limits(values: Numbers, tested: float, level: float, *, least: float) -> Limits:
    """Return the mean of values, shape (splits, seeds), with limits inside of `least` and 1."""
    by_split = values.mean(axis=-1)
    if np.isnan(by_split).any():
        return _NOWHERE
    mean, low, high = corrected(by_split, tested, level)
    return Limits(
        value=mean,
        low=None if low is None else max(least, low),
        high=None if high is None else min(1.0, high),
    )


def _budget(found: Trials, model: Entry) -> SearchBudget:
    """Return what the search of a model took, over complete data sets and sizes."""
    counts = model.within[found.complete].sum(axis=-1)
    seconds = found.seconds[:, :, :, model.members].mean(axis=(2, 4))
    spent = np.where(model.within, seconds, 0.0).sum(axis=-1)[found.complete]
    return SearchBudget(
        model=model.name,
        candidates=int(counts.max()),
        fewest_candidates=int(counts.min()),
        core_seconds=float(spent.mean()),
    )


def _equal(found: Trials, models: Sequence[Entry]) -> bool:
    counts = [model.within[found.complete].sum(axis=-1) for model in models if model.name not in PARTS]
    return all(np.array_equal(count, counts[0]) for count in counts)


def _gain(
    found: Trials, width: int, pair: Sequence[Entry], place: tuple[int, int], level: float
) -> WidthGain:
    """Return sparse minus dense networks of a width at one data set and size."""
    subject, size = place
    table = found.grid.subjects[subject]
    tested = found.tested(subject)
    sparse, dense = (model.accuracy[place] for model in pair)
    return WidthGain(
        dataset=table.name,
        dataset_id=table.id,
        fraction=found.grid.fraction(size),
        samples=table.sizes[size],
        width=width,
        sparse=_limits(sparse, tested, level, least=0.0),
        dense=_limits(dense, tested, level, least=0.0),
        gain=_limits(sparse - dense, tested, level, least=-1.0),
    )
