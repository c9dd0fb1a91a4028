"""What every engine does, whatever it computes with."""

from __future__ import annotations

import math
import threading
import time

import pytest
import torch

from tombola.results import Outcome
from worker.engine.draws import Stream

QUICK = {"max_steps": 1000, "eval_every": 100, "test_samples": 512}


def test_one_relevant_coordinate_is_learnt(train, make_run):
    (one,) = train(make_run(n=20, k=1, width=8, samples=None, **QUICK))
    assert one.outcome is Outcome.SUCCESS
    assert one.test_error <= 0.1
    assert one.train_error is None


def test_xor_of_all_coordinates_is_learnt_from_few(train, make_run):
    (one,) = train(make_run(n=2, k=2, width=32, samples=64, sparsity=2, **QUICK))
    assert (one.outcome, one.test_error, one.train_error) == (Outcome.SUCCESS, 0.0, 0.0)


def test_parity_of_many_coordinates_is_memorised_but_not_learnt(train, make_run):
    (one,) = train(make_run(n=30, k=30, width=300, samples=50, **QUICK))
    assert one.outcome is Outcome.CENSORED
    assert one.train_error == 0.0
    assert abs(one.test_error - 0.5) < 0.1


def test_one_neuron_cannot_compute_a_parity(train, make_run):
    # A monotone function of one half-space is wrong on a quarter of the XOR at least.
    runs = [
        make_run(n=2, k=2, width=1, sparsity=sparsity, samples=None, **QUICK) for sparsity in (1, 2, None)
    ]
    assert all(one.outcome is Outcome.CENSORED and one.test_error > 0.2 for one in train(*runs))


def test_grokking_shapes_are_recorded(train, make_run):
    """Evaluations stand at each multiple of eval_every and at the last step."""
    (one,) = train(make_run(n=40, k=10, max_steps=250, eval_every=100))
    assert one.curve.steps == [100, 200, 250]
    assert one.steps == 250
    assert one.curve.test_error[-1] == one.test_error
    assert one.curve.train_error[-1] == one.train_error
    assert len(one.curve.train_error) == len(one.curve.test_error) == 3


def test_a_run_stops_at_its_first_success(train, make_run):
    (one,) = train(make_run(n=20, k=1, width=8, samples=None, **QUICK))
    assert one.steps == one.curve.steps[-1] < 1000
    assert all(error > 0.1 for error in one.curve.test_error[:-1])


def test_fewer_steps_than_between_evaluations(train, make_run):
    (one,) = train(make_run(n=40, k=10, max_steps=3, eval_every=500))
    assert (one.curve.steps, one.steps, one.outcome) == ([3], 3, Outcome.CENSORED)


def test_errors_are_counted_as_the_reference_counts_them(train, make_run, reference):
    run = make_run(n=12, k=3, samples=70, max_steps=20, test_samples=100, seed=5)
    (one,) = train(run)
    plain = reference(run)
    model = plain.train(20)
    for error, stream, count in ((one.test_error, Stream.TEST, 100), (one.train_error, Stream.TRAINING, 70)):
        inputs, labels = zip(*(plain.sample(item, stream) for item in range(count)), strict=True)
        outputs = model(torch.tensor(inputs).double())[:, 0].detach()
        assert error == (outputs * torch.tensor(labels) <= 0).sum().item() / count


def test_the_training_error_looks_at_no_more_samples_than_the_test(train, make_run):
    (one,) = train(make_run(n=30, k=5, samples=1000, test_samples=7, max_steps=5))
    assert one.train_error * 7 == pytest.approx(round(one.train_error * 7))


def test_squared_loss_at_the_papers_learning_rate_diverges_and_is_no_success(train, make_run):
    runs = [make_run(n=50, k=3, width=112, samples=1000, loss="squared", seed=s, **QUICK) for s in range(4)]
    for one in train(*runs):
        assert one.outcome is Outcome.DIVERGED
        assert one.test_error is None
        assert one.train_error is None
        assert one.curve.test_error[-1] is None
        assert one.steps == one.curve.steps[-1]


