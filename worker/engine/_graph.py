"""Many SGD steps in one launch, by CUDA graphs."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import torch

from worker.engine import _memory

_log = logging.getLogger(__name__)

Work = Callable[[], None]
#: Returns a function that does what its argument would, on the same tensors; does not run it.
Capture = Callable[[Work], Work]

#: Launches that may wait for the device.
_LAUNCHES_AHEAD = 2


class Capturer:
    """Captures work, and gives it up for good where that fails.

    Args:
        capture: How to; by default as a CUDA graph on the current device.
    """

    def __init__(self, capture: Capture | None = None) -> None:
        self._capture = capture or capture_graph
        self._failed = False

    def try_capture(self, work: Work) -> Work | None:
        """Return what replays the work, None where it must be done step by step."""
        if self._failed:
            return None
        try:
            return self._capture(work)
        except RuntimeError as error:
            if _memory.is_out_of_memory(error):
                return None  # the next batch may be smaller
            self._failed = True
            _log.warning("training step by step, which is slower: no CUDA graph could be captured: %s", error)
            return None


def capture_graph(work: Work) -> Work:
    """Return what replays the work as one CUDA graph; work like it must have run before, outside of one."""
    graph = torch.cuda.CUDAGraph()
    # Other threads of this process may use CUDA meanwhile: their calls must not spoil the capture.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        work()
    pace = Pace(torch.device("cuda"))

    def replay() -> None:
        graph.replay()
        pace.keep()

    return replay


class Pace:
    """Keeps the host at most a few launches of many steps ahead of a device.

    Thousands would fit into the queue of launches, and a stop would wait for all of them.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._launched: deque[torch.cuda.Event] = deque()

    def keep(self) -> None:
        """Note a launch, and wait until there are few before it."""
        if not self._cuda:
            return
        event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # torch has none
        event.record()
        self._launched.append(event)
        if len(self._launched) > _LAUNCHES_AHEAD:
            self._launched.popleft().synchronize()
