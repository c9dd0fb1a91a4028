"""The engine of libraries' models: one fit a core."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from tombola.spec import EstimatorKind, EstimatorModel
from worker.engine._handing import hand_over
from worker.engine._lanes import Lanes, Tick
from worker.engine.errors import EngineError
from worker.engine.scoring import finished_run, score
from worker.engine.seam import TabularRun
from worker.engine.tables import Rows
from worker.tabular.estimators._boosters import fit_catboost, fit_lightgbm, fit_xgboost
from worker.tabular.estimators._seam import Fit, Fitted, library_seed
from worker.tabular.estimators._sklearn import fit_boosting, fit_forest, fit_logistic
from worker.tabular.estimators._tabm import fit_tabm
from worker.versions import installed

if TYPE_CHECKING:
    from worker.engine.importance import Predict
    from worker.engine.seam import FinishedRun, OnFinished, ShouldStop
    from worker.engine.tables import Prepared, Provider

#: What fits a model, the package that it needs, and whether it wants scaled features.
_MODELS: dict[EstimatorKind, tuple[Fit, str, bool]] = {
    "forest": (fit_forest, "sklearn", False),
    "boosting": (fit_boosting, "sklearn", False),
    "logistic": (fit_logistic, "sklearn", True),
    "lightgbm": (fit_lightgbm, "lightgbm", False),
    "xgboost": (fit_xgboost, "xgboost", False),
    "catboost": (fit_catboost, "catboost", False),
    "tabm": (fit_tabm, "tabm", True),
}
_LIBRARIES = ("scikit-learn", "lightgbm", "xgboost", "xgboost-cpu", "catboost", "tabm")


class LibraryMissingError(EngineError):
    """A model needs a library that is not installed here."""


class FitFailedError(EngineError):
    """A library raised an error."""


class EstimatorEngine:
    """Fits libraries' models on tables; a `TabularEngine`.

    A run's results depend on its configuration and seed alone, not on what is fitted beside it, nor on the
    number of lanes.

    Args:
        provider: Returns splits.
        lanes: Fits side by side, each on one core.

    Attributes:
        name: "estimators".
        device: "cpu".
        versions: Those of the libraries that are here.
    """

    name = "estimators"
    device = "cpu"

    def __init__(self, provider: Provider, lanes: int) -> None:
        self._provider = provider
        self.lanes = lanes
        self.versions: Mapping[str, str] = MappingProxyType(installed(_LIBRARIES))
        self.detail = f"scikit-learn {version('scikit-learn')}, {lanes} lane{'s' * (lanes != 1)}"

    def train(self, runs: Sequence[TabularRun], on_finished: OnFinished, should_stop: ShouldStop) -> bool:
        """Fit the runs' models and hand each run to `on_finished` once; see `TabularEngine.train`.

        Raises:
            LibraryMissingError: A model needs a library that is not installed; all others were fitted.
            FitFailedError: A library raised an error; all others were fitted.
            TypeError: A run's model is a network of ours.
        """
        torch.get_num_threads()  # torch reads its defaults when first asked: before a lane changes them
        # Lanes are the only threads; and a fit in pieces ends each before it converges.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return hand_over(_Fits(runs, self._provider, self.lanes), on_finished, should_stop) == len(runs)


class _Fits(Lanes[TabularRun]):
    """The fits of one call (a `Training` of `worker.engine._handing`)."""

    def __init__(self, runs: Sequence[TabularRun], provider: Provider, lanes: int) -> None:
        super().__init__(runs)
        self._provider, self._lanes = provider, lanes
        self._count, self._done = len(runs), 0

    def train(self) -> None:
        """Fit all models, or until stopped."""
        self._train_in(ThreadPoolExecutor(self._lanes, "tombola-fit", _enter_lane), self._lanes)

    def fraction_done(self) -> float:
        """Return the share of the runs that have ended."""
        return self._done / self._count if self._count else 1.0

    def _do(self, piece: TabularRun) -> None:
        self.finished.put(self._fit(piece))
        with self._lock:
            self._done += 1

    def _fit(self, run: TabularRun) -> FinishedRun:
        began_at = time.perf_counter()
        configuration, model = run.configuration, _model(run)
        task = configuration.target
        fit, package, scaled = _MODELS[model.kind]
        if find_spec(package) is None:
            raise LibraryMissingError(
                f"{model.kind} is not installed on this worker: pip install 'tombola-server[{model.kind}]'"
            )
        prepared = self._provider(task, configuration.samples, scaled)
        seed = library_seed(task.dataset, task.split, run.seed)
        try:
            fitted = _fitted(fit, model, prepared, seed, self.tick)
            scored = score(run, self._stoppable(fitted.predict), prepared)
        except Exception as error:
            self.tick()  # a stop passes through a library, and may come out of it as something else
            about = f"{model.kind} with {dict(model.hyperparameters)} on {configuration.samples} rows"
            raise FitFailedError(f"{about}: {type(error).__name__}: {error}") from error
        wall_seconds = (time.perf_counter() - began_at) / self._lanes
        return finished_run(run, fitted.steps, scored, wall_seconds)

    def _stoppable(self, predict: Predict) -> Predict:
        """Return what looks whether to stop before it predicts, which importances do often."""

        def looking(features: NDArray[np.float32]) -> NDArray[np.floating]:
            self.tick()
            return predict(features)

        return looking


def _fitted(fit: Fit, model: EstimatorModel, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit a model to whatever classes its training rows have: permuted ones may lack some. Predict all."""
    known, classes = np.unique(prepared.train.classes, return_inverse=True)
    if len(known) == 1:
        return Fitted(lambda features: _spread(np.ones((len(features), 1)), known, prepared.class_count), 0)
    if len(known) < prepared.class_count:
        number = np.full(prepared.class_count, -1)
        number[known] = np.arange(len(known))
        kept = number[prepared.validation.classes] >= 0
        shown = Rows(
            prepared.validation.features[kept], number[prepared.validation.classes[kept]].astype(np.int64)
        )
        train = Rows(prepared.train.features, classes.astype(np.int64))
        prepared = dataclasses.replace(prepared, train=train, validation=shown if kept.any() else train)
    fitted = fit(model.hyperparameters, prepared, seed, tick)
    return Fitted(
        lambda features: _spread(fitted.predict(features), known, prepared.class_count), fitted.steps
    )


def _spread(shares: NDArray[np.floating], known: NDArray[np.int64], class_count: int) -> NDArray[np.floating]:
    """Return probabilities of all classes from those of the known ones."""
    if shares.shape[1] == class_count:
        return shares
    found = np.zeros((len(shares), class_count))
    found[:, known] = shares
    return found


def _model(run: TabularRun) -> EstimatorModel:
    model = run.configuration.model
    if not isinstance(model, EstimatorModel):
        raise TypeError(f"the engine estimators fits models of libraries, not {model.kind}")
    return model


def _enter_lane() -> None:
    torch.set_num_threads(1)
    threadpool_limits(1)  # OpenMP's limit is each thread's own
