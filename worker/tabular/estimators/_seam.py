"""What every model of a library takes and gives here."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from worker.engine._lanes import Tick
from worker.engine.importance import Predict
from worker.engine.tables import Prepared

Hyperparameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted model.

    Attributes:
        predict: Its class probabilities, with a column for each class that it was shown.
        steps: Trees, boosting rounds or steps that count.
    """

    predict: Predict
    steps: int


#: Fits a model with hyperparameters on a split, with a seed below 2^31. Training classes have no gaps.
Fit = Callable[[Hyperparameters, Prepared, int, Tick], Fitted]


def library_seed(dataset: str, split: int, seed: int) -> int:
    """Return the seed of a library: the first 31 bits of the SHA-256 of "<data set>/<split>/<seed>"."""
    digest = hashlib.sha256(f"{dataset}/{split}/{seed}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def growing(most: int, *, share: float = 0.0) -> Iterator[int]:
    """Yield how many trees or rounds there shall be next, up to the most: each piece takes about a second.

    What comes of them must not depend on where the pieces end.

    Args:
        most: Where they end.
        share: Of what is done, the least that a piece adds: for libraries that go through all of it again
            when they go on.
    """
    done, piece = 0, 1
    while done < most:
        done = min(most, done + piece)
        began_at = time.perf_counter()
        yield done
        seconds = time.perf_counter() - began_at
        piece = max(1, int(share * done), min(2 * piece, int(piece / max(seconds, 1e-3))))
