from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from worker.engine import EngineMemoryError, TorchEngine
from worker.engine import _group_training as group_training
from worker.engine._batch import Batch, Evaluation
from worker.engine._group import FIXED_BYTES, Group


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

        def short_of_memory(group, members, *rest):
            lanes = [one for one in threading.enumerate() if one.name.startswith("tombola-lane")]
            if runs[7] in members and len(lanes) > 1:
                failed.append(len(members))
                raise RuntimeError(
                    "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"
                )
            return start(group, members, *rest)

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

    def test_other_errors_are_not_taken_for_lack_of_memory(self, torch_engine, make_run, monkeypatch):
        def broken(*_):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

        monkeypatch.setattr(group_training.Batch, "advance", broken)
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            torch_engine.train([make_run()], pytest.fail, lambda _: False)


def run_apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `memory_program.py` in a process of its own, whose memory it measures or limits."""
    command = [sys.executable, str(Path(__file__).with_name("memory_program.py")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_memory_limit_is_positive(limit):
    with pytest.raises(ValueError, match="positive number of bytes"):
        TorchEngine("cpu", memory_limit=limit)
