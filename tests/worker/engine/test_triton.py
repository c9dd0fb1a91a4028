"""The engine of a Triton kernel: without a GPU it is interpreted, and compiled for GPUs elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from scipy import stats

from tombola.results import Outcome
from worker.engine import DeviceError, TritonEngine, select_engine

HERE = Path(__file__).parent
needs_triton = pytest.mark.skipif(
    find_spec("triton") is None, reason="Triton, an extra of 290 MB, is not installed"
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def run_apart(*command: str, **environment: str) -> None:
    result = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stdout + result.stderr


@needs_triton
def test_interpreted_kernels_agree_with_torch():
    run_apart("-m", "pytest", "-q", str(HERE / "interpreted_kernels.py"), TRITON_INTERPRET="1")


@needs_triton
@pytest.mark.parametrize("capability", [80, 90])
def test_kernels_compile(capability, tmp_path):
    run_apart(str(HERE / "compile_kernels.py"), str(capability), TRITON_CACHE_DIR=str(tmp_path))


def test_without_triton_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("worker.engine.triton_engine.find_spec", lambda _: None)
    with pytest.raises(DeviceError, match=r"pip install 'tombola-server\[triton\]', or use engine 'torch'"):
        select_engine("triton")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
@pytest.mark.parametrize("device", ["auto", "cpu", "cuda"])
def test_without_cuda_it_says_what_to_use(monkeypatch, device):
    monkeypatch.setattr("worker.engine.triton_engine.find_spec", lambda _: object())
    with pytest.raises(DeviceError, match=r"CUDA.*use"):
        select_engine("triton", device)


@pytest.mark.gpu
@needs_cuda
@needs_triton
@pytest.mark.parametrize("loss", ["hinge", "logistic", "squared"])
@pytest.mark.parametrize(
    "shape",
    [
        {"samples": 300},
        {"samples": None},
        {"samples": 300, "batch_size": "full"},
        {"samples": 60_000, "width": 200},
        {"samples": None, "n": 100, "width": 128},
        {"samples": None, "n": 1000, "width": 304},
    ],
    ids=str,
)
def test_parameters_agree_with_torch_on_a_short_way(engine, make_run, shape, loss):
    run = make_run(**{"n": 50, "k": 3, "width": 112, "loss": loss, "learning_rate": 0.002, **shape})
    start, here = (vars(engine.parameters_after(run, steps)) for steps in (0, 20))
    there = vars(TritonEngine("cuda").parameters_after(run, 20))
    # Beside a kink of the rectifier rounding decides, so a few may differ by a step: the whole counts.
    for name, tensor in here.items():
        assert (there[name].cpu() - tensor).norm() <= 0.01 * (tensor - start[name]).norm(), name


@pytest.mark.gpu
@needs_cuda
@needs_triton
def test_success_agrees_with_torch_in_distribution(engine, train, make_run):
    runs = [
        make_run(n=20, k=3, width=32, samples=250, max_steps=5000, eval_every=250, seed=seed)
        for seed in range(60)
    ]
    successes = [
        sum(one.outcome is Outcome.SUCCESS for one in train(*runs, engine=one_engine))
        for one_engine in (engine, TritonEngine("cuda"))
    ]
    table = [[count, len(runs) - count] for count in successes]
    assert 0 < successes[0] < len(runs)
    assert stats.fisher_exact(table).pvalue > 0.01
