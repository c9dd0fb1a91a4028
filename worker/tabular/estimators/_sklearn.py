"""Forests, histogram boosting and logistic regression of scikit-learn, in pieces that can be stopped."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING

from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from worker.tabular.estimators._seam import Fitted, mean_loss

if TYPE_CHECKING:
    from worker.engine._lanes import Tick
    from worker.engine.tables import Prepared
    from worker.tabular.estimators._seam import Hyperparameters

#: Trees, boosting rounds and iterations between two looks at whether to stop.
_TREES, _ROUNDS, _ITERATIONS = 10, 10, 20
#: Boosting ends after so many rounds without a better validation loss (Grinsztajn et al. 2022).
PATIENCE = 20
_MOST_ITERATIONS = 1000


def fit_forest(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit a random forest (Breiman 2001), a few trees at a time: the same trees as all at once."""
    settings = dict(given)
    trees = settings.pop("n_estimators", 100)
    forest = RandomForestClassifier(0, warm_start=True, n_jobs=1, random_state=seed, **settings)
    for count in [*range(_TREES, trees, _TREES), trees]:
        tick()
        forest.set_params(n_estimators=count)
        forest.fit(prepared.train.features, prepared.train.classes)
    return Fitted(forest.predict_proba, trees)


def fit_boosting(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit boosted trees on histograms, up to the round with the least loss on the validation rows."""
    settings = dict(given)
    most = settings.pop("max_iter", 100)
    boosting = HistGradientBoostingClassifier(
        warm_start=True, early_stopping=False, random_state=seed, **settings
    )
    validation = prepared.validation
    best, rounds = math.inf, 0
    for count in [*range(_ROUNDS, most, _ROUNDS), most]:
        tick()
        boosting.set_params(max_iter=count)
        boosting.fit(prepared.train.features, prepared.train.classes)
        reached = mean_loss(boosting.predict_proba(validation.features), validation.classes)
        if reached < best:
            best, rounds = reached, count
        elif count - rounds >= PATIENCE:
            break
    return Fitted(
        lambda features: next(islice(boosting.staged_predict_proba(features), rounds - 1, None)), rounds
    )


def fit_logistic(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit a logistic regression: L-BFGS with a ridge penalty, SAGA where there is a lasso's."""
    ridge = not given.get("l1_ratio")
    model = LogisticRegression(
        solver="lbfgs" if ridge else "saga",
        max_iter=_MOST_ITERATIONS if ridge else _ITERATIONS,
        warm_start=not ridge,
        random_state=seed,
        **given,
    )
    taken = 0
    while True:
        tick()
        model.fit(prepared.train.features, prepared.train.classes)
        taken += int(model.n_iter_.max())
        if ridge or int(model.n_iter_.max()) < _ITERATIONS or taken >= _MOST_ITERATIONS:
            return Fitted(model.predict_proba, taken)
