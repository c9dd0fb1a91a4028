"""A run that is cut at any step and goes on later ends as if it had never been cut."""

from __future__ import annotations

import dataclasses
import random
import threading
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.engine import Checkpoint, CheckpointError, Curve, EngineError, TorchEngine
from worker.engine._group import Group
from worker.engine._work import Work


def timeless(one):
    return dataclasses.replace(one, wall_seconds=0)


def train_for(engine, origins, ticks):
    """Train until this many passes through the network are over; return what ended and the checkpoints."""
    tick, left = Work.tick, ticks

    def stop_in_time(work):
        nonlocal left
        if left == 0:
            work.stop()
        left -= 1
        tick(work)

    finished, checkpoints = [], []
    with mock.patch.object(Work, "tick", stop_in_time):
        everything = engine.train(origins, finished.append, lambda _: False, checkpoints.append)
    assert everything == (len(finished) == len(origins))
    return finished, checkpoints


def train_in_pieces(engine, runs, cuts, rng=None):
    """Train runs, stopping after each number of passes in `cuts`, and each time in another company."""
    waiting, done = list(runs), []
    for ticks in [*cuts, -1]:
        finished, checkpoints = train_for(engine, waiting, ticks)
        done += finished
        begun = {one.run for one in (*finished, *checkpoints)}
        waiting = [origin for origin in waiting if getattr(origin, "run", origin) not in begun] + checkpoints
        if rng:
            rng.shuffle(waiting)
    assert not waiting
    return {one.run: timeless(one) for one in done}


@pytest.fixture(scope="module")
def one_lane():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield TorchEngine("cpu")
    torch.set_num_threads(before)


@st.composite
def runs_to_cut(draw):
    online = draw(st.booleans())
    batch_size = draw(st.integers(1, 40) if online else st.integers(1, 40) | st.just("full"))
    shape = {
        "n": draw(st.integers(2, 40)),
        "width": draw(st.integers(1, 60)),
        "batch_size": batch_size,
        "loss": draw(st.sampled_from(["hinge", "logistic", "squared"])),
        "learning_rate": draw(st.sampled_from([0.01, 0.1, 1.0])),
        "test_samples": draw(st.integers(1, 300)),
        "max_steps": draw(st.integers(1, 60)),
        "eval_every": draw(st.integers(1, 30)),
    }
    sizes = st.none() if online else st.integers(1, 200)
    return [
        {**shape, "samples": draw(sizes), "sparsity": draw(st.none() | st.just(2)), "seed": seed}
        for seed in range(draw(st.integers(1, 4)))
    ]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow]
)
@given(shapes=runs_to_cut(), cuts=st.lists(st.integers(0, 70), min_size=1, max_size=5), seed=st.integers())
def test_a_run_cut_anywhere_ends_as_the_uncut_one(one_lane, make_run, shapes, cuts, seed):
    runs = [make_run(**shape) for shape in shapes]
    uncut = train_in_pieces(one_lane, runs, [])
    assert train_in_pieces(one_lane, runs, cuts, random.Random(seed)) == uncut  # noqa: S311  # an order


@pytest.mark.parametrize("loss", ["hinge", "logistic", "squared"])
@pytest.mark.parametrize(
    "source",
    [
        {"samples": 150, "batch_size": 7},
        {"samples": None, "batch_size": 7},
        {"samples": 90, "batch_size": "full"},
        # At width 2100 a part of a batch holds 256 samples: these are cut between two parts too.
        {"samples": 150, "batch_size": 600, "width": 2100},
        {"samples": None, "batch_size": 600, "width": 2100},
        {"samples": 600, "batch_size": "full", "width": 2100},
    ],
    ids=str,
)
def test_every_source_of_samples_can_be_cut_many_times(one_lane, make_run, loss, source):
    training = {"max_steps": 9, "eval_every": 4, "test_samples": 60, "learning_rate": 0.01, "loss": loss}
    runs = [make_run(**{"width": 24, **training, **source}, seed=seed) for seed in range(2)]
    cuts = [1, 2, 3, 5, 1, 8]
    assert train_in_pieces(one_lane, runs, cuts) == train_in_pieces(one_lane, runs, [])


