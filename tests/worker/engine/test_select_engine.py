from __future__ import annotations

import importlib.util
import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES

import pytest
import torch

from worker.engine import (
    ENGINES,
    DeviceError,
    EngineError,
    EngineNotBuiltError,
    UnknownEngineError,
    select_engine,
)


def has_native() -> bool:
    return importlib.util.find_spec("worker.engine._native") is not None


def test_torch_is_torch():
    engine = select_engine("torch", "cpu")
    assert (engine.name, engine.device) == ("torch", "cpu")


@pytest.mark.skipif(not has_native(), reason="the native engine was not built here")
@pytest.mark.parametrize("name", ["auto", "native"])
def test_on_cpu_the_native_engine_is_chosen_where_it_was_built(name):
    engine = select_engine(name, "cpu")
    assert (engine.name, engine.device) == ("native", "cpu")


@pytest.fixture
def unbuilt(monkeypatch):
    """Make the extension impossible to import, as where no compiler was found."""
    monkeypatch.setitem(sys.modules, "worker.engine._native", None)
    monkeypatch.delattr("worker.engine._native", raising=False)


@pytest.mark.usefixtures("unbuilt")
def test_where_the_native_engine_was_not_built_torch_trains_and_says_why():
    engine = select_engine("auto", "cpu")
    assert engine.name == "torch"
    assert "the native engine was not built when tombola-server was installed" in engine.detail
    assert "install a C++17 compiler (g++ or clang++) and install it again" in engine.detail


@pytest.mark.usefixtures("unbuilt")
def test_asking_for_the_native_engine_where_it_was_not_built_says_what_would_help():
    with pytest.raises(EngineNotBuiltError, match=r"install a C\+\+17 compiler"):
        select_engine("native", "cpu")


def test_a_native_engine_that_cannot_be_loaded_is_told_from_one_not_built(monkeypatch, tmp_path):
    broken = tmp_path / f"_native{EXTENSION_SUFFIXES[0]}"
    broken.write_bytes(b"not a library")
    monkeypatch.delitem(sys.modules, "worker.engine._native", raising=False)
    monkeypatch.delattr("worker.engine._native", raising=False)
    monkeypatch.setattr("worker.engine.__path__", [str(tmp_path)])
    with pytest.raises(
        EngineNotBuiltError, match=f"was built, but {re.escape(str(broken))} cannot be loaded"
    ):
        select_engine("native", "cpu")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownEngineError, match="no engine 'jax': known are auto, native, torch, triton"):
        select_engine("jax")


def test_device_auto_is_cuda_where_there_is_some():
    assert select_engine().device == ("cuda:0" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["tpu", "mps", "gpu", "cuda:x", ""])
def test_an_unknown_device_lists_the_known_ones(device):
    with pytest.raises(DeviceError, match='device is "auto", "cpu", "cuda" or "cuda:<index>", not'):
        select_engine("auto", device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_cuda_where_there_is_none_says_so():
    with pytest.raises(DeviceError, match="'cuda' needs CUDA"):
        select_engine("auto", "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.gpu
def test_a_cuda_device_that_does_not_exist_says_which_is_last():
    with pytest.raises(DeviceError, match=r"'cuda:99' does not exist: the last of \d+ is cuda:\d+"):
        select_engine("auto", "cuda:99")


@pytest.fixture
def made_up_gpu(monkeypatch):
    """Have torch's engine find a GPU; nothing is trained there."""

    class Found:
        name, device, detail = "torch", "cuda:1", "a GPU"

    monkeypatch.setattr("worker.engine.TorchEngine", lambda _: Found())


@pytest.mark.usefixtures("made_up_gpu")
def test_on_a_gpu_triton_is_chosen_where_it_runs(monkeypatch):
    asked = []
    monkeypatch.setitem(ENGINES, "triton", asked.append)
    select_engine("auto", "cuda:1")
    assert asked == ["cuda:1"]


@pytest.mark.usefixtures("made_up_gpu")
def test_on_a_gpu_where_triton_does_not_run_torch_trains_and_says_why(monkeypatch):
    def refuse(device):
        raise DeviceError(f"engine 'triton' does not run on {device}: it needs a C compiler")

    monkeypatch.setitem(ENGINES, "triton", refuse)
    engine = select_engine("auto")
    assert (engine.name, engine.device) == ("torch", "cuda:1")
    assert engine.detail == "a GPU; engine 'triton' does not run on cuda:1: it needs a C compiler"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.gpu
def test_on_this_gpu_auto_is_triton_or_says_why_not():
    engine = select_engine("auto")
    assert engine.name == "triton" or "engine 'triton'" in engine.detail


def test_engine_errors_are_one_family():
    assert issubclass(DeviceError, EngineError)
    assert issubclass(UnknownEngineError, EngineError)
