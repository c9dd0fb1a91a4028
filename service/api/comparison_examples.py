"""Answers on tables as examples for the OpenAPI document; see `examples`."""

from __future__ import annotations

import json

from service.api.examples import ID, QUOTE, as_csv, as_json, as_page
from service.lab.comparison.methods import METHODS
from service.lab.comparison.scores import SCORES as SCORE_COLUMNS
from service.lab.comparison.table import COMPARISON as COMPARISON_COLUMNS
from service.lab.comparison.table import comparison_page
from tombola.results import (
    Comparison,
    ComparisonPlan,
    DatasetComparison,
    Difference,
    DryRun,
    FeatureImportance,
    Importances,
    Limits,
    MeanRank,
    Metrics,
    ModelAccuracy,
    ModelImportance,
    OverallTest,
    Ranks,
    Score,
    SearchBudget,
    WidthFrontier,
    WidthGain,
    WidthPoint,
)
from tombola.spec import EstimatorModels, MlpModels, TabularGrid, TabularSpec, TabularTarget

_DATASET = {"dataset": "california", "dataset_id": "9f" * 32, "fraction": 0.1, "samples": 1000}
_NETWORK = {
    "width": 1000,
    "depth": 2,
    "sparsity": 2,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "weight_decay": 0.0,
}
_FOREST = {"max_features": "sqrt", "min_samples_leaf": 2}
_ACCURACY = Limits(value=0.853, low=0.846, high=0.86)
_DIFFERENCE = Limits(value=-0.006, low=-0.014, high=0.002)
_COMPARISON = Comparison(
    experiment=ID,
    provisional=False,
    left_out=0,
    baseline="forest",
    level=0.95,
    trials=8,
    seconds=60.0,
    budgets=[
        SearchBudget(model="mlp", candidates=8, fewest_candidates=8, core_seconds=31.0),
        SearchBudget(model="forest", candidates=8, fewest_candidates=8, core_seconds=12.5),
    ],
    equal_budgets=True,
    datasets=[
        DatasetComparison(
            **_DATASET,
            test_rows=7634,
            splits=5,
            seeds=1,
            majority=0.5,
            models=[
                ModelAccuracy(
                    model="mlp",
                    accuracy=Limits(value=0.847, low=0.839, high=0.855),
                    auc=Limits(value=0.923, low=0.917, high=0.929),
                    optimistic=0.851,
                    runs=40,
                    diverged=1,
                    chosen=_NETWORK,
                    core_seconds=4.1,
                ),
                ModelAccuracy(
                    model="forest",
                    accuracy=_ACCURACY,
                    auc=Limits(value=0.928, low=0.922, high=0.934),
                    optimistic=0.855,
                    runs=40,
                    diverged=0,
                    chosen=_FOREST,
                    core_seconds=1.6,
                ),
            ],
            differences=[Difference(model="mlp", difference=_DIFFERENCE, verdict="tie")],
        )
    ],
    overall=[
        OverallTest(
            fraction=0.1,
            samples=None,
            model="mlp",
            datasets=7,
            wins=1,
            ties=2,
            losses=4,
            diverged=0,
            mean_difference=-0.012,
            median_difference=-0.009,
            p_value=0.047,
            p_corrected=0.14,
        )
    ],
    ranks=[
        Ranks(
            fraction=0.1,
            samples=None,
            datasets=7,
            ranks=[MeanRank(model="forest", rank=1.29), MeanRank(model="mlp", rank=1.71)],
            critical_difference=0.74,
            friedman_p=0.26,
            cliques=[["forest", "mlp"]],
        )
    ],
    gains=[
        WidthGain(
            **_DATASET,
            width=1000,
            sparse=Limits(value=0.847, low=0.839, high=0.855),
            dense=Limits(value=0.841, low=0.832, high=0.85),
            gain=Limits(value=0.006, low=0.001, high=0.011),
        )
    ],
    methods=METHODS,
)
COMPARISON = as_json(_COMPARISON)
_FIRST = [column[0] for column in comparison_page(_COMPARISON)]
COMPARISON_CSV = as_csv(COMPARISON_COLUMNS, *_FIRST)
WIDTH_FRONTIER = as_json(
    WidthFrontier(
        experiment=ID,
        probability=0.5,
        baseline="forest",
        against="same",
        level=0.95,
        method="wilson",
        points=[
            WidthPoint(
                **_DATASET,
                width=1000,
                sparsity=2,
                runs=5,
                successes=3,
                probability=0.6,
                low=0.231,
                high=0.882,
                accuracy=0.847,
                on_frontier=True,
            )
        ],
    )
)
_READ = FeatureImportance(
    column="MedInc", permutation=0.12, deviation=0.006, support=0.31, initial_support=0.13
)
IMPORTANCES = as_json(
    Importances(
        experiment=ID,
        models=[
            ModelImportance(**_DATASET, model="mlp", hyperparameters=_NETWORK, runs=5, columns=[_READ]),
            ModelImportance(
                **_DATASET,
                model="forest",
                hyperparameters=_FOREST,
                runs=5,
                columns=[FeatureImportance(column="MedInc", permutation=0.14, deviation=0.004)],
            ),
        ],
    )
)
_SCORE = Score(
    **_DATASET,
    split=0,
    model="mlp",
    candidate=3,
    hyperparameters=_NETWORK,
    width=1000,
    sparsity=2,
    seed=0,
    outcome="success",
    steps=1400,
    validation=Metrics(accuracy=0.861, auc=0.93, loss=0.35),
    test=Metrics(accuracy=0.853, auc=0.928, loss=0.36),
    validation_rows=300,
    test_rows=7634,
    wall_seconds=0.8,
    core_seconds=1.6,
)
SCORES = as_page(_SCORE)
_PARTS = {
    f"{part}_{name}": value
    for part in ("validation", "test")
    for name, value in getattr(_SCORE, part).model_dump().items()
}
_VALUES = _SCORE.model_dump() | _PARTS | {"hyperparameters": json.dumps(_NETWORK, sort_keys=True)}
SCORES_CSV = as_csv(SCORE_COLUMNS, *(_VALUES[name] for name, *_ in SCORE_COLUMNS))
_ASKED = TabularSpec(
    name="compare california",
    target=TabularTarget(datasets=["california"]),
    grid=TabularGrid(fractions=[0.1, 1.0], splits=3),
    models=[
        MlpModels(width=[1000], learning_rate=[0.1], max_steps=1000),
        EstimatorModels(kind="forest", trials=2),
    ],
)
PLAN = as_json(
    ComparisonPlan(
        dataset="california",
        dataset_id="9f" * 32,
        minutes=5.0,
        fits=True,
        notes=[],
        spec=_ASKED,
        quote=QUOTE.model_copy(update={"cells": 24, "runs": 24, "runs_existing": 0}),
    )
)
IMPORTANCE_PLAN = as_json(
    DryRun(
        quote=QUOTE.model_copy(update={"cells": 6, "runs": 6, "runs_existing": 0}),
        spec=_ASKED.model_copy(
            update={
                "name": "compare california: what the models read",
                "grid": TabularGrid(fractions=[1.0], splits=3),
                "models": [
                    MlpModels(width=[1000], sparsity=[2], learning_rate=[0.1], max_steps=1000),
                    EstimatorModels(kind="forest", trials=2, candidates=[1]),
                ],
                "importance": True,
            }
        ),
    )
)