def test_checkpoints_of_different_steps_and_fresh_runs_train_together(one_lane, make_run):
    runs = [make_run(n=20, k=5, max_steps=120, eval_every=25, seed=seed) for seed in range(4)]
    _, early = train_for(one_lane, runs[:1], 30)
    _, late = train_for(one_lane, runs[1:2], 77)
    _, due = train_for(one_lane, runs[2:3], 50)
    steps = [one.steps for one in (*early, *late, *due)]
    assert len(set(steps)) == 3
    together = train_in_pieces(one_lane, [*late, runs[3], *early, *due], [])
    assert together == train_in_pieces(one_lane, runs, [])


def test_a_streamed_training_set_can_be_cut(one_lane, make_run, monkeypatch):
    runs = [make_run(samples=500, max_steps=60, eval_every=25, seed=seed) for seed in range(3)]
    uncut = train_in_pieces(one_lane, runs, [])
    monkeypatch.setattr("worker.engine._group.RESIDENT_BYTES", 0)
    assert Group.of(runs[0].configuration).source == "streamed"
    assert train_in_pieces(one_lane, runs, [11, 30]) == uncut


def test_a_cut_before_an_evaluation_that_is_due_does_not_lose_it(one_lane, make_run):
    run = make_run(n=20, k=5, max_steps=20, eval_every=10)
    uncut = train_in_pieces(one_lane, [run], [])[run]
    cuts_seen = set()
    for ticks in range(1, 30):
        _, checkpoints = train_for(one_lane, [run], ticks)
        for one in checkpoints:
            cuts_seen.add((one.steps, *one.curve.steps))
            assert train_in_pieces(one_lane, [one], [])[run] == uncut
    assert {(10,), (10, 10), (20, 10)} <= cuts_seen


def test_a_checkpoint_holds_the_parameters_the_engine_has_after_its_steps(one_lane, make_run):
    run = make_run(n=11, width=5, sparsity=None, max_steps=100)
    _, (checkpoint,) = train_for(one_lane, [run], 13)
    parameters = one_lane.parameters_after(run, checkpoint.steps)
    values = np.frombuffer(checkpoint.parameters, "<f4")
    assert 0 < checkpoint.steps < 100
    assert np.array_equal(values[:60].reshape(12, 5), parameters.hidden[0].numpy())
    assert np.array_equal(values[60:65], parameters.output[0, :, 0].numpy())
    assert values[65:] == parameters.offset.item()


def test_a_stop_hands_out_every_run_in_training_with_its_curve_and_time(engine, make_run):
    shape = {"n": 40, "k": 10, "width": 300, "max_steps": 1_000_000, "eval_every": 200}
    runs = [make_run(**shape, seed=seed) for seed in range(engine.lanes)]
    asked, checkpoints, threads = [], [], set()

    def take(one):
        threads.add(threading.current_thread())
        checkpoints.append(one)

    assert not engine.train(runs, pytest.fail, lambda _: asked.append(1) or len(asked) == 3, take)
    assert threads == {threading.current_thread()}
    assert {one.run for one in checkpoints} == set(runs)
    for one in checkpoints:
        assert one.curve.steps == list(range(200, one.steps + 1, 200))[: len(one.curve.steps)]
        assert one.steps - (one.curve.steps or [0])[-1] <= 200
        assert len(one.curve.test_error) == len(one.curve.train_error) == len(one.curve.steps) > 0
        assert one.wall_seconds > 0


def test_time_is_carried_on(one_lane, make_run):
    run = make_run(n=20, k=5, max_steps=50)
    _, (checkpoint,) = train_for(one_lane, [run], 20)
    (finished,), _ = train_for(one_lane, [dataclasses.replace(checkpoint, wall_seconds=1000.0)], -1)
    assert 1000 < finished.wall_seconds < 1100


def test_a_checkpoint_that_is_still_waiting_at_the_stop_comes_back_as_it_was(make_run, one_lane):
    runs = [make_run(n=20, k=5, max_steps=1000, seed=seed) for seed in range(3)]
    _, checkpoints = train_for(one_lane, runs, 20)
    each = Group.of(runs[0].configuration).bytes_per_run(200)
    small = TorchEngine("cpu", memory_limit=64 * 2**20 + each)
    _, again = train_for(small, checkpoints, 10)
    later = {one.run: one for one in again}
    assert [later[one.run].steps - one.steps for one in checkpoints] == [9, 0, 0]
    assert [later[one.run] for one in checkpoints[1:]] == checkpoints[1:]


