"""What the whole way from a table to scores must find, and must not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from service.lab.datasets.table import Asked, assemble
from service.lab.tabular.search import candidate
from tombola.spec import MlpModel, Protocol, TabularConfiguration, TabularTask
from worker.engine.mlp import MlpEngine
from worker.engine.seam import TabularRun
from worker.tabular.estimators import EstimatorEngine
from worker.tabular.preparation import providing

ROWS, COLUMNS = 2000, 20


def provider(labels):
    """Return the provider of a table of random signs with these classes, given the signs."""
    signs = np.random.default_rng(7).choice([-1.0, 1.0], size=(ROWS, COLUMNS))
    columns = {f"x{number}": signs[:, number] for number in range(COLUMNS)}
    table = assemble(pa.table(columns | {"y": labels(signs)}), Asked("y"))
    return providing(lambda _: table)


def parity(signs):
    return np.where(signs[:, [2, 7, 11]].prod(axis=1) > 0, "odd", "even")


def run(model, samples, seed=0, *, split=0, labels="given"):
    task = TabularTask(
        dataset="f" * 64,
        rows=ROWS,
        features=COLUMNS,
        classes=2,
        split=split,
        protocol=Protocol(labels=labels),
    )
    return TabularRun(TabularConfiguration(target=task, samples=samples, model=model, importance=False), seed)


def network(sparsity):
    return MlpModel(
        width=1000,
        depth=2,
        sparsity=sparsity,
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=0.01,
        batch_size=32,
        max_steps=3000,
        eval_every=100,
        patience=None,
    )


def accuracies(engine, runs):
    finished = {}
    assert engine.train(runs, lambda item: finished.update({item.run: item}), lambda _: False)
    return [finished[asked].score.test.accuracy for asked in runs]


def test_a_planted_parity_is_found_by_sparse_networks_from_fewer_rows_than_by_dense_ones_and_by_forests():
    provide = provider(parity)
    networks = MlpEngine(provide, "cpu")
    sparse = accuracies(networks, [run(network(2), 400, seed) for seed in range(3)])
    dense, more = (
        accuracies(networks, [run(network(None), samples, seed) for seed in range(3)])
        for samples in (400, 800)
    )
    assert np.mean(sparse) > np.mean(dense) + 0.01
    assert min(sparse) > 0.95
    assert min(more) > 0.98
    forests = accuracies(
        EstimatorEngine(provide, 2), [run(candidate("forest", 0), rows) for rows in (400, 1400)]
    )
    assert forests[0] < 0.7
    assert forests[1] < 0.95


@pytest.mark.parametrize("labels", ["given", "permuted"])
def test_permuted_labels_score_chance_where_the_given_ones_are_learnt(labels):
    provide = provider(lambda signs: np.where(signs[:, 0] + signs[:, 1] > 0, "yes", "no"))
    small = network(2).model_copy(update={"width": 64, "max_steps": 300})
    found = accuracies(
        MlpEngine(provide, "cpu"), [run(small, 1000, split=split, labels=labels) for split in range(3)]
    )
    found += accuracies(
        EstimatorEngine(provide, 2),
        [
            run(candidate(kind, 0), 1000, split=split, labels=labels)
            for kind in ("forest", "boosting", "logistic")
            for split in range(3)
        ],
    )
    if labels == "given":
        assert min(found) > 0.9
    else:
        # A quarter of the rows says yes: who learns nothing says no, or says either at random.
        assert 0.5 < np.mean(found) < 0.77
        assert max(found) < 0.8
