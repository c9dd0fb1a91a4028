"""LightGBM, XGBoost and CatBoost, each an extra: boosted trees up to the best round on validation rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.tabular.estimators._seam import Fitted
from worker.tabular.estimators._sklearn import PATIENCE

if TYPE_CHECKING:
    from worker.engine._lanes import Tick
    from worker.engine.tables import Prepared
    from worker.tabular.estimators._seam import Hyperparameters


def fit_lightgbm(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit LightGBM's classifier (Ke et al. 2017)."""
    import lightgbm  # noqa: PLC0415  # an extra

    model = lightgbm.LGBMClassifier(
        n_jobs=1,
        random_state=seed,
        deterministic=True,
        force_row_wise=True,
        subsample_freq=1,
        verbosity=-1,
        **given,
    )
    model.fit(
        prepared.train.features,
        prepared.train.classes,
        eval_X=(prepared.validation.features,),
        eval_y=(prepared.validation.classes,),
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False), lambda _: tick()],
    )
    booster = model.booster_
    rounds = model.best_iteration_ or booster.current_iteration()

    def predict(features: Any) -> Any:  # noqa: ANN401  # `Predict`; the library has no types
        return model.predict_proba(features, num_iteration=rounds, validate_features=False)

    return Fitted(predict, rounds)


def fit_xgboost(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit XGBoost's classifier (Chen and Guestrin 2016)."""
    import xgboost  # noqa: PLC0415  # an extra

    class Look(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: object, epoch: int, evals_log: object) -> bool:  # noqa: ARG002  # as theirs
            tick()
            return False

    model = xgboost.XGBClassifier(
        n_jobs=1,
        random_state=seed,
        tree_method="hist",
        early_stopping_rounds=PATIENCE,
        callbacks=[Look()],
        **given,
    )
    model.fit(
        prepared.train.features,
        prepared.train.classes,
        eval_set=[(prepared.validation.features, prepared.validation.classes)],
        verbose=False,
    )
    return Fitted(model.predict_proba, model.best_iteration + 1)  # it predicts with the best round by itself


def fit_catboost(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit CatBoost's classifier (Prokhorenkova et al. 2018)."""
    import catboost  # noqa: PLC0415  # an extra

    class Look:
        def after_iteration(self, _info: object) -> bool:
            tick()
            return True

    model = catboost.CatBoostClassifier(
        thread_count=1, random_seed=seed, verbose=False, allow_writing_files=False, **given
    )
    model.fit(
        prepared.train.features,
        prepared.train.classes,
        eval_set=(prepared.validation.features, prepared.validation.classes),
        early_stopping_rounds=PATIENCE,
        callbacks=[Look()],
    )
    return Fitted(model.predict_proba, model.tree_count_)
