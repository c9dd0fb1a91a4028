"""What a run on a table costs, from its configuration alone; `service.lab.work` asks it.

Networks are counted in operations, as on parities. Models of libraries have no such count that would tell
their time: their seconds come from formulas whose factors were measured once, roughly, on one core of a Xeon
with scikit-learn 1.9 (forest, boosting, logistic) or are assumed (the others). Measured speeds correct them,
by kind of model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from service.lab.cost import Speed, evaluations_within
from tombola.spec import EstimatorKind, EstimatorModel, MlpModel, TabularConfiguration

_FLOAT = 4
#: Rows that an evaluation sends through a network at once.
_EVALUATED_AT_ONCE = 1024
#: Operations of an update for each parameter, and copies of the parameters that training keeps.
_UPDATE_FLOPS = {"sgd": 4.0, "adamw": 14.0}
_COPIES = {"sgd": 2, "adamw": 5}
#: Times that a permutation importance shuffles a column, and of how many test rows at most.
_SHUFFLES, _SHUFFLED_ROWS = 5, 2_000
#: Speed classes of estimators are so far apart that nothing is concluded from one to another, nor to a width.
_CLASS_DISTANCE: Final = 1_000
_KINDS: Final[tuple[str, ...]] = get_args(EstimatorKind)

_TREES = ("n_estimators", "max_iter", "iterations")
_USUAL_TREES = {"forest": 250, "catboost": 1_000}
#: TabM ends early, after about half of its steps; rows of a step, steps between two looks, and its speed.
_TABM_STEPS, _TABM_BATCH, _TABM_EVERY, _TABM_FLOPS = 0.5, 256, 100, 80e9
#: A node of a forest's tree, without the shares of the classes.
_NODE_BYTES = 64


def speed_class(configuration: TabularConfiguration) -> int:
    """Return the class of an estimator's speed: one for each kind."""
    return _CLASS_DISTANCE * (1 + _KINDS.index(configuration.model.kind))


def most_steps(configuration: TabularConfiguration) -> int:
    """Return the step budget of a network; 0 of estimators."""
    return configuration.model.max_steps if isinstance(configuration.model, MlpModel) else 0


def fewest_steps(configuration: TabularConfiguration) -> int:
    """Return the steps after which early stopping can end a network at the soonest; 0 of estimators."""
    model = configuration.model
    if not isinstance(model, MlpModel):
        return 0
    if model.patience is None:
        return model.max_steps
    return min((model.patience + 1) * model.eval_every, model.max_steps)


def run_flops(configuration: TabularConfiguration, steps: int) -> float:
    """Return floating-point operations of a run of `steps` steps and its evaluations; 0 of estimators."""
    model = configuration.model
    if not isinstance(model, MlpModel):
        return 0.0
    looks = evaluations_within(model, steps) * _forward(configuration, model, _validation_rows(configuration))
    return steps * _step_flops(configuration, model) + looks + _scoring_flops(configuration, model)


def run_seconds(configuration: TabularConfiguration, steps: int, speed: Speed) -> float:
    """Return the seconds of one lane that a run of `steps` steps takes.

    Steps of a network take theirs as on parities (`service.lab.cost.run_seconds`); an estimator takes the
    time of one core, whatever `speed`.
    """
    model = configuration.model
    if isinstance(model, EstimatorModel):
        scoring = _scored_rows(configuration) / 1e4
        return _SECONDS[model.kind](configuration, model.hyperparameters) * (1.0 + 0.05 * scoring)
    step = speed.of_step(_step_flops(configuration, model), _step_bytes(configuration, model))
    other = run_flops(configuration, steps) - steps * _step_flops(configuration, model)
    return steps * step + other / speed.flops_per_second


def run_bytes(configuration: TabularConfiguration) -> int:
    """Estimate the memory of one run in training, in bytes: rows in float32, and parameters or trees."""
    task, model = configuration.target, configuration.model
    scored = _validation_rows(configuration) + task.protocol.sizes(task.rows)[2]
    rows = ((configuration.samples or 0) + scored) * (task.features + 2) * _FLOAT
    if isinstance(model, EstimatorModel):
        return 3 * rows + (_forest_bytes(configuration, model) if model.kind == "forest" else 0)
    parameters, _ = _parameters(configuration, model)
    passing = max(2 * model.batch_size, min(scored, _EVALUATED_AT_ONCE))
    hidden = (model.depth - 1) * model.width
    return (1 + _COPIES[model.optimizer]) * parameters * _FLOAT + rows + passing * hidden * _FLOAT


def _forest_bytes(configuration: TabularConfiguration, model: EstimatorModel) -> int:
    """Return the bytes of the largest forest: trees x 2 x rows / rows in a leaf, a share for each class."""
    leaf = max(1, int(model.hyperparameters.get("min_samples_leaf") or 1))
    leaves = (configuration.samples or 0) / leaf
    depth = model.hyperparameters.get("max_depth")
    if isinstance(depth, int):
        leaves = min(leaves, 2.0**depth)
    node = _NODE_BYTES + 8 * configuration.target.classes
    return int(_trees("forest", model.hyperparameters) * 2 * leaves * node)


