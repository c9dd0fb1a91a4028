"""The machine's best at multiplying float32 matrices, which achieved speeds are compared with."""

from __future__ import annotations

import time

import torch

from bench.machine import CORES


def sgemm_peak(size: int = 2048, repeats: int = 8) -> dict[str, float]:
    """Return FLOP/s of torch.mm on square float32 matrices, the best of some, on one thread and on all."""
    return {"one_thread": _best(1, size, repeats), "all_threads": _best(CORES, size, repeats)}


def _best(threads: int, size: int, repeats: int) -> float:
    torch.set_num_threads(threads)
    a, b, out = torch.rand(size, size), torch.rand(size, size), torch.empty(size, size)
    torch.mm(a, b, out=out)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - started)
    return 2.0 * size**3 / min(seconds)
