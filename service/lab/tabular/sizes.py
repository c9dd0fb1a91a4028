"""Training sets that a table cannot give, for its classes, and tables that are too wide when encoded.

The order of rows (`worker.tabular.splits`) takes row i of the n rows of a class to place (i + 1/2)/n, so what
stands in its first m places follows from the counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Context

from tombola.results import ClassCount, DatasetProfile
from tombola.spec import Protocol

#: What features that stand for categories may take of a worker's memory; a column of names or numbers of
#: customers would take all of it, and teach nothing.
_MOST_BYTES = 2**30
#: Bytes of a feature's number on the way to float32: it is a float64 once.
_NUMBER_BYTES = 12
_ROUNDED_UP = Context(prec=2, rounding=ROUND_CEILING)


def first_place(counts: Sequence[int], number: int) -> int:
    """Return the place, from 1, of the first row of a class in the stratified order.

    Args:
        counts: Rows of each class, in the order of their labels.
        number: Which class.
    """
    own = counts[number]
    before = 0
    for other, count in enumerate(counts):
        if other != number:
            # Rows i with (2 i + 1)/count < 1/own; where they are equal, the first label goes first.
            odd = (count if other < number else count - 1) // own
            before += (odd + 1) // 2
    return before + 1


def check(
    name: str, classes: Sequence[ClassCount], rows: int, samples: int, protocol: Protocol
) -> str | None:
    """Say which class `samples` training rows would hold no row of, and what would be right.

    Args:
        name: Of the data set, for the message.
        classes: Of the whole table.
        rows: Of the whole table.
        samples: Training rows.
        protocol: How the table is split.

    Returns:
        None where there is a row of each.
    """
    ordered = sorted(classes, key=lambda item: item.label)
    places = [first_place([item.rows for item in ordered], number) for number in range(len(ordered))]
    needed = max(places)
    if samples >= needed:
        return None
    lacking = ordered[places.index(needed)].label
    largest = protocol.sizes(rows)[0]
    if needed > largest:
        right = f"even the largest, of {largest} rows, would hold none: leave the data set or the class out"
    else:
        fraction = float(_ROUNDED_UP.divide(needed, largest))
        right = f"the smallest that does has {needed} rows, a fraction of {fraction:g}"
    return f"{samples} training rows of data set {name} hold no row of class {lacking!r}: {right}"


def encoded_features(profile: DatasetProfile, protocol: Protocol) -> int:
    """Return the number of features of a table, encoded: one a column, or of categories one for each."""
    if protocol.encoding == "ordinal":
        return len(profile.columns)
    return sum(column.distinct if column.kind == "categorical" else 1 for column in profile.columns)


def too_wide(name: str, profile: DatasetProfile, protocol: Protocol, rows: int) -> str | None:
    """Say that one-hot encoding makes too much of a split of a table, and which column does.

    Args:
        name: Of the data set, for the message.
        profile: Its columns.
        protocol: How it is split and encoded.
        rows: Of the whole table.

    Returns:
        None where a split is small enough.
    """
    features = encoded_features(profile, protocol)
    more = features - len(profile.columns)
    needed = _NUMBER_BYTES * more * sum(protocol.sizes(rows))
    if needed <= _MOST_BYTES:
        return None
    widest = max(
        (column for column in profile.columns if column.kind == "categorical"),
        key=lambda column: column.distinct,
    )
    return (
        f"one-hot encoding makes {features} features of data set {name}, {widest.distinct} of them of column "
        f"{widest.name!r}: a split would take {needed / 2**30:.1f} GiB, and at most "
        f"{_MOST_BYTES / 2**30:g} GiB are given; take the ordinal encoding, or leave that column out"
    )
