"""Splits made of random numbers, and runs on them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from tombola.spec import MlpModel, Protocol, TabularConfiguration, TabularTask
from worker.engine.seam import TabularRun
from worker.engine.tables import Prepared, Rows

FEATURES = 7


@lru_cache
def provide(task, samples, networks):
    """Return a split whose classes follow two of its features; more rows are the first of fewer."""
    assert networks
    generator = np.random.default_rng(task.split)
    count = samples + samples // 3 + 257
    features = generator.normal(size=(count, task.features)).astype(np.float32)
    score = features[:, 0] * 1.5 + features[:, 1] ** 2 + generator.normal(size=count) * 0.3
    edges = np.quantile(score, np.linspace(0, 1, task.classes + 1)[1:-1])
    classes = np.searchsorted(edges, score).astype(np.int64)
    parts = np.split(np.arange(count), [samples, samples + samples // 3])
    return Prepared(
        task.classes,
        tuple(f"column {number}" for number in range(task.features)),
        np.arange(task.features),
        *(Rows(features[part], classes[part]) for part in parts),
    )


def run(seed=0, *, classes=2, samples=120, split=0, features=FEATURES, importance=False, **model):
    """Return a run of a small network."""
    settings = {
        "width": 12,
        "depth": 2,
        "sparsity": 2,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "weight_decay": 0.01,
        "batch_size": 16,
        "max_steps": 60,
        "eval_every": 20,
        "patience": None,
    }
    task = TabularTask(
        dataset="a" * 64, rows=1000, features=features, classes=classes, split=split, protocol=Protocol()
    )
    return TabularRun(
        TabularConfiguration(
            target=task, samples=samples, model=MlpModel(**settings | model), importance=importance
        ),
        seed,
    )


@pytest.fixture
def trained():
    """Return a function that trains runs and returns how they ended, by run."""
    from worker.engine.mlp import MlpEngine  # noqa: PLC0415  # torch loads with it

    def train(runs, **options):
        finished = []
        assert MlpEngine(provide, "cpu", **options).train(runs, finished.append, lambda _: False)
        return {item.run: item for item in finished}

    return train
