"""CUDA against CPU: the same draws, results that agree in distribution."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from tombola.results import Outcome
from worker.engine import TorchEngine, draws
from worker.engine._batch import Batch
from worker.engine._graph import Capturer
from worker.engine._group import Group
from worker.engine._initial import initial_parameters
from worker.engine._samples import StreamedSamples
from worker.engine.draws import Stream

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("n", [1, 50, 127, 1000])
def test_samples_are_the_same_bits(n):
    def rows(device):
        seeds = torch.tensor([0, 7, 2**32 - 1], device=device)
        supports = draws.supports((5, 6), seeds, n, min(n, 3))
        samples = StreamedSamples(n, (5, 6), Stream.TRAINING, seeds, supports)
        items = torch.arange(100, device=device).expand(3, -1)
        return supports.cpu(), samples.rows(items)[..., : n + 2].cpu()

    for here, there in zip(rows(CPU), rows(CUDA), strict=True):
        assert torch.equal(here, there)


@pytest.mark.parametrize("sparsity", [1, 20, None])
def test_initial_parameters_are_the_same_bits(make_run, sparsity):
    run = make_run(n=50, k=3, width=3000, sparsity=sparsity, seed=2**32 - 1)
    here, there = initial_parameters([run], CPU), initial_parameters([run], CUDA)
    for name, tensor in vars(here).items():
        assert torch.equal(tensor, getattr(there, name).cpu()), name


@pytest.mark.parametrize("samples", [300, None])
def test_parameters_agree_on_a_short_way(engine, make_run, samples):
    run = make_run(n=50, k=3, width=112, samples=samples)
    here, there = engine.parameters_after(run, 20), TorchEngine("cuda").parameters_after(run, 20)
    for name, tensor in vars(here).items():
        torch.testing.assert_close(getattr(there, name).cpu(), tensor, rtol=1e-3, atol=1e-5)


def test_success_agrees_in_distribution(train, make_run):
    runs = [
        make_run(n=20, k=3, width=32, samples=250, max_steps=5000, eval_every=250, seed=seed)
        for seed in range(60)
    ]
    successes = [
        sum(one.outcome is Outcome.SUCCESS for one in train(*runs, engine=TorchEngine(device)))
        for device in ("cpu", "cuda")
    ]
    table = [[count, len(runs) - count] for count in successes]
    assert 0 < successes[0] < len(runs)
    assert stats.fisher_exact(table).pvalue > 0.01


def test_running_out_of_memory_halves_the_batch(make_run):
    free, total = torch.cuda.mem_get_info()
    runs = [make_run(n=50, k=20, width=50_000, max_steps=2, seed=seed) for seed in range(32)]
    torch.cuda.set_per_process_memory_fraction((total - free + 2 * 2**30) / total)
    try:
        done = []
        assert TorchEngine("cuda", memory_limit=2**40).train(runs, done.append, lambda _: False)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert len(done) == 32


@pytest.mark.parametrize("source", [{"samples": 300}, {"samples": None}, {"samples": 60_000}], ids=str)
@torch.inference_mode()
def test_a_cuda_graph_takes_the_steps_that_are_taken_one_by_one(make_run, caplog, source):
    runs = [make_run(n=50, k=3, width=112, **source, seed=seed) for seed in range(5)]
    parameters = []
    for capturer in (Capturer(), None):
        batch = Batch.start(Group.of(runs[0].configuration), runs, CUDA, capturer)
        batch.advance(200, lambda: None)
        assert (batch._replay is None) == (capturer is None)
        parameters.append(batch.parameters.clone())
    for name, tensor in vars(parameters[1]).items():
        torch.testing.assert_close(getattr(parameters[0], name), tensor, rtol=1e-4, atol=1e-5)
    assert not caplog.records


def test_a_cut_run_goes_on_to_its_end(make_run):
    run = make_run(n=50, k=10, width=112, max_steps=20_000, eval_every=1000)
    engine, asked, checkpoints, done = TorchEngine("cuda"), [], [], []
    stopped = not engine.train(
        [run], done.append, lambda _: asked.append(1) or len(asked) == 2, checkpoints.append
    )
    if stopped:
        assert 0 < checkpoints[0].steps < 20_000
        assert engine.train(checkpoints, done.append, lambda _: False)
    assert done[0].steps == 20_000
    assert done[0].curve.steps == list(range(1000, 20_001, 1000))


def test_the_engine_names_its_gpu():
    engine = TorchEngine("cuda")
    assert (engine.lanes, engine.detail) == (1, torch.cuda.get_device_name(0))
