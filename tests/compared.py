"""Comparisons to draw, made by hand."""

from __future__ import annotations

import itertools
import math

from tombola.results import (
    Comparison,
    DatasetComparison,
    Limits,
    MeanRank,
    ModelAccuracy,
    Ranks,
    WidthGain,
)

MODELS = ("mlp", "mlp-sparse", "mlp-dense", "forest", "boosting", "logistic")
FRACTIONS = (0.03, 0.1, 0.3, 1.0)
_MERITS = {"logistic": -0.06, "boosting": 0.012, "forest": 0.0, "mlp-sparse": -0.01, "mlp-dense": -0.03}
LONG_NAME = "default-of-credit-card-clients-with-$dollars$-in-a-very-long-name_" * 2


def limits(value, half=0.01):
    if value is None or half is None:
        return Limits(value=value, low=None, high=None)
    return Limits(value=value, low=value - half, high=value + half)


def accuracy_of(model, number, samples):
    """Return a made-up accuracy: all learn with rows, networks later."""
    late = 0.1 if model.startswith("mlp") else 0.05
    return 0.7 + 0.02 * (number % 10) + _MERITS.get(model, 0.0) - late * math.exp(-samples / 800)


def of_model(model, value, half):
    return ModelAccuracy(
        model=model,
        accuracy=limits(value, half),
        auc=limits(value, half),
        optimistic=value,
        runs=12,
        diverged=0,
        chosen={},
        core_seconds=1.0,
    )


def comparison(  # one keyword for each thing that varies
    count=3,
    *,
    models=MODELS,
    fractions=FRACTIONS,
    splits=3,
    half=0.01,
    names=None,
    widths=(10, 100, 1000, 10_000),
    missing=(),
    samples=None,
    provisional=False,
):
    """Return a comparison of models on `count` data sets, without those of `missing`: (model, size)."""
    half = half if splits > 1 else None
    names = names or [f"table-{number}" for number in range(count)]
    sizes = [(None, size) for size in samples] if samples else [(share, None) for share in fractions]
    rows, gains = [], []
    for number, name in enumerate(names):
        for fraction, asked in sizes:
            rows_there = asked or round(fraction * 1000 * (number + 2))
            place = {
                "dataset": name,
                "dataset_id": f"{number:064d}",
                "fraction": fraction,
                "samples": rows_there,
            }
            own = [
                of_model(model, accuracy_of(model, number, rows_there), half)
                for model in models
                if (model, fraction or asked) not in missing
            ]
            rows.append(
                DatasetComparison(
                    **place,
                    test_rows=900,
                    splits=splits,
                    seeds=1,
                    majority=0.66,
                    models=own,
                    differences=[],
                )
            )
            for width in widths:
                value = 0.02 * math.log10(width) * math.exp(-rows_there / 2000) - 0.01
                gains.append(
                    WidthGain(
                        **place,
                        width=width,
                        sparse=limits(0.8 + value, half),
                        dense=limits(0.8, half),
                        gain=limits(value, half),
                    )
                )
    return Comparison(
        experiment="e",
        provisional=provisional,
        left_out=2 if provisional else 0,
        baseline="forest",
        level=0.95,
        budgets=[],
        equal_budgets=True,
        datasets=rows,
        overall=[],
        ranks=[_ranks(names, models, fraction, asked) for fraction, asked in sizes],
        gains=gains if {"mlp-sparse", "mlp-dense"} <= set(models) else [],
        methods="by hand",
    )


def _ranks(names, models, fraction, asked):
    entered = [model for model in models if model not in ("mlp-sparse", "mlp-dense")]
    found = [
        MeanRank(model=model, rank=1 + (len(entered) - 1) * (number + 0.3) / len(entered))
        for number, model in enumerate(entered)
    ]
    pairs = [[one.model, other.model] for one, other in itertools.pairwise(found)]
    return Ranks(
        fraction=fraction,
        samples=asked,
        datasets=len(names),
        ranks=found,
        critical_difference=1.2 if len(names) > 1 else None,
        friedman_p=0.01,
        cliques=[*pairs[:2], *([one.model] for one in found[3:])],
    )


COMPARISONS = {
    "1 data set": comparison(1),
    "3 data sets": comparison(3),
    "7 data sets": comparison(7),
    "16 data sets": comparison(16),
    "long names": comparison(names=[LONG_NAME, f"{LONG_NAME}b", "short"]),
    "many long names": comparison(names=[f"{number}{LONG_NAME}" for number in range(9)]),
    "one size": comparison(2, fractions=(1.0,)),
    "sizes in rows": comparison(2, samples=(100, 300, 1000)),
    "one split": comparison(4, splits=1),
    "two splits": comparison(4, splits=2, half=0.45),
    "every model": comparison(
        2, models=(*MODELS, "lightgbm", "xgboost", "catboost", "tabm"), fractions=(0.01, 0.03, 0.1, 0.3, 1)
    ),
    "two models": comparison(3, models=("mlp", "forest")),
    "models missing": comparison(3, missing={("boosting", 1.0), ("mlp-sparse", 0.03), ("mlp-sparse", 0.1)}),
    "one width": comparison(2, widths=(1000,)),
    "many sizes": comparison(2, fractions=[number / 20 for number in range(1, 21)]),
    "provisional": comparison(2, provisional=True),
}
