from __future__ import annotations

import pytest
import torch

from worker.engine import DeviceError, EngineError, UnknownEngineError, select_engine


@pytest.mark.parametrize("name", ["auto", "torch"])
def test_known_names_give_an_engine(name):
    engine = select_engine(name, "cpu")
    assert (engine.name, engine.device) == ("torch", "cpu")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownEngineError, match="no engine 'jax': known are auto, torch"):
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


def test_engine_errors_are_one_family():
    assert issubclass(DeviceError, EngineError)
    assert issubclass(UnknownEngineError, EngineError)