def test_a_diverged_run_does_not_disturb_its_neighbours(train, make_run):
    # In one batch, sparse starts diverge and dense ones do not.
    sparse, dense = (
        [make_run(n=50, k=3, width=304, loss="squared", learning_rate=0.02, sparsity=s, **QUICK)]
        for s in (25, None)
    )
    outcomes = [one.outcome for one in train(*sparse, *dense)]
    assert outcomes == [Outcome.DIVERGED, Outcome.CENSORED]


def test_the_same_run_asked_twice_is_handed_over_twice(engine, make_run):
    run, done = make_run(max_steps=5), []
    assert engine.train([run, run], done.append, lambda _: False)
    assert [one.run for one in done] == [run, run]


def test_no_runs_are_done_at_once(engine):
    assert engine.train([], pytest.fail, lambda _: False)


def test_wall_seconds_share_the_time_of_the_training(engine, make_run):
    runs = [make_run(n=40, k=10, seed=seed, **QUICK) for seed in range(5)]
    done, started = [], time.perf_counter()
    engine.train(runs, done.append, lambda _: False)
    elapsed = time.perf_counter() - started
    shares = [one.wall_seconds for one in done]
    assert all(share > 0 for share in shares)
    assert sum(shares) <= elapsed


def test_runs_are_handed_over_when_they_end(engine, make_run):
    quick = make_run(max_steps=10)
    slow = make_run(n=40, k=10, width=500, max_steps=1_000_000, eval_every=1000)
    done = []
    assert not engine.train([quick, slow], done.append, lambda _: bool(done))
    assert [one.run for one in done] == [quick]


class TestShouldStop:
    def test_it_is_asked_in_the_callers_thread_with_growing_fractions(self, engine, make_run):
        fractions, threads = [], set()

        def should_stop(fraction: float) -> bool:
            fractions.append(fraction)
            threads.add(threading.current_thread())
            return len(fractions) == 5

        runs = [make_run(n=40, k=10, width=width, max_steps=1_000_000) for width in (160, 640)]
        assert not engine.train(runs, pytest.fail, should_stop)
        assert threads == {threading.current_thread()}
        assert len(fractions) == 5
        assert fractions == sorted(fractions)
        assert 0 <= fractions[0] < fractions[-1] < 1

    def test_it_is_asked_while_an_evaluation_is_far(self, engine, make_run):
        asked = []
        run = make_run(n=50, k=10, width=3000, max_steps=1_000_000, eval_every=1_000_000)
        assert not engine.train([run], pytest.fail, lambda _: asked.append(1) or len(asked) == 3)

    def test_fraction_counts_runs_that_ended_early_in_full(self, engine, make_run):
        # Nine tenths of the work by budget succeed after a small part of their steps.
        shape = {"n": 20, "width": 160, "max_steps": 1_000_000}
        easy = [make_run(k=1, samples=None, seed=seed, **shape) for seed in range(9)]
        hard = make_run(k=10, samples=50, **shape)
        done, fractions = [], []

        def should_stop(fraction: float) -> bool:
            fractions.append(fraction)
            return len(done) == 9

        engine.train([*easy, hard], done.append, should_stop)
        assert len(done) == 9
        assert fractions[-1] >= 0.9

    def test_an_exception_in_a_callback_ends_the_training_and_is_raised(self, engine, make_run):
        def fails(_):
            raise ConnectionError("the database is gone")

        before = threading.active_count()
        run = make_run(n=40, k=10, max_steps=1_000_000)
        with pytest.raises(ConnectionError, match="the database is gone"):
            engine.train([run], pytest.fail, fails)
        with pytest.raises(ConnectionError, match="the database is gone"):
            engine.train([make_run(max_steps=5), run], fails, lambda _: False)
        assert threading.active_count() == before


def test_finite_parameters_at_any_loss(engine, make_run):
    for loss in ("hinge", "logistic"):
        parameters = engine.parameters_after(make_run(loss=loss), 50)
        assert all(math.isfinite(tensor.abs().max().item()) for tensor in vars(parameters).values())
