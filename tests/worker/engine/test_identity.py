"""On CPU a run's results are the same, bit for bit, whoever trains with it."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.engine import TorchEngine
from worker.engine._batch import Batch
from worker.engine._group import Group
from worker.engine._work import training_threads

STEPS = 9


@torch.inference_mode()
def train_batch(runs, kept):
    """Train runs in one batch, which all but some leave; return the others' parameters and errors."""
    batch = Batch.start(Group.of(runs[0].configuration), runs, torch.device("cpu"))
    batch.advance(STEPS // 2, lambda: None)
    batch = batch.keep(kept)
    batch.advance(STEPS - STEPS // 2, lambda: None)
    return batch.parameters.clone(), batch.evaluate(lambda: None)


def in_training_thread(*arguments):
    with training_threads(1) as thread:
        return thread.submit(train_batch, *arguments).result()


def assert_each_is_as_alone(runs, kept):
    parameters, evaluations = in_training_thread(runs, kept)
    for place, i in enumerate(kept):
        alone, evaluation = in_training_thread([runs[i]], [0])
        for name, tensor in vars(alone).items():
            together = getattr(parameters, name)[place : place + 1]
            assert torch.equal(tensor.view(torch.int32), together.contiguous().view(torch.int32)), name
        assert evaluations[place] == evaluation[0]


@st.composite
def groups_of_runs(draw):
    n = draw(st.integers(1, 60))
    online = draw(st.booleans())
    batch_size = draw(st.integers(1, 80) if online else st.integers(1, 80) | st.just("full"))
    shape = {
        "n": n,
        "k": draw(st.integers(1, n)),
        "width": draw(st.integers(1, 40) | st.integers(1, 500)),
        "batch_size": batch_size,
        "loss": draw(st.sampled_from(["hinge", "logistic", "squared"])),
        "learning_rate": draw(st.sampled_from([0.01, 0.1, 1.0])),
        "test_samples": draw(st.integers(1, 300)),
    }
    sizes = st.none() if online else st.integers(1, 400)
    size = draw(sizes)
    return [
        {
            **shape,
            "samples": size if batch_size == "full" else draw(sizes),
            "sparsity": draw(st.none() | st.integers(1, n)),
            "seed": draw(st.integers(0, 2**32 - 1)),
        }
        for _ in range(draw(st.integers(2, 6)))
    ]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow]
)
@given(shapes=groups_of_runs(), data=st.data())
def test_a_run_alone_is_as_in_any_batch(make_run, shapes, data):
    runs = [make_run(**shape) for shape in shapes]
    places = st.lists(st.sampled_from(range(len(runs))), min_size=1, unique=True)
    assert_each_is_as_alone(runs, data.draw(places))


@pytest.mark.parametrize(
    "shape",
    [
        {"n": 50, "width": 1, "batch_size": 32},
        {"n": 50, "width": 1008, "batch_size": 32},
        {"n": 300, "width": 304, "batch_size": 1024, "learning_rate": 0.01},
        {"n": 1000, "width": 700, "batch_size": 32, "learning_rate": 0.01},
        {"n": 30, "width": 20_000, "batch_size": 300},
        {"n": 1000, "width": 16, "batch_size": 2500, "learning_rate": 0.01},
        {"n": 50, "width": 112, "batch_size": "full", "samples": 1500},
    ],
    ids=str,
)
def test_long_sums_do_not_depend_on_neighbours_or_the_callers_threads(make_run, torch_threads, shape):
    # With more threads than products, the BLAS would split these.
    runs = [make_run(**shape, k=2, seed=seed, test_samples=500) for seed in range(3)]
    torch.set_num_threads(5)
    assert_each_is_as_alone(runs, [2, 0])


@pytest.fixture
def torch_threads():
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


def finished(engine, runs):
    done = []
    assert engine.train(runs, done.append, lambda _: False)
    return {one.run: dataclasses.replace(one, wall_seconds=0) for one in done}


@pytest.fixture(scope="module")
def mixed_runs(make_run):
    """Return runs of seven groups, some of which succeed early, so that batches shrink and fill again."""
    training = {"max_steps": 700, "eval_every": 100, "test_samples": 256}
    cells = [
        {"width": 8, "samples": 50},
        {"width": 8, "samples": 300, "sparsity": None},
        {"width": 33, "samples": 300},
        {"width": 33, "samples": None},
        {"width": 33, "samples": 200, "loss": "logistic"},
        {"width": 33, "samples": 300, "loss": "squared", "learning_rate": 0.5},
        {"width": 8, "samples": 120, "batch_size": "full"},
        {"width": 8, "samples": 100, "eval_every": 300},
    ]
    return [make_run(**{**training, **cell}, seed=seed) for cell in cells for seed in range(6)]


def test_any_mix_order_batching_and_number_of_threads_gives_the_same(torch_threads, mixed_runs):
    torch.set_num_threads(1)
    engine = TorchEngine("cpu")
    expected = finished(engine, mixed_runs)
    assert {one.outcome for one in expected.values()} == {"success", "censored", "diverged"}

    shuffled = mixed_runs.copy()
    random.Random(0).shuffle(shuffled)  # noqa: S311  # an order, not a secret
    assert finished(engine, shuffled) == expected

    for threads in (2, 5):
        torch.set_num_threads(threads)
        assert finished(TorchEngine("cpu"), shuffled) == expected

    some = mixed_runs[3::5]
    assert finished(engine, some) == {run: expected[run] for run in some}

    # Room for about two runs at a time: the others wait and take free places, in the middle of their way.
    largest = max(Group.of(run.configuration).bytes_per_run(run.configuration.samples) for run in mixed_runs)
    assert finished(TorchEngine("cpu", memory_limit=64 * 2**20 + 2 * largest), shuffled) == expected


def test_training_set_kept_or_generated_again_gives_the_same(engine, make_run, monkeypatch):
    runs = [make_run(samples=500, max_steps=200, eval_every=50, seed=seed) for seed in range(3)]
    expected = finished(engine, runs)
    monkeypatch.setattr("worker.engine._group.RESIDENT_BYTES", 0)
    assert Group.of(runs[0].configuration).source == "streamed"
    assert finished(engine, runs) == expected


def test_the_callers_threads_and_denormals_are_left_alone(engine, make_run):
    threads = torch.get_num_threads()
    finished(engine, [make_run(max_steps=10)])
    assert torch.get_num_threads() == threads
    assert torch.tensor([1e-30]).mul(1e-10).item() > 0
    assert not torch.is_inference_mode_enabled()


def test_denormals_are_zero_in_the_training():
    assert torch.tensor([1e-30]).mul(1e-10).item() > 0, "and in the caller's thread they are not"
    with training_threads(1) as thread:
        assert thread.submit(lambda: torch.tensor([1e-30]).mul(1e-10).item()).result() == 0
        assert thread.submit(torch.get_num_threads).result() == 1
