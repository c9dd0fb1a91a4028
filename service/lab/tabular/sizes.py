"""Training-set sizes that a table cannot give."""

from __future__ import annotations

from collections.abc import Sequence

from tombola.results import ClassCount
from tombola.spec import Protocol


def check(
    name: str, classes: Sequence[ClassCount], rows: int, samples: int, _protocol: Protocol
) -> str | None:
    """Say which class `samples` stratified training rows would hold no row of; None where there is none."""
    for found in classes:
        if round(samples * found.rows / rows) < 1:
            return f"{samples} training rows of data set {name} hold no row of class {found.label!r}"
    return None
