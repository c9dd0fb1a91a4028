"""What a model reads: accuracy lost when a column is shuffled, and weights of the first layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from worker.engine import draws
from worker.engine.draws import Stream
from worker.engine.metrics import accuracy
from worker.engine.seam import Importance

if TYPE_CHECKING:
    from worker.engine.philox import Key
    from worker.engine.tables import Prepared

#: Returns class probabilities, shape (rows, K), for features of shape (rows, features).
Predict = Callable[[NDArray[np.float32]], NDArray[np.floating]]

_MOST_ROWS = 2000
_SHUFFLES = 5


def permutation_importances(predict: Predict, prepared: Prepared, key: Key, seed: int) -> list[Importance]:
    """Return what shuffling each column of the table among test rows costs in accuracy (Breiman 2001).

    The features that encode a column move together. Rows beyond the first 2000 are left out; the five
    shuffles are the same for every model of a split and seed.

    Args:
        predict: The model.
        prepared: What it was trained on.
        key: The generator's key.
        seed: The run's.
    """
    features = prepared.test.features[:_MOST_ROWS]
    classes = prepared.test.classes[:_MOST_ROWS]
    right = accuracy(predict(features), classes)
    orders = _orders(key, seed, len(classes))
    found = []
    for column, name in enumerate(prepared.columns):
        places = np.flatnonzero(prepared.column_of == column)
        lost = []
        for order in orders:
            shuffled = features.copy()
            shuffled[:, places] = features[np.ix_(order, places)]
            lost.append(right - accuracy(predict(shuffled), classes))
        found.append(Importance(name, float(np.mean(lost)), float(np.std(lost, ddof=1))))
    return found


def column_shares(weights: NDArray[np.float32], prepared: Prepared) -> NDArray[np.float64]:
    """Return each column's share of the squared first-layer weights, shape (columns,).

    Args:
        weights: Of the neurons that are asked about, shape (features, neurons).
        prepared: What tells which feature is of which column.
    """
    squares = np.square(weights, dtype=np.float64).sum(axis=1)
    by_column = np.bincount(prepared.column_of, squares, minlength=len(prepared.columns))
    shares: NDArray[np.float64] = by_column / max(by_column.sum(), np.finfo(float).tiny)
    return shares


def _orders(key: Key, seed: int, rows: int) -> list[NDArray[np.int64]]:
    """Return random orders of the rows: by one word for each, nearly all of which differ."""
    items = torch.arange(rows)
    drawn = draws.words(key, torch.tensor(seed), Stream.SHUFFLE, items, _SHUFFLES).numpy()
    return [np.argsort(drawn[:, number], kind="stable") for number in range(_SHUFFLES)]
