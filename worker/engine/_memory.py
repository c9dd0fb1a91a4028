"""How much memory an engine may use, how lanes share it, and how running out of it shows."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

import torch

#: Share of the free memory that an engine takes by default; other processes want some.
SHARE = 0.5


class Budget:
    """Bytes that lanes share: who would pass them waits until others have given back."""

    def __init__(self, total: int) -> None:
        self._left = total
        self._given_back = Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def holding(self, amount: int) -> Iterator[None]:
        """Hold some bytes, at most the total; who came first gets them first."""
        ticket = object()
        with self._given_back:
            self._waiting.append(ticket)
            self._given_back.wait_for(lambda: self._waiting[0] is ticket and self._left >= amount)
            self._waiting.popleft()
            self._left -= amount
            self._given_back.notify_all()
        try:
            yield
        finally:
            with self._given_back:
                self._left += amount
                self._given_back.notify_all()


def default_limit(device: torch.device) -> int:
    """Return the bytes that an engine may use on a device: half of what is free now."""
    if device.type == "cuda":
        free, _total = torch.cuda.mem_get_info(device)
        return int(free * SHARE)
    return int(min(_free_memory(), _cgroup_memory()) * SHARE)


def _free_memory() -> float:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024.0
    except OSError:
        pass  # not Linux
    return 0.5 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroup_memory() -> float:
    """Return what the container (cgroup v2) leaves, infinity where there is no limit."""
    root = Path("/sys/fs/cgroup")
    try:
        limit = (root / "memory.max").read_text().strip()
        used = int((root / "memory.current").read_text())
        statistics = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return float("inf")
    # File pages that nobody maps are given back when memory gets short.
    used -= int(statistics.get("inactive_file", 0))
    return float("inf") if limit == "max" else float(limit) - used


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; the CPU allocator of torch raises a plain RuntimeError."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
