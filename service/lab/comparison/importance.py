"""What the models of an experiment read, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, pvariance
from typing import Any

from sqlalchemy.orm import Session

from service.lab.comparison import trials
from service.lab.comparison.trials import Entry, Trials
from service.lab.errors import NoImportance
from service.store import scores
from tombola.results import FeatureImportance, Importances, ModelImportance


def importances(session: Session, experiment_id: str) -> Importances:
    """Return what each model reads of each column, of the candidate that counts at each split and seed.

    Data sets and sizes enter that have all their runs.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on a parity.
        NoImportance: It does not measure that.
    """
    found = trials.read(session, experiment_id)
    if not found.grid.spec.importance:
        raise NoImportance(experiment_id)
    models = trials.entries(found)
    return Importances(
        experiment=experiment_id,
        models=[
            one
            for subject in range(len(found.grid.subjects))
            for size in found.grid.order
            if found.complete[subject, size]
            for model in models
            for one in _of_model(session, found, model, (subject, size))
        ],
    )


def _of_model(
    session: Session, found: Trials, model: Entry, place: tuple[int, int]
) -> Sequence[ModelImportance]:
    read = list(scores.importances(session, model.runs(found, place)).values())
    if not read:
        return ()
    subject, size = place
    table = found.grid.subjects[subject]
    return [
        ModelImportance(
            dataset=table.name,
            dataset_id=table.id,
            fraction=found.grid.fraction(size),
            samples=table.sizes[size],
            model=model.name,
            hyperparameters=model.usual(found.grid.candidates, *place),
            runs=len(read),
            columns=sorted(
                (_mean(list(column)) for column in zip(*read, strict=True)),
                key=lambda column: -column.permutation,
            ),
        )
    ]


def _mean(column: Sequence[dict[str, Any]]) -> FeatureImportance:
    """Return what several runs read of a column: means, and the deviation over runs and shuffles together."""
    own = [row["permutation"] for row in column]
    within = fmean(row["deviation"] ** 2 for row in column)
    return FeatureImportance(
        column=column[0]["column"],
        permutation=fmean(own),
        deviation=math.sqrt(within + pvariance(own)),
        support=_mean_of("support", column),
        initial_support=_mean_of("initial_support", column),
    )


def _mean_of(name: str, column: Sequence[dict[str, Any]]) -> float | None:
    known = [row[name] for row in column if row.get(name) is not None]
    return fmean(known) if known else None