def test_runs_that_had_not_begun_at_the_stop_are_not_handed_out(one_lane, make_run):
    assert train_for(one_lane, [make_run()], 0) == ([], [])


def test_a_given_checkpoint_is_left_as_it_was(one_lane, make_run):
    _, (checkpoint,) = train_for(one_lane, [make_run(n=20, k=5, max_steps=50, eval_every=10)], 20)
    before = dataclasses.replace(checkpoint, curve=Curve(*map(list, dataclasses.astuple(checkpoint.curve))))
    train_for(one_lane, [checkpoint], -1)
    assert checkpoint == before


def test_progress_counts_the_steps_taken_before(engine, make_run):
    run = make_run(n=40, k=10, max_steps=100_000, eval_every=100_000)
    size = 4 * (16 * 42 + 1)
    checkpoint = Checkpoint(run, 75_000, bytes(size), Curve(), 1.0)
    fractions = []
    engine.train([checkpoint], lambda _: None, lambda done: fractions.append(done) or len(fractions) == 2)
    assert fractions[0] == pytest.approx(0.75, abs=0.1)
    assert fractions == sorted(fractions)


def test_a_checkpoint_that_waits_counts_with_its_steps(torch_engine, make_run):
    run = make_run(n=40, k=10, max_steps=100_000, eval_every=100_000)
    checkpoint = Checkpoint(run, 75_000, bytes(4 * (16 * 42 + 1)), Curve(), 1.0)
    work = Work([checkpoint, run], torch_engine._resources())
    assert work.fraction_done() == pytest.approx(0.375)


class TestRefusals:
    @pytest.fixture
    def checkpoint(self, make_run):
        run = make_run(n=10, width=16, max_steps=100, eval_every=20)
        curve = Curve([20, 40], [0.5, 0.5], [0.5, 0.5])
        return Checkpoint(run, 47, bytes(4 * (16 * 12 + 1)), curve, 0.0)

    def assert_refused(self, engine, checkpoint, match):
        with pytest.raises(CheckpointError, match=match) as raised:
            engine.train([checkpoint], pytest.fail, lambda _: False)
        assert isinstance(raised.value, EngineError)

    def test_parameters_of_another_size(self, engine, checkpoint):
        broken = dataclasses.replace(checkpoint, parameters=checkpoint.parameters[:-4])
        self.assert_refused(
            engine, broken, "seed 0 at step 47 holds 768 bytes .*, but width 16 and n 10 make 772"
        )

    @pytest.mark.parametrize("steps", [-1, 39, 61, 101])
    def test_steps_that_its_curve_does_not_allow(self, engine, checkpoint, steps):
        broken = dataclasses.replace(checkpoint, steps=steps)
        self.assert_refused(engine, broken, "last at step 40: .* next evaluation, at step 60 of 100")

    def test_a_run_that_has_ended(self, engine, checkpoint):
        steps = [20, 40, 60, 80, 100]
        ended = dataclasses.replace(checkpoint, steps=100, curve=Curve(steps, [0.5] * 5, [0.5] * 5))
        self.assert_refused(engine, ended, "last at step 100")

    def test_a_curve_of_other_settings(self, engine, checkpoint):
        broken = dataclasses.replace(checkpoint, curve=Curve([25], [0.5], [0.5]))
        self.assert_refused(engine, broken, r"at steps \[25\], not at multiples of 20")

    def test_a_curve_with_holes(self, engine, checkpoint):
        broken = dataclasses.replace(checkpoint, curve=Curve([20, 40], [0.5], [0.5, 0.5]))
        self.assert_refused(engine, broken, "lists differ in length")


@pytest.mark.parametrize(("threads", "words"), [(1, "1 thread"), (3, "3 threads")])
def test_the_engine_says_how_it_trains_here(one_lane, threads, words):
    torch.set_num_threads(threads)
    try:
        engine = TorchEngine("cpu")
    finally:
        torch.set_num_threads(1)
    assert engine.lanes == threads
    assert engine.detail.startswith(f"torch {torch.__version__.partition('+')[0]}, ")
    assert engine.detail.endswith(f", {words}")
