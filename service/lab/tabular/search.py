"""Candidates of libraries' models: the default, then a random search whose draws are the same for ever.

The spaces of forest, boosting and xgboost are those of Grinsztajn et al. 2022 (arXiv 2207.08815, appendix),
with 250 trees as in their code; but boosting draws its learning rate log-uniformly, none for which 1000
rounds are too few. Candidate 0 is a default that is hard to beat, and candidate t depends on the model and t
alone: the first 8 of 20 are those of 8.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from tombola.spec import EstimatorKind, EstimatorModel, EstimatorModels

Value = float | int | str | bool | None
#: Draws a value with a generator of numbers uniform on [0, 1).
Draw = Callable[[Callable[[], float]], Value]

#: Digits of a drawn number: enough for any hyperparameter, and short to read.
_DIGITS = 4
_TREES = 250
_ROUNDS = 1000


def candidates(models: EstimatorModels) -> list[EstimatorModel]:
    """Return the candidates of a model, in the order of their numbers."""
    return [candidate(models.kind, number) for number in models.numbers]


def candidate(kind: EstimatorKind, number: int) -> EstimatorModel:
    """Return one candidate of a model; 0 is its default."""
    if number == 0:
        return EstimatorModel(kind=kind, hyperparameters=dict(_DEFAULTS[kind]))
    # Python guarantees this stream for a seed of text: random() and seed() are kept compatible.
    uniform = random.Random(f"tombola {kind} {number}").random  # noqa: S311  # no secret
    drawn = {name: draw(uniform) for name, draw in _SPACES[kind].items()}
    return EstimatorModel(kind=kind, hyperparameters=dict(_FIXED.get(kind, {})) | drawn)


def _choice(values: Sequence[Value], shares: Sequence[float] | None = None) -> Draw:
    """Draw one of some values, each with its share (default: equal ones)."""
    parts = shares or [1 / len(values)] * len(values)

    def draw(uniform: Callable[[], float]) -> Value:
        left = uniform()
        for value, share in zip(values, parts, strict=True):
            left -= share
            if left < 0:
                return value
        return values[-1]

    return draw


def _uniform(low: float, high: float) -> Draw:
    return lambda uniform: _short(low + (high - low) * uniform())


def _log_uniform(low: float, high: float) -> Draw:
    return lambda uniform: _short(low * (high / low) ** uniform())


def _whole_log_uniform(low: float, high: float) -> Draw:
    return lambda uniform: round(low * (high / low) ** uniform())


def _short(value: float) -> float:
    """Round to a few significant digits, which no library of mathematics computes otherwise."""
    return float(f"{value:.{_DIGITS}g}")


def _normal(uniform: Callable[[], float]) -> float:
    """Draw from the standard normal distribution (Box and Muller 1958)."""
    return math.sqrt(-2 * math.log(1 - uniform())) * math.cos(2 * math.pi * uniform())


def _whole_normal(mean: float, deviation: float, least: int) -> Draw:
    return lambda uniform: max(least, round(mean + deviation * _normal(uniform)))


_FOREST_FEATURES: list[Value] = ["sqrt", "sqrt", "log2", None, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
_BOOSTER_ROUNDS: dict[str, Value] = {"n_estimators": _ROUNDS}
_TABM: dict[str, Value] = {"members": 16, "max_steps": 2000}

_DEFAULTS: dict[EstimatorKind, dict[str, Value]] = {
    "forest": {"n_estimators": _TREES, "min_samples_leaf": 2},
    "boosting": {"max_iter": _ROUNDS},
    "logistic": {"C": 1.0},
    "lightgbm": _BOOSTER_ROUNDS | {"learning_rate": 0.05},
    "xgboost": _BOOSTER_ROUNDS | {"learning_rate": 0.1},
    "catboost": {"iterations": _ROUNDS},
    "tabm": _TABM | {"learning_rate": 0.002, "weight_decay": 0.0003, "width": 128, "blocks": 2},
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
_SPACES: dict[EstimatorKind, dict[str, Draw]] = {
    "forest": {
        "criterion": _choice(["gini", "entropy"]),
        "max_features": _choice(_FOREST_FEATURES),
        "max_depth": _choice([None, 2, 3, 4], [0.7, 0.1, 0.1, 0.1]),
        "min_samples_split": _choice([2, 3], [0.95, 0.05]),
        "min_samples_leaf": _whole_log_uniform(1.5, 50.5),
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
