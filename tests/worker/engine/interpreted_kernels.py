"""The Triton kernels, interpreted on CPU, against the torch engine.

`test_triton.py` runs this file with TRITON_INTERPRET=1 in a process of its own: Triton reads it when it is
imported.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tombola.results import Outcome
from worker.engine import DeviceError, TorchEngine, TritonEngine
from worker.engine import _triton_batch as triton_batch
from worker.engine import _triton_kernels as kernels
from worker.engine._group import Group
from worker.engine._triton_batch import Plan, TritonBatch
from worker.engine._work import Work, training_threads

STEPS = 4
LAWS = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def interpreted():
    return TritonEngine()


@st.composite
def shapes(draw, inputs, widths, batch_sizes):
    n = draw(inputs)
    samples = draw(st.none() | st.integers(1, 90))
    return {
        "n": n,
        "k": draw(st.integers(1, n)),
        "width": draw(widths),
        "samples": samples,
        "sparsity": draw(st.none() | st.integers(1, n)),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "batch_size": draw(batch_sizes if samples is None else batch_sizes | st.just("full")),
        "loss": draw(st.sampled_from(["hinge", "logistic", "squared"])),
        "learning_rate": draw(st.sampled_from([0.002, 0.02])),
        "weight_decay": draw(st.sampled_from([0.0, 0.01, 1.0])),
    }


def assert_agrees(run, engine, steps=STEPS):
    mine, theirs = engine.parameters_after(run, steps), TorchEngine("cpu").parameters_after(run, steps)
    for name, tensor in vars(theirs).items():
        torch.testing.assert_close(getattr(mine, name), tensor, rtol=1e-4, atol=1e-5, msg=name)


@LAWS
@given(shape=shapes(st.integers(1, 64), st.integers(1, 128), st.integers(1, 70)))
def test_networks_agree_with_torch_step_for_step(interpreted, make_run, shape):
    run = make_run(**shape)
    assert Plan.of(Group.of(run.configuration)) is not None
    assert_agrees(run, interpreted)


@pytest.mark.parametrize(("n", "width"), [(50, 256), (64, 129), (128, 128), (16, 256), (1, 1)])
def test_the_largest_networks_and_the_smallest_agree_with_torch(interpreted, make_run, n, width):
    run = make_run(n=n, k=1, sparsity=1, width=width)
    assert Plan.of(Group.of(run.configuration)) is not None
    assert_agrees(run, interpreted, steps=3)


@pytest.mark.parametrize(
    "shape",
    [
        {"n": 129, "width": 16},
        {"n": 50, "width": 257},
        {"n": 65, "width": 129},
        {"n": 10, "width": 16, "samples": 2**14 + 1, "batch_size": "full"},
    ],
    ids=str,
)
def test_what_is_too_large_for_the_kernel_takes_the_steps_of_torch(interpreted, make_run, shape):
    run = make_run(k=5, **shape)
    assert Plan.of(Group.of(run.configuration)) is None
    assert_agrees(run, interpreted, steps=2)


def test_a_training_set_too_large_to_keep(interpreted, make_run):
    run = make_run(n=50, k=3, samples=9_999_999)
    assert Group.of(run.configuration).source == "streamed"
    assert_agrees(run, interpreted)


@pytest.mark.parametrize(("shared", "most"), [(232_448, 256), (101_376, 128)])
def test_networks_are_as_large_as_the_shared_memory_holds(make_run, shared, most):
    for width in (most, most + 1):
        plan = Plan.of(Group.of(make_run(n=50, k=3, width=width).configuration), shared)
        assert (plan is not None) == (width == most)


def advance(runs, *pieces):
    """Return the parameters of runs after pieces of steps; after the first, the first run leaves."""

    @torch.inference_mode()
    def work():
        counted = []
        batch = TritonBatch.start(Group.of(runs[0].configuration), runs, torch.device("cpu"))
        batch.advance(pieces[0], lambda: None, counted.append)
        batch = batch.keep(range(1, len(runs)))
        for piece in pieces[1:]:
            batch.advance(piece, lambda: None, counted.append)
        assert sum(counted) == sum(pieces)
        return batch.parameters.clone()

    with training_threads(1) as thread:
        return thread.submit(work).result()


@pytest.mark.parametrize(("width", "samples"), [(20, 77), (20, None), (200, 77)])
def test_a_run_in_company_and_in_pieces_is_as_alone(interpreted, make_run, width, samples):
    runs = [make_run(n=11, width=width, samples=samples, batch_size=8, seed=seed) for seed in range(3)]
    together = advance(runs, 2, 3, 1)
    for place, run in enumerate(runs[1:]):
        alone = interpreted.parameters_after(run, 6)
        for name, tensor in vars(alone).items():
            assert torch.equal(getattr(together, name)[place : place + 1], tensor), name


@pytest.mark.parametrize(("size", "steps"), [(32, 8192), (33, 7943), (16_384, 16)])
def test_a_launch_is_short_so_that_a_stop_is_near(make_run, size, steps):
    run = make_run(samples=size, batch_size="full")
    assert Plan.of(Group.of(run.configuration)).steps == steps


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")  # numpy's, as it has to be
@pytest.mark.parametrize("width", [20, 200])
def test_nan_is_not_rectified_away(make_run, interpreted, width):
    run = make_run(n=11, width=width, loss="squared", learning_rate=1e6)
    parameters = interpreted.parameters_after(run, 12)
    assert not parameters.hidden.isfinite().all()
    assert not parameters.offset.isfinite().all()


def test_where_no_kernel_runs_it_says_what_it_needs(monkeypatch):
    class Broken:
        def __getitem__(self, grid):
            raise RuntimeError("Failed to find C compiler.\nDetails follow.")

    monkeypatch.setattr(kernels, "answer", Broken())
    with pytest.raises(DeviceError, match=r"needs a C compiler .* \(Failed to find C compiler\.\)$"):
        TritonEngine()


class TestTraining:
    """Through the seam, to the end."""

    TRAINING: ClassVar = {
        "n": 6,
        "k": 1,
        "width": 16,
        "max_steps": 400,
        "eval_every": 50,
        "test_samples": 200,
    }

    def train(self, engine, origins, on_checkpoint=None):
        done = []
        engine.train(origins, done.append, lambda _: False, on_checkpoint)
        return {one.run: dataclasses.replace(one, wall_seconds=0) for one in done}

    def test_an_easy_target_is_learnt_at_the_step_where_torch_learns_it(self, interpreted, make_run):
        runs = [
            make_run(**self.TRAINING, samples=samples, seed=seed) for samples in (None, 90) for seed in (1, 2)
        ]
        mine, theirs = self.train(interpreted, runs), self.train(TorchEngine("cpu"), runs)
        assert {run: (one.outcome, one.steps) for run, one in mine.items()} == {
            run: (one.outcome, one.steps) for run, one in theirs.items()
        }
        assert {one.outcome for one in mine.values()} == {Outcome.SUCCESS}

    @pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
    def test_a_divergence_is_seen(self, interpreted, make_run):
        run = make_run(n=11, loss="squared", learning_rate=10.0, max_steps=60, eval_every=30)
        assert self.train(interpreted, [run])[run].outcome is Outcome.DIVERGED

    def test_a_cut_run_ends_as_the_uncut_one(self, interpreted, make_run, monkeypatch):
        monkeypatch.setattr(triton_batch, "_TILES_PER_LAUNCH", 7)
        run = make_run(**{**self.TRAINING, "n": 20, "k": 5, "max_steps": 60, "eval_every": 25})
        uncut = self.train(interpreted, [run])[run]
        tick, ticks, checkpoints = Work.tick, [], []

        def stop_at_the_seventh(work):
            ticks.append(1)
            if len(ticks) == 7:
                work.stop()
            tick(work)

        with monkeypatch.context() as patched:
            patched.setattr(Work, "tick", stop_at_the_seventh)
            assert not self.train(interpreted, [run], checkpoints.append)
        # The first tick is before the batch; steps go by seven, and to the evaluation, which has a tick too.
        assert [(one.steps, one.curve.steps) for one in checkpoints] == [(25, [])]
        assert self.train(interpreted, checkpoints)[run] == uncut

    def test_it_says_that_it_is_interpreted(self, interpreted):
        assert (interpreted.name, interpreted.device, interpreted.lanes) == ("triton", "cpu", 1)
        assert "interpreted" in interpreted.detail


@given(
    n=st.integers(1, 200),
    width=st.integers(1, 400),
    size=st.integers(1, 4096),
)
def test_plans_hold_the_network(make_run, n, width, size):
    plan = Plan.of(Group.of(make_run(n=n, k=1, sparsity=1, width=width, batch_size=size).configuration))
    if plan is None:
        assert n > 128 or width > 256 or 4 * n * width > 2**14
        return
    tile = (plan.coordinates, plan.neurons, plan.samples)
    assert all(side >= 16 and side & (side - 1) == 0 for side in tile)
    assert n <= plan.coordinates <= 128
    assert width <= plan.neurons
    assert plan.steps >= 1