def _parameters(configuration: TabularConfiguration, model: MlpModel) -> tuple[int, int]:
    """Return the number of all parameters, and of those of the first layer."""
    width = model.width
    first = (configuration.target.features + 1) * width
    deeper = (model.depth - 2) * (width + 1) * width
    return first + deeper + (width + 1) * configuration.target.classes, first


def _step_flops(configuration: TabularConfiguration, model: MlpModel) -> float:
    """Return floating-point operations of one step: forward, both gradients (none of the inputs), update."""
    parameters, first = _parameters(configuration, model)
    passes = 2.0 * model.batch_size * (3 * parameters - first)
    return passes + _UPDATE_FLOPS[model.optimizer] * parameters


def _step_bytes(configuration: TabularConfiguration, model: MlpModel) -> float:
    """Return the bytes that one step moves at least: all that training keeps, read and written, and rows."""
    parameters, _ = _parameters(configuration, model)
    batch = model.batch_size * (configuration.target.features + 2 * (model.depth - 1) * model.width)
    return _FLOAT * (2.0 * (_COPIES[model.optimizer] - 1) * parameters + batch)


def _forward(configuration: TabularConfiguration, model: MlpModel, rows: float) -> float:
    return 2.0 * rows * _parameters(configuration, model)[0]


def _scoring_flops(configuration: TabularConfiguration, model: MlpModel) -> float:
    return _forward(configuration, model, _scored_rows(configuration))


def _scored_rows(configuration: TabularConfiguration) -> float:
    """Return how many rows are told the class of in the end, with all that importances ask for."""
    task = configuration.target
    test = task.protocol.sizes(task.rows)[2]
    shuffled = _SHUFFLES * task.features * min(test, _SHUFFLED_ROWS) if configuration.importance else 0
    return float(_validation_rows(configuration) + test + shuffled)


def _validation_rows(configuration: TabularConfiguration) -> int:
    task = configuration.target
    return task.protocol.validation_rows(task.rows, configuration.samples or task.rows)


def _trees(kind: str, hyperparameters: Mapping[str, Any]) -> float:
    found = [hyperparameters[name] for name in _TREES if hyperparameters.get(name) is not None]
    return float(found[0]) if found else _USUAL_TREES.get(kind, 100)


def _looked_at(features: int, given: float | str | None) -> float:
    """Return how many features a forest looks at for each split."""
    match given:
        case "log2":
            return max(1.0, math.log2(features))
        case float():
            return max(1.0, given * features)
        case int() if not isinstance(given, bool):
            return float(given)
        case "sqrt":
            return math.sqrt(features)
    return float(features) if given is None else math.sqrt(features)


def _forest(configuration: TabularConfiguration, hyperparameters: Mapping[str, Any]) -> float:
    """Trees x (1 ms + 50 ns x rows x log2 rows x features looked at)."""
    rows = configuration.samples or 0
    looked_at = _looked_at(configuration.target.features, hyperparameters.get("max_features", "sqrt"))
    each = 1e-3 + 5e-8 * rows * math.log2(max(rows, 2)) * looked_at
    return _trees("forest", hyperparameters) * each


def _boosting(configuration: TabularConfiguration, hyperparameters: Mapping[str, Any]) -> float:
    """Trees x classes (one where there are two) x features x (0.1 ms for the bins + 7.5 ns x rows)."""
    task, rows = configuration.target, configuration.samples or 0
    trees = _trees(configuration.model.kind, hyperparameters) * (1 if task.classes == 2 else task.classes)  # noqa: PLR2004  # one tree tells two classes
    return trees * task.features * (1e-4 + 7.5e-9 * rows)


def _logistic(configuration: TabularConfiguration, _: Mapping[str, Any]) -> float:
    """10 ms + 10 ns x rows x features x classes."""
    task = configuration.target
    return 1e-2 + 1e-8 * (configuration.samples or 0) * task.features * task.classes


def _tabm(configuration: TabularConfiguration, hyperparameters: Mapping[str, Any]) -> float:
    """Steps x (1.5 ms a block + 6 operations for each member, row and weight, 2 for rows looked at)."""
    given = {"width": 128, "blocks": 2, "members": 16, "max_steps": 2_000} | dict(hyperparameters)
    width, blocks = given["width"], given["blocks"]
    weights = width * (configuration.target.features + (blocks - 1) * width)
    looked_at = 2.0 * _validation_rows(configuration) / _TABM_EVERY
    rows = 6.0 * min(_TABM_BATCH, configuration.samples or 0) + looked_at
    each = 1.5e-3 * blocks + given["members"] * rows * weights / _TABM_FLOPS
    return float(_TABM_STEPS * given["max_steps"] * each)


#: Seconds of one core that fitting takes, by kind of model.
_SECONDS: Final[Mapping[EstimatorKind, Callable[[TabularConfiguration, Mapping[str, Any]], float]]] = {
    "forest": _forest,
    "boosting": _boosting,
    "lightgbm": _boosting,
    "xgboost": _boosting,
    "catboost": _boosting,
    "logistic": _logistic,
    "tabm": _tabm,
}
