"""How a run on a table ended: its scores on validation and test rows, whatever model it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tombola.results import Outcome
from worker.engine.importance import permutation_importances
from worker.engine.metrics import metrics
from worker.engine.seam import Curve, FinishedRun, Metrics, Score
from worker.engine.tables import task_key

if TYPE_CHECKING:
    from worker.engine.importance import Predict
    from worker.engine.seam import TabularRun
    from worker.engine.tables import Prepared

_NOTHING = Metrics(None, None, None)


def score(run: TabularRun, predict: Predict, prepared: Prepared) -> Score:
    """Return what a model scores, and what it reads where the run asks for that.

    Test rows are looked at here and nowhere else.
    """
    validation, test = (
        metrics(predict(rows.features), rows.classes) for rows in (prepared.validation, prepared.test)
    )
    if validation.accuracy is None or test.accuracy is None:
        return no_score(prepared)
    importance = None
    if run.configuration.importance:
        key = task_key(run.configuration.target)
        importance = permutation_importances(predict, prepared, key, run.seed)
    return Score(validation, test, len(prepared.validation.classes), len(prepared.test.classes), importance)


def no_score(prepared: Prepared) -> Score:
    """Return the score of a model whose outputs are not finite."""
    return Score(_NOTHING, _NOTHING, len(prepared.validation.classes), len(prepared.test.classes))


def finished_run(run: TabularRun, steps: int, scored: Score, wall_seconds: float) -> FinishedRun:
    """Return a run that has ended as it is handed over."""
    accuracy = scored.test.accuracy
    return FinishedRun(
        run=run,
        outcome=Outcome.DIVERGED if accuracy is None else Outcome.SUCCESS,
        steps=steps,
        train_error=None,
        test_error=None if accuracy is None else 1.0 - accuracy,
        curve=Curve(),
        wall_seconds=wall_seconds,
        score=scored,
    )
