"""Training-set sizes that a table cannot give, told from its class counts alone.

The order of rows (`worker.tabular.splits`) takes row i of the n rows of a class to place (i + 1/2)/n, so what
stands in its first m places follows from the counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from tombola.results import ClassCount
from tombola.spec import Protocol


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
        right = f"the smallest that does has {needed} rows, a fraction of {needed / largest:.2g}"
    return f"{samples} training rows of data set {name} hold no row of class {lacking!r}: {right}"
