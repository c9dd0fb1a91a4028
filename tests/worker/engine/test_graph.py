"""Steps that are captured once and replayed: on CPU with a recorder of torch operations for a CUDA graph."""

from __future__ import annotations

import logging

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from worker.engine import TorchEngine
from worker.engine._batch import Batch
from worker.engine._graph import Capturer
from worker.engine._group import Group
from worker.engine._work import training_threads

#: What cannot stand in a CUDA graph: it waits for the device, or brings something from the host.
FORBIDDEN = {
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::lift_fresh",
    "aten::masked_select",
    "aten::equal",
}


class Recorder(TorchDispatchMode):
    """Keeps the operations of some work, with the very tensors that they read and wrote."""

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func._schema.name
        assert name not in FORBIDDEN, f"{name} cannot be captured"
        results = func(*args, **kwargs)
        self.operations.append((func, args, kwargs, results))
        return results

    def replay(self):
        for func, args, kwargs, before in self.operations:
            results = func(*args, **kwargs)
            for kept, fresh in zip(tree_leaves(before), tree_leaves(results), strict=True):
                if isinstance(kept, torch.Tensor) and kept.data_ptr() != fresh.data_ptr():
                    kept.copy_(fresh)


def record(work):
    """Return what replays the work of a batch; like a capture, leave no trace of having run it."""
    batch = work.__self__
    parameters, steps = batch.parameters.clone(), batch.steps.clone()
    with Recorder() as recorder:
        work()
    assert recorder.operations
    batch.parameters.copy_(parameters)
    batch.steps.copy_(steps)
    return recorder.replay


class Counting(Capturer):
    def __init__(self, capture=record):
        super().__init__(capture)
        self.captured, self.replayed = 0, 0

    def try_capture(self, work):
        self.captured += 1
        replay = super().try_capture(work)

        def counted():
            self.replayed += 1
            replay()

        return replay and counted


def advance(runs, pieces, capturer=None):
    """Return parameters and steps after `pieces` of steps; between them the first run leaves."""

    @torch.inference_mode()
    def work():
        batch = Batch.start(Group.of(runs[0].configuration), runs, torch.device("cpu"), capturer)
        counted = []
        batch.advance(pieces[0], lambda: None, counted.append)
        batch = batch.keep(range(1, len(runs)))
        for steps in pieces[1:]:
            batch.advance(steps, lambda: None, counted.append)
        assert sum(counted) == sum(pieces)
        return batch.parameters.clone(), batch.steps.tolist()

    with training_threads(1) as thread:
        return thread.submit(work).result()


def assert_same(one, other):
    for name, tensor in vars(one[0]).items():
        assert torch.equal(tensor, getattr(other[0], name)), name
    assert one[1] == other[1]


@pytest.mark.parametrize("loss", ["hinge", "logistic", "squared"])
@pytest.mark.parametrize(
    "source",
    [
        {"samples": 200},
        {"samples": None},
        {"samples": 60_000},  # too many to keep
        {"samples": 70, "batch_size": "full"},
    ],
    ids=["resident", "online", "streamed", "full-batch"],
)
def test_replayed_steps_are_the_eager_steps(make_run, source, loss):
    runs = [make_run(n=21, k=3, **source, loss=loss, learning_rate=0.02, seed=seed) for seed in range(3)]
    if source["samples"] == 60_000:
        assert Group.of(runs[0].configuration).source == "streamed"
    pieces = [150, 200, 70]
    capturer = Counting()
    assert_same(advance(runs, pieces, capturer), advance(runs, pieces))
    assert capturer.captured == 2, "once for each shape of the batch"
    assert capturer.replayed >= 8


def test_few_steps_are_not_captured(make_run):
    capturer = Counting()
    advance([make_run(seed=seed) for seed in range(2)], [40, 40], capturer)
    assert capturer.captured == 0


def test_batches_in_parts_are_not_captured(make_run):
    capturer = Counting()
    advance([make_run(n=5, width=2100, batch_size=300, seed=seed) for seed in range(2)], [3, 3], capturer)
    assert capturer.captured == 0


def test_a_capture_that_fails_is_told_once_and_training_goes_on(make_run, caplog):
    def fail(work):
        raise RuntimeError("operation not permitted when stream is capturing")

    runs = [make_run(seed=seed) for seed in range(2)]
    capturer = Counting(fail)
    with caplog.at_level(logging.WARNING, "worker.engine"):
        assert_same(advance(runs, [150, 200], capturer), advance(runs, [150, 200]))
    assert capturer.captured == 2
    (told,) = caplog.records
    assert told.getMessage().startswith("training step by step, which is slower: no CUDA graph could be")
    assert told.getMessage().endswith(": operation not permitted when stream is capturing")


def test_memory_that_runs_out_in_a_capture_is_no_reason_to_give_it_up(make_run, caplog):
    attempts = []

    def short_of_memory(work):
        attempts.append(1)
        if len(attempts) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return record(work)

    runs = [make_run(seed=seed) for seed in range(2)]
    capturer = Counting(short_of_memory)
    assert_same(advance(runs, [150, 200], capturer), advance(runs, [150, 200]))
    assert capturer.replayed > 0
    assert not caplog.records


def test_a_stop_between_replays_leaves_the_batch_at_a_whole_step(make_run):
    run, capturer = make_run(n=21), Counting()

    @torch.inference_mode()
    def work():
        batch = Batch.start(Group.of(run.configuration), [run], torch.device("cpu"), capturer)
        counted, ticks = [], []

        def tick():
            ticks.append(1)
            if capturer.replayed == 3:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            batch.advance(1000, tick, counted.append)
        return batch.parameters.clone(), sum(counted), batch.steps.item()

    with training_threads(1) as thread:
        parameters, counted, steps = thread.submit(work).result()
    assert counted == steps < 1000
    assert torch.equal(parameters.hidden, TorchEngine("cpu").parameters_after(run, steps).hidden)
