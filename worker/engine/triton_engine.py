"""The engine of a fused Triton kernel: a narrow network stays in one multiprocessor for many steps."""

from __future__ import annotations

import importlib
import os
from contextlib import nullcontext
from importlib.util import find_spec

import torch

from worker.engine.errors import DeviceError
from worker.engine.torch_engine import TorchEngine

#: Tensor cores for TF32 came with Ampere.
_LEAST_CAPABILITY = (8, 0)
#: What the kernel `answer` stores.
_ANSWER = 42


class TritonEngine(TorchEngine):
    """Trains parity learners with a Triton kernel, on CUDA.

    The draws are those of every engine, and results agree with theirs in distribution. Batches and memory,
    initial parameters and evaluations are those of `TorchEngine`, and so are the steps where networks or
    mini-batches are too large for the kernel. With TRITON_INTERPRET=1 in the environment the kernel is
    interpreted on CPU, very slowly, which is for tests.

    Args:
        device: "auto", "cuda" or "cuda:<index>".
        memory_limit: As for `TorchEngine`.

    Attributes:
        name: "triton".

    Raises:
        DeviceError: There is no such device, or Triton is not installed or does not run on it.
        ValueError: The memory limit is not positive.
    """

    name = "triton"

    def __init__(self, device: str = "auto", memory_limit: int | None = None) -> None:
        if find_spec("triton") is None:
            raise DeviceError(
                "engine 'triton' needs Triton, which is not installed: pip install 'tombola-server[triton]', "
                "or use engine 'torch'"
            )
        interpreted = os.environ.get("TRITON_INTERPRET") == "1"
        super().__init__("cpu" if interpreted else device, memory_limit)
        if not interpreted and self._device.type != "cuda":
            raise DeviceError(
                f"engine 'triton' trains on CUDA, not on device {device!r} (torch {torch.__version__} sees "
                f"{torch.cuda.device_count()} CUDA devices here): use engine 'torch'"
            )
        if not interpreted and torch.cuda.get_device_capability(self._device) < _LEAST_CAPABILITY:
            least = ".".join(map(str, _LEAST_CAPABILITY))
            raise DeviceError(
                f"engine 'triton' needs a GPU of compute capability {least} or newer, not {self.detail}: use "
                "engine 'torch'"
            )
        self._require_a_kernel()
        # Only where the engine is chosen: Triton is an extra.
        self._batch = importlib.import_module("worker.engine._triton_batch").TritonBatch
        self.lanes = 1
        version = importlib.import_module("triton").__version__
        self.detail = f"Triton {version} interpreted" if interpreted else f"{self.detail}, Triton {version}"

    def _require_a_kernel(self) -> None:
        """Run a kernel: Triton compiles when one is first called, which takes more than its package."""
        on_cuda = self._device.type == "cuda"
        try:
            kernels = importlib.import_module("worker.engine._triton_kernels")
            place = torch.zeros(1, dtype=torch.int32, device=self._device)
            with torch.cuda.device(self._device) if on_cuda else nullcontext():
                kernels.answer[(1,)](place)
            _require_answer(place.item())
        except Exception as error:  # whatever the compiler lacks
            reason = str(error).strip().partition("\n")[0]
            raise DeviceError(
                f"engine 'triton' does not run on {self.device}: it needs a C compiler and a cache folder "
                f"whose files may be executed (TRITON_CACHE_DIR); or use engine 'torch' ({reason})"
            ) from error


def _require_answer(answer: float) -> None:
    if answer != _ANSWER:
        raise RuntimeError(f"a kernel answered {answer}, not {_ANSWER}")
