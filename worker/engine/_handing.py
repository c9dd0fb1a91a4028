"""Handing over what a training in other threads brings, in the caller's thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Protocol

from worker.engine.seam import FinishedRun, OnFinished, ShouldStop

#: How often `should_stop` is asked.
_ASK_SECONDS = 0.5


class Training(Protocol):
    """Training that another thread does.

    Attributes:
        finished: Runs to hand over; None ends them.
    """

    finished: SimpleQueue[FinishedRun | None]

    def train(self) -> None:
        """Train all runs, or until stopped."""
        ...

    def stop(self) -> None:
        """Make `train` return soon; may be called often and from any thread."""
        ...

    def fraction_done(self) -> float:
        """Return the done share of the work; never falls."""
        ...


def hand_over(training: Training, on_finished: OnFinished, should_stop: ShouldStop) -> int:
    """Let a training happen and hand over its runs; return how many.

    Both functions are called in this thread; what they or the training raise is raised, once all threads
    have ended.
    """
    handed_over = 0
    asked = -math.inf
    stopped = False
    with ThreadPoolExecutor(1, "tombola-training") as thread:
        done = thread.submit(_and_then(training.train, lambda: training.finished.put(None)))
        try:
            while True:
                if time.monotonic() - asked >= _ASK_SECONDS and not stopped:
                    stopped = should_stop(training.fraction_done())
                    if stopped:
                        training.stop()
                    asked = time.monotonic()
                with suppress(Empty):
                    finished = training.finished.get(timeout=_ASK_SECONDS)
                    if finished is None:
                        break
                    on_finished(finished)
                    handed_over += 1
        finally:
            training.stop()
        done.result()
    return handed_over


def _and_then(work: Callable[[], None], last: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        try:
            work()
        finally:
            last()

    return both
