"""Candidates of libraries' models: defaults, then a stratified search that is the same for ever.

The spaces of forest, boosting and xgboost are those of Grinsztajn et al. 2022 (arXiv 2207.08815, appendix),
with 250 trees as in their code; but boosting draws its learning rate log-uniformly, none for which 1000
rounds are too few, and leaves of a forest begin at one row, not two. The first candidates are defaults that
are hard to beat; candidate t depends on the model and t alone: the first 8 of 20 are those of 8. Every 8
draws are a Latin hypercube (McKay, Beckman and Conover 1979): one in each eighth of every hyperparameter,
where independent draws leave gaps. No two candidates are equal: t trials are t different fits.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count, islice
from statistics import NormalDist

from tombola.spec import EstimatorKind, EstimatorModel, EstimatorModels

Value = float | int | str | bool | None
#: Makes a value of a number in [0, 1): a quantile function.
Quantile = Callable[[float], Value]

#: Digits of a drawn number: enough for any hyperparameter, and short to read.
_DIGITS = 4
_TREES = 250
_ROUNDS = 1000
#: Draws that are stratified together: as many as a usual budget has.
_STRATA = 8


def candidates(models: EstimatorModels) -> list[EstimatorModel]:
    """Return the candidates of a model, in the order of their numbers."""
    known = list(islice(_sequence(models.kind), max(models.numbers) + 1))
    return [EstimatorModel(kind=models.kind, hyperparameters=known[number]) for number in models.numbers]


def candidate(kind: EstimatorKind, number: int) -> EstimatorModel:
    """Return one candidate of a model; 0 is its default."""
    return EstimatorModel(kind=kind, hyperparameters=next(islice(_sequence(kind), number, None)))


def _sequence(kind: EstimatorKind) -> Iterator[dict[str, Value]]:
    found: list[dict[str, Value]] = []
    for hyperparameters in chain(_DEFAULTS[kind], (_drawn(kind, number) for number in count())):
        if hyperparameters not in found:
            found.append(hyperparameters)
            yield hyperparameters


def _drawn(kind: EstimatorKind, number: int) -> dict[str, Value]:
    drawn = {name: quantile(_place(kind, name, number)) for name, quantile in _SPACES[kind].items()}
    return _FIXED.get(kind, {}) | drawn


def _place(kind: EstimatorKind, name: str, number: int) -> float:
    """Return where a draw stands among the values of a hyperparameter, in [0, 1)."""
    block, within = divmod(number, _STRATA)
    # Python guarantees this stream for a seed of text: random() and seed() are kept compatible.
    uniform = random.Random(f"tombola {kind} {name} {block}").random  # noqa: S311  # no secret
    strata = sorted(range(_STRATA), key=lambda _: uniform())
    inside = [uniform() for _ in range(_STRATA)]
    return (strata[within] + inside[within]) / _STRATA


def _choice(values: Sequence[Value], shares: Sequence[float] | None = None) -> Quantile:
    """Choose one of some values, each with its share (default: equal ones)."""
    parts = shares or [1 / len(values)] * len(values)

    def quantile(place: float) -> Value:
        left = place
        for value, share in zip(values, parts, strict=True):
            left -= share
            if left < 0:
                return value
        return values[-1]

    return quantile


def _uniform(low: float, high: float) -> Quantile:
    return lambda place: _short(low + (high - low) * place)


def _log_uniform(low: float, high: float) -> Quantile:
    return lambda place: _short(low * (high / low) ** place)


def _whole_log_uniform(low: float, high: float) -> Quantile:
    return lambda place: round(low * (high / low) ** place)


def _short(value: float) -> float:
    """Round to a few significant digits, which no library of mathematics computes otherwise."""
    return float(f"{value:.{_DIGITS}g}")


def _whole_normal(mean: float, deviation: float, least: int) -> Quantile:
    return lambda place: max(least, round(NormalDist(mean, deviation).inv_cdf(place)))


_FOREST_FEATURES: list[Value] = ["sqrt", "sqrt", "log2", None, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
_BOOSTER_ROUNDS: dict[str, Value] = {"n_estimators": _ROUNDS}
_TABM: dict[str, Value] = {"members": 16, "max_steps": 2000}

_DEFAULTS: dict[EstimatorKind, list[dict[str, Value]]] = {
    "forest": [{"n_estimators": _TREES, "min_samples_leaf": 2}, {"n_estimators": _TREES}],
    "boosting": [{"max_iter": _ROUNDS}],
    "logistic": [{"C": 1.0}],
    "lightgbm": [_BOOSTER_ROUNDS | {"learning_rate": 0.05}],
    "xgboost": [_BOOSTER_ROUNDS | {"learning_rate": 0.1}],
    "catboost": [{"iterations": _ROUNDS}],
    "tabm": [_TABM | {"learning_rate": 0.002, "weight_decay": 0.0003, "width": 128, "blocks": 2}],
}
#: What a search leaves as it is.
_FIXED: dict[EstimatorKind, dict[str, Value]] = {
    "forest": {"n_estimators": _TREES},
    "boosting": {"max_iter": _ROUNDS},
    "lightgbm": _BOOSTER_ROUNDS,
    "xgboost": _BOOSTER_ROUNDS,
    "catboost": {"iterations": _ROUNDS},
    "tabm": _TABM,
}
_SPACES: dict[EstimatorKind, dict[str, Quantile]] = {
    "forest": {
        "criterion": _choice(["gini", "entropy"]),
        "max_features": _choice(_FOREST_FEATURES),
        "max_depth": _choice([None, 2, 3, 4], [0.7, 0.1, 0.1, 0.1]),
        "min_samples_split": _choice([2, 3], [0.95, 0.05]),
        "min_samples_leaf": _whole_log_uniform(0.6, 50.5),
        "bootstrap": _choice([True, False]),
        "min_impurity_decrease": _choice([0.0, 0.01, 0.02, 0.05], [0.85, 0.05, 0.05, 0.05]),
    },
    "boosting": {
        "learning_rate": _log_uniform(0.01, 0.5),
        "max_leaf_nodes": _whole_normal(31, 5, 2),
        "max_depth": _choice([None, 2, 3, 4], [0.1, 0.1, 0.7, 0.1]),
        "min_samples_leaf": _whole_normal(20, 2, 1),
    },
    "logistic": {
        "C": _log_uniform(1e-4, 1e4),
        "l1_ratio": _choice([0.0, 0.0, 0.5, 1.0]),
    },
    "lightgbm": {
        "learning_rate": _log_uniform(0.003, 0.5),
        "num_leaves": _whole_log_uniform(4, 128),
        "min_child_samples": _whole_log_uniform(1, 100),
        "subsample": _uniform(0.5, 1.0),
        "colsample_bytree": _uniform(0.5, 1.0),
        "reg_lambda": _log_uniform(1e-3, 10.0),
    },
    "xgboost": {
        "max_depth": _choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        "learning_rate": _log_uniform(0.003, 0.7),
        "gamma": _log_uniform(1e-8, 7.0),
        "min_child_weight": _whole_log_uniform(1, 100),
        "subsample": _uniform(0.5, 1.0),
        "colsample_bytree": _uniform(0.5, 1.0),
        "colsample_bylevel": _uniform(0.5, 1.0),
        "reg_alpha": _log_uniform(1e-8, 1e2),
        "reg_lambda": _log_uniform(1.0, 4.0),
    },
    "catboost": {
        "learning_rate": _log_uniform(0.01, 0.3),
        "depth": _choice([3, 4, 5, 6, 7, 8, 9, 10]),
        "l2_leaf_reg": _log_uniform(1.0, 10.0),
    },
    "tabm": {
        "learning_rate": _log_uniform(1e-4, 5e-3),
        "weight_decay": _choice([0.0, 1e-4, 1e-3, 1e-2]),
        "width": _choice([64, 128, 256]),
        "blocks": _choice([1, 2, 3]),
    },
}
