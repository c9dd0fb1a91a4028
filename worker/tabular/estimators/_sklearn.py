"""Forests, histogram boosting and logistic regression of scikit-learn, in pieces that can be stopped."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from worker.tabular.estimators._seam import Fitted, growing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from worker.engine._lanes import Tick
    from worker.engine.tables import Prepared
    from worker.tabular.estimators._seam import Hyperparameters

#: Boosting ends after so many rounds without a better validation loss (Grinsztajn et al. 2022).
PATIENCE = 20
_MOST_ITERATIONS = 1000
#: Least iterations of a linear model between two looks at whether to stop.
_ITERATIONS = 20
#: Numbers of a table that L-BFGS passes in some seconds; a piece is never shorter, for it starts anew.
_PASSED = 2e9


def fit_forest(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit a random forest (Breiman 2001), a few trees at a time: the same trees as all at once."""
    settings = dict(given)
    trees = settings.pop("n_estimators", 100)
    forest = RandomForestClassifier(0, warm_start=True, n_jobs=1, random_state=seed, **settings)
    for count in growing(trees):
        tick()
        forest.set_params(n_estimators=count)
        forest.fit(prepared.train.features, prepared.train.classes)
    return Fitted(forest.predict_proba, trees)


def fit_boosting(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit boosted trees on histograms, up to the round with the least loss on the validation rows."""
    settings = dict(given)
    most = settings.pop("max_iter", 100)
    boosting = HistGradientBoostingClassifier(
        warm_start=True,
        early_stopping=True,
        n_iter_no_change=PATIENCE,
        tol=0.0,
        random_state=seed,
        **settings,
    )
    rounds = 0
    for count in growing(most, share=0.25):  # going on, it bins all rows again and passes all trees
        tick()
        boosting.set_params(max_iter=count)
        boosting.fit(
            prepared.train.features,
            prepared.train.classes,
            X_val=prepared.validation.features,
            y_val=prepared.validation.classes,
        )
        rounds, ended = _best_round(boosting.validation_score_)
        if ended:
            break
    return Fitted(
        lambda features: next(islice(boosting.staged_predict_proba(features), rounds - 1, None)), rounds
    )


def _best_round(scores: NDArray[np.float64]) -> tuple[int, bool]:
    """Return the best round, and whether patience ended: whatever more a piece added then has no say.

    Args:
        scores: Of no tree at all, and after each round.
    """
    best = 0
    for place, score in enumerate(scores):
        if score > scores[best]:
            best = place
        elif place - best >= PATIENCE:
            return best or 1 + int(scores[1 : place + 1].argmax()), True
    return best or 1 + int(scores[1:].argmax()), False


def fit_logistic(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit a logistic regression: L-BFGS with a ridge penalty, SAGA where there is a lasso's."""
    ridge = not given.get("l1_ratio")
    piece = _ITERATIONS
    if ridge:
        numbers = prepared.train.features.size * prepared.class_count
        piece = max(_ITERATIONS, int(_PASSED / numbers))
    solver = "lbfgs" if ridge else "saga"
    model = LogisticRegression(solver=solver, warm_start=True, random_state=seed, **given)
    taken = 0
    while True:
        tick()
        asked = min(piece, _MOST_ITERATIONS - taken)
        model.set_params(max_iter=asked)
        model.fit(prepared.train.features, prepared.train.classes)
        taken += int(model.n_iter_.max())
        if int(model.n_iter_.max()) < asked or taken >= _MOST_ITERATIONS:
            return Fitted(model.predict_proba, taken)
