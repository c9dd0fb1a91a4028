"""The baselines are the learner that the engines train."""

from __future__ import annotations

import pytest
import torch

from bench.baselines import PlainLoop, VmapEnsemble, compiled_ensemble
from bench.training import EngineSide, engine_here
from bench.workload import configuration
from worker.engine import EngineNotBuiltError

#: Learnt within the steps by every run, from a dense start as the baselines have it.
EASY = configuration(64, n=10, k=2, samples=1000, sparsity=None)
STEPS = 1000


@pytest.fixture(autouse=True)
def threads_as_before():
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def test_the_plain_loop_learns():
    side = PlainLoop(EASY, threads=1)
    assert side.seconds(STEPS) > 0
    assert max(side.errors) < 0.1


def test_every_run_of_the_vmap_ensemble_learns():
    side = VmapEnsemble(EASY, threads=1, runs=3)
    assert side.seconds(STEPS) > 0
    assert [len(errors) for errors in side.errors] == [3, 3]
    assert max(map(max, side.errors)) < 0.1


def test_a_compiled_ensemble_is_as_large_and_takes_the_same_steps(monkeypatch):
    passed = []
    monkeypatch.setattr("torch.compile", lambda step: passed.append(step) or step)  # the real one takes long
    side = compiled_ensemble(VmapEnsemble(EASY, threads=1, runs=3))
    assert (side.runs, len(passed)) == (3, 1)
    side.seconds(STEPS)
    assert max(map(max, side.errors)) < 0.1


def test_where_nothing_compiles_the_reason_is_told(monkeypatch):
    def fail(step):
        def broken(*arguments):
            raise RuntimeError("no compiler\nand much more")

        return broken

    monkeypatch.setattr("torch.compile", fail)
    found = compiled_ensemble(VmapEnsemble(EASY, threads=1, runs=2))
    assert found == "torch.compile failed: no compiler"


@pytest.mark.parametrize("name", ["native", "torch"])
def test_an_engine_side_trains_the_runs_it_says(name):
    try:
        engine = engine_here(name)
    except EngineNotBuiltError as error:
        pytest.skip(str(error))
    trained = []

    class Watched:
        def train(self, runs, on_finished, should_stop):
            trained.append((len(runs), runs[0].configuration.training.max_steps))
            return engine.train(runs, on_finished, should_stop)

    seconds = EngineSide(Watched(), width=8, n=10, runs=3).seconds(1000)
    assert trained == [(3, 1000)]
    assert seconds > 0
