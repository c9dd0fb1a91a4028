"""Networks on tables, CUDA against CPU: the same draws, results that agree in distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tombola.results import Outcome
from worker.engine._graph import Capturer
from worker.engine.mlp import MlpEngine

from .conftest import provide, run
from .test_engine import initial, several

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


class Counting(Capturer):
    captured = 0

    def try_capture(self, work):
        replay = super().try_capture(work)
        self.captured += replay is not None
        return replay


def trained_on(device, runs):
    finished = []
    assert MlpEngine(provide, device).train(runs, finished.append, lambda _: False)
    return {item.run: item for item in finished}


@pytest.mark.parametrize("sparsity", [2, None])
def test_initial_layers_are_the_same_bits(sparsity):
    task = run().configuration.target
    shapes = [(26, 3000), (3000, 3000), (3000, 3)]
    here, there = (initial(task, 7, shapes, sparsity, device) for device in ("cpu", "cuda"))
    for mine, theirs in zip(here, there, strict=True):
        for one, other in zip(mine, theirs, strict=True):
            assert torch.equal(one, other.cpu())


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_scores_agree_on_a_short_way(optimizer):
    asked = [
        run(seed, optimizer=optimizer, learning_rate=0.01, width=112, classes=classes, max_steps=20)
        for seed in range(3)
        for classes in (2, 4)
    ]
    here, there = (trained_on(device, asked) for device in ("cpu", "cuda"))
    for one in asked:
        assert there[one].score.test.loss == pytest.approx(here[one].score.test.loss, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_cuda_graph_takes_the_steps_that_are_taken_one_by_one(optimizer, caplog):
    asked = [
        run(seed, optimizer=optimizer, learning_rate=0.003, width=112, max_steps=200, eval_every=100)
        for seed in range(4)
    ]
    finished = []
    for capturer in (None, Counting()):
        engine, own = MlpEngine(provide, "cuda"), []
        engine._capturer = capturer
        assert engine.train(asked, own.append, lambda _: False)
        finished.append({one.run: one.score.test.loss for one in own})
    assert capturer.captured > 0
    assert finished[1] == pytest.approx(finished[0], rel=1e-3)
    assert not caplog.records


def test_every_kind_of_run_ends_on_cuda_as_on_cpu_within_luck():
    asked = several()
    here, there = (trained_on(device, asked) for device in ("cpu", "cuda"))
    assert set(here) == set(there) == set(asked)
    assert all(item.outcome is Outcome.SUCCESS for item in there.values())
    errors = [np.mean([item.test_error for item in found.values()]) for found in (here, there)]
    assert errors[0] == pytest.approx(errors[1], abs=0.02)


def test_importance_is_read_on_cuda():
    asked = run(importance=True)
    (found,) = trained_on("cuda", [asked]).values()
    assert len(found.score.importance) == asked.configuration.target.features
    assert sum(item.support for item in found.score.importance) == pytest.approx(1.0, abs=1e-4)
