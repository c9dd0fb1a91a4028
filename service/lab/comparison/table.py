"""A comparison as columns: a row for each data set, size and model."""

from __future__ import annotations

from typing import Any

from service.lab.exports import Column, Page
from tombola.results import Comparison, Difference, ModelAccuracy

_ENDS = ("", "_low", "_high")
COMPARISON = (
    Column("dataset", "label"),
    Column("dataset_id", "label"),
    Column("fraction", "number", nullable=True),
    Column("samples", "integer"),
    Column("test_rows", "integer"),
    Column("splits", "integer"),
    Column("seeds", "integer"),
    Column("majority", "number", nullable=True),
    Column("model", "label"),
    *(
        Column(f"{name}{end}", "number", nullable=True)
        for name in ("accuracy", "auc", "difference")
        for end in _ENDS
    ),
    Column("verdict", "text", nullable=True),
    Column("optimistic", "number", nullable=True),
    Column("runs", "integer"),
    Column("diverged", "integer"),
    Column("core_seconds", "number", nullable=True),
)
_PLACE = [name for name, *_ in COMPARISON[:8]]


def comparison_page(comparison: Comparison) -> Page:
    """Return a comparison as one page of `COMPARISON`; differences are null of the baseline."""
    rows = []
    for found in comparison.datasets:
        differences = {one.model: one for one in found.differences}
        place = {name: getattr(found, name) for name in _PLACE}
        rows += [place | _row(model, differences.get(model.model)) for model in found.models]
    return [[row[name] for row in rows] for name, *_ in COMPARISON]


def _row(model: ModelAccuracy, against: Difference | None) -> dict[str, Any]:
    row = model.model_dump(exclude={"accuracy", "auc", "chosen"})
    limits = {"accuracy": model.accuracy, "auc": model.auc}
    for name, found in (limits | {"difference": None if against is None else against.difference}).items():
        values = (None, None, None) if found is None else (found.value, found.low, found.high)
        row |= {f"{name}{end}": value for end, value in zip(_ENDS, values, strict=True)}
    return row | {"verdict": None if against is None else against.verdict}
