"""The baselines are the learner that the engines train."""

from __future__ import annotations

import pytest
import torch

from bench.baselines import PlainLoop, VmapEnsemble
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
