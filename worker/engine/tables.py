"""A split of a table as models take it: numbers, without the table that they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tombola.spec import TabularTask
from worker.engine.philox import Key


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a split.

    Attributes:
        features: float32, finite, C-contiguous, shape (rows, features).
        classes: int64 in [0, K), shape (rows,).
    """

    features: NDArray[np.float32]
    classes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A split, encoded and scaled by what its training rows show.

    Attributes:
        class_count: K, of the whole table.
        columns: Names of the table's columns, the target not among them.
        column_of: For each feature the number of the column that it encodes, shape (features,).
    """

    class_count: int
    columns: tuple[str, ...]
    column_of: NDArray[np.int64]
    train: Rows
    validation: Rows
    test: Rows


#: Returns a split with this many training rows, scaled for networks or, with False, as trees take it.
Provider = Callable[[TabularTask, int, bool], Prepared]


def task_key(task: TabularTask) -> Key:
    """Return the generator's key: the first 64 bits of the SHA-256 of "<data set>/<split>".

    Training-set size and model are not in it, so cells of one split are paired by their seeds, as those of a
    parity experiment are. The split is, so the runs of different splits are independent.
    """
    digest = hashlib.sha256(f"{task.dataset}/{task.split}".encode()).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
