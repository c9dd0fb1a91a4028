from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from tombola.results import Outcome
from worker.engine import EngineMemoryError, TorchEngine
from worker.engine import _group_training as group_training
from worker.engine._batch import Batch, Evaluation
from worker.engine._group import FIXED_BYTES, Group
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


def test_an_output_of_zero_is_wrong(make_run):
    runs = [make_run(seed=seed) for seed in range(2)]
    batch = Batch.start(Group.of(runs[0].configuration), runs, torch.device("cpu"))
    batch.parameters.output[1] = 0
    batch.parameters.offset[1] = 0
    random, zero = batch.evaluate(lambda: None)
    assert zero == Evaluation(finite=True, test_error=1.0, train_error=1.0)
    assert random.test_error < 0.8


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_an_output_or_loss_that_is_not_finite_is_seen(make_run, value):
    # The square of 1e30 is not finite in float32; the hinge of an infinite output on the right side is.
    losses = ["squared"] if value == 1e30 else ["squared", "hinge", "logistic"]
    for loss in losses:
        runs = [make_run(loss=loss, seed=seed) for seed in range(2)]
        batch = Batch.start(Group.of(runs[0].configuration), runs, torch.device("cpu"))
        batch.parameters.offset[1] = value
        sound, broken = batch.evaluate(lambda: None)
        assert sound.finite
        assert broken == Evaluation(finite=False, test_error=None, train_error=None)


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
    slow = make_run(n=40, k=10, max_steps=1_000_000, eval_every=1000)
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

        runs = [make_run(n=40, k=10, width=width, max_steps=100_000) for width in (16, 64)]
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
        easy = [make_run(n=20, k=1, width=16, samples=None, max_steps=100_000, seed=s) for s in range(9)]
        hard = make_run(n=20, k=10, width=16, samples=50, max_steps=100_000)
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


class TestMemory:
    def test_runs_beyond_the_limit_wait(self, make_run, monkeypatch):
        sizes = []
        advance = Batch.advance
        monkeypatch.setattr(
            Batch, "advance", lambda batch, *a: sizes.append(len(batch.runs)) or advance(batch, *a)
        )
        runs = [make_run(max_steps=5, seed=seed) for seed in range(7)]
        each = Group.of(runs[0].configuration).bytes_per_run(200)
        done = []
        assert TorchEngine("cpu", memory_limit=FIXED_BYTES + 3 * each).train(
            runs, done.append, lambda _: False
        )
        assert sizes == [3, 3, 1]
        assert len(done) == 7

    @pytest.fixture
    def four_lanes(self):
        before = torch.get_num_threads()
        torch.set_num_threads(4)
        yield
        torch.set_num_threads(before)

    @pytest.mark.usefixtures("four_lanes")
    def test_lanes_beside_each_other_stay_within_the_limit(self, make_run, monkeypatch):
        in_training, most = set(), []
        advance = Batch.advance

        def watched(batch, *arguments):
            in_training.add(batch)
            most.append(sum(len(one.runs) for one in in_training))
            advance(batch, *arguments)
            in_training.remove(batch)

        monkeypatch.setattr(Batch, "advance", watched)
        runs = [make_run(width=20_000, max_steps=10, seed=seed) for seed in range(9)]
        each = Group.of(runs[0].configuration).bytes_per_run(200)
        done = []
        # Room for the fixed part of two lanes, and two runs in each.
        limited = TorchEngine("cpu", memory_limit=2 * FIXED_BYTES + 4 * each)
        assert limited.train(runs, done.append, lambda _: False)
        assert len(done) == 9
        assert 2 <= max(most) <= 4

    @pytest.mark.usefixtures("four_lanes")
    def test_a_run_without_memory_beside_others_is_trained_alone_at_the_end(self, make_run, monkeypatch):
        engine = TorchEngine("cpu")
        runs = [make_run(width=3000, max_steps=30, seed=seed) for seed in range(8)]
        failed = []
        start = Batch.start

        def short_of_memory(group, members, device):
            lanes = [one for one in threading.enumerate() if one.name.startswith("tombola-lane")]
            if runs[7] in members and len(lanes) > 1:
                failed.append(len(members))
                raise RuntimeError(
                    "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"
                )
            return start(group, members, device)

        expected = {}
        assert engine.train(runs, lambda one: expected.update({one.run: one.curve}), lambda _: False)
        monkeypatch.setattr(Batch, "start", short_of_memory)
        done = []
        assert engine.train(runs, done.append, lambda _: False)
        assert failed[-1] == 1
        assert {one.run: one.curve for one in done} == expected
        assert done[-1].run == runs[7]

    def test_a_run_that_cannot_fit_says_what_it_needs(self, make_run):
        run = make_run(n=1000, width=100_000)
        with pytest.raises(
            EngineMemoryError, match=r"width 100000, n 1000.*needs about \d+ MiB on cpu.*may use 256 MiB"
        ):
            TorchEngine("cpu", memory_limit=256 * 2**20).train([run], pytest.fail, lambda _: False)

    def test_runs_that_ended_before_memory_ran_out_are_kept(self, make_run):
        small, large = make_run(max_steps=5), make_run(n=1000, width=100_000)
        done = []
        with pytest.raises(EngineMemoryError):
            TorchEngine("cpu", memory_limit=256 * 2**20).train([small, large], done.append, lambda _: False)
        assert [one.run for one in done] == [small]

    @pytest.mark.skipif(sys.platform != "linux", reason="reads and limits the process's memory as Linux does")
    @pytest.mark.parametrize("case", ["wide", "many-samples", "large-online-batch", "full-batch"])
    def test_the_estimate_covers_what_training_takes(self, case):
        result = run_apart("measure", case)
        assert result.returncode == 0, result.stderr
        estimated, grown = (int(word) for word in result.stdout.split())
        assert grown <= estimated

    @pytest.mark.skipif(sys.platform != "linux", reason="reads and limits the process's memory as Linux does")
    def test_out_of_memory_halves_the_batch_and_goes_on(self):
        """The allocator really fails here: the process may not grow by what the batch needs."""
        result = run_apart("halve")
        assert result.returncode == 0, result.stderr
        same, *sizes = result.stdout.split()
        assert same == "same"
        assert sizes[:2] == ["32", "16"]

    @pytest.mark.skipif(sys.platform != "linux", reason="reads and limits the process's memory as Linux does")
    def test_out_of_memory_with_one_run_is_an_engine_error(self):
        result = run_apart("too-large")
        assert result.returncode == 0, result.stderr
        assert "on cpu, but memory ran out: use a worker with more memory" in result.stdout

    def test_other_errors_are_not_taken_for_lack_of_memory(self, engine, make_run, monkeypatch):
        def broken(*_):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

        monkeypatch.setattr(group_training.Batch, "advance", broken)
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            engine.train([make_run()], pytest.fail, lambda _: False)


def run_apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `memory_program.py` in a process of its own, whose memory it measures or limits."""
    command = [sys.executable, str(Path(__file__).with_name("memory_program.py")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_memory_limit_is_positive(limit):
    with pytest.raises(ValueError, match="positive number of bytes"):
        TorchEngine("cpu", memory_limit=limit)


def test_finite_parameters_at_any_loss(engine, make_run):
    for loss in ("hinge", "logistic"):
        parameters = engine.parameters_after(make_run(loss=loss), 50)
        assert all(math.isfinite(tensor.abs().max().item()) for tensor in vars(parameters).values())
