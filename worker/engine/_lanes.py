"""Training in threads that can be stopped: each takes one piece of work after the other."""

from __future__ import annotations

import traceback
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from worker.engine.errors import EngineError

if TYPE_CHECKING:
    from worker.engine.seam import FinishedRun

#: Called before what takes long; raises where the training shall stop.
Tick = Callable[[], None]
Piece = TypeVar("Piece")


class StopRequestedError(Exception):
    """Raised in a lane to end it."""


class Stoppable:
    """What lanes and the caller's thread share (see `worker.engine._handing.Training`).

    Attributes:
        finished: Runs to hand over; None ends them.
    """

    def __init__(self) -> None:
        self.finished: SimpleQueue[FinishedRun | None] = SimpleQueue()
        self._stopping = Event()
        self._lock = Lock()

    def stop(self) -> None:
        """Make the training return soon; may be called often and from any thread."""
        self._stopping.set()

    def tick(self) -> None:
        """Raise `StopRequestedError` where the training shall stop (a `Tick`)."""
        if self._stopping.is_set():
            raise StopRequestedError


def _let_go(error: BaseException | None) -> None:
    """Clear the frames that an error and its causes hold: a batch, or a forest, would stay in memory."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


class Lanes(Stoppable, Generic[Piece]):
    """Pieces of work, in the order in which lanes take them."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        super().__init__()
        self._waiting = deque(pieces)
        self._failed: EngineError | None = None

    @abstractmethod
    def _do(self, piece: Piece) -> None:
        """Do a piece of work, and hand its runs over; an `EngineError` is the piece's own."""

    def _train_in(self, threads: ThreadPoolExecutor, lanes: int) -> None:
        """Do all pieces in so many of the threads, or until stopped.

        What fails with an `EngineError` stops no other piece; the first such error is raised in the end. Any
        other error stops all.
        """
        with threads:
            futures = [threads.submit(self._do_all) for _ in range(lanes)]
        for future in futures:
            future.result()
        if self._failed is not None:
            raise self._failed

    def _do_all(self) -> None:
        try:
            while (piece := self._next()) is not None:
                self._try(piece)
        except StopRequestedError:
            pass
        except BaseException:
            self.stop()
            raise

    def _try(self, piece: Piece) -> None:
        try:
            self._do(piece)
        except EngineError as error:
            _let_go(error)
            with self._lock:
                self._failed = self._failed or error

    def _next(self) -> Piece | None:
        self.tick()
        with self._lock:
            return self._waiting.popleft() if self._waiting else None
