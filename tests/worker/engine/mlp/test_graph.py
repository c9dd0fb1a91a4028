"""Steps that are captured once and replayed, as on a GPU: on CPU with a recorder of torch operations."""

from __future__ import annotations

import pytest
import torch

from tests.worker.engine.test_graph import Recorder
from worker.engine._graph import Capturer
from worker.engine.mlp import MlpEngine, _batch, _network

from .conftest import provide, run
from .test_engine import essence, several


def tensors_of(batch):
    """Return everything that steps change."""
    moments = batch._descent._moments or ()
    return [batch._descent.steps, *batch.network.tensors, *(one for part in moments for one in part.tensors)]


class Counting(Capturer):
    """Records the steps of batches; like a capture, that leaves no trace of having taken them."""

    def __init__(self):
        super().__init__(self.record)
        self.captured, self.replayed = 0, 0

    def record(self, work):
        self.captured += 1
        kept = [(tensor, tensor.clone()) for tensor in tensors_of(work.__self__)]
        with Recorder() as recorder:
            work()
        for tensor, before in kept:
            tensor.copy_(before)

        def replay():
            self.replayed += 1
            recorder.replay()

        return replay


def trained_in_graphs(runs):
    engine, capturer, finished = MlpEngine(provide, "cpu"), Counting(), []
    engine._capturer = capturer
    assert engine.train(runs, finished.append, lambda _: False)
    return finished, capturer


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_replayed_steps_end_in_the_scores_of_eager_ones(trained, monkeypatch, kept):
    monkeypatch.setitem(_batch._ENDED_KEPT, "cpu", kept)
    monkeypatch.setattr(_batch, "_STEPS_PER_REPLAY", 7)
    asked = several()
    finished, capturer = trained_in_graphs(asked)
    assert essence(finished) == essence(trained(asked).values())
    assert capturer.replayed > 2 * capturer.captured > 0


def test_runs_that_ended_stay_until_leaving_them_out_pays(monkeypatch):
    runs = [run(seed, max_steps=200, patience=1, learning_rate=0.5) for seed in range(12)]
    captured = {}
    for kept in (0.0, 0.5):
        monkeypatch.setitem(_batch._ENDED_KEPT, "cpu", kept)
        monkeypatch.setattr(_batch, "_STEPS_PER_REPLAY", 7)
        finished, capturer = trained_in_graphs(runs)
        assert len({item.steps for item in finished}) > 2, "they end at different evaluations"
        captured[kept] = capturer.captured
    assert captured[0.5] < captured[0.0]


def test_steps_beyond_the_corrections_of_adam_need_none():
    assert [one[-1].item() for one in _network._corrections(torch.device("cpu"))] == [1.0, 1.0]
