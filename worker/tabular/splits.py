"""Which rows of a table train, validate and test: a function of its content and the split's number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from worker.engine import draws
from worker.engine.draws import Stream
from worker.engine.tables import task_key

if TYPE_CHECKING:
    from tombola.spec import TabularTask

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of a table by their use, each in the order in which smaller sets take the first of them.

    Attributes:
        train, validation, test: Numbers of rows.
        classes: Of all rows, permuted among those that train and validate where the protocol says so.
    """

    train: Places
    validation: Places
    test: Places
    classes: NDArray[np.int64]


def split(classes: NDArray[np.int64], task: TabularTask, samples: int) -> Split:
    """Return a split with `samples` training rows.

    Rows are ordered at random within their class; row i of the n rows of a class then goes to place
    (i + 1/2)/n among all. So every stretch of the order has the classes in proportion, to about a row. The
    first rows train, the next validate, the rest test, by `Protocol.sizes`.

    Args:
        classes: Of all rows, numbered in the order of their labels.
        task: Data set, split and protocol.
        samples: Training rows, at most those of the largest training set.
    """
    train, validation, test = task.protocol.sizes(len(classes))
    order = _stratified(classes, _words(task, Stream.ORDER, len(classes)))
    pool = order[: train + validation]
    if task.protocol.labels == "permuted":
        classes = classes.copy()
        classes[pool] = classes[pool][np.argsort(_words(task, Stream.LABELS, len(pool)), kind="stable")]
    kept = min(validation, task.protocol.validation_rows(len(classes), samples))
    return Split(
        order[:samples],
        order[train : train + kept],
        order[train + validation : train + validation + test],
        classes,
    )


def _stratified(classes: NDArray[np.int64], words: NDArray[np.int64]) -> Places:
    at_random = np.lexsort((words, classes))  # class by class
    counts = np.bincount(classes)
    firsts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    ordered = classes[at_random]
    within = np.arange(len(classes)) - firsts[ordered]
    places = (2 * within + 1) / (2 * counts[ordered])
    # Equal quotients are equal in floating point too; then the first label goes first.
    return at_random[np.lexsort((ordered, places))]


def _words(task: TabularTask, stream: Stream, count: int) -> NDArray[np.int64]:
    """Return a random word of 62 bits for each row; the seed's word is 0, for training seeds have no say."""
    halves = draws.words(task_key(task), torch.tensor(0), stream, torch.arange(count), 2)
    words: NDArray[np.int64] = ((halves[:, 0] >> 2 << 32) + halves[:, 1]).numpy()
    return words
