"""From pydantic's errors to parts of a problem: one a field, with a JSON pointer and what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError

from tombola.explain import describe, pointer_to
from tombola.results import ProblemPart


def parts_of(error: RequestValidationError) -> list[ProblemPart]:
    """Return what is wrong with a request, one part per field or parameter, in the order of the fields."""
    found: dict[tuple[str | None, str | None], list[Mapping[str, Any]]] = {}
    for item in error.errors():
        where, *loc = item["loc"]
        if where == "body":
            pointer = pointer_to(loc, error.body, item["type"]) + item.get("ctx", {}).get("pointer", "")
            key: tuple[str | None, str | None] = (pointer, None)
        else:
            key = (None, str(loc[0]))
        found.setdefault(key, []).append({**item, "loc": loc})
    return [
        ProblemPart(
            pointer=pointer,
            parameter=parameter,
            detail=describe(items if parameter is None else _without_null(items)),
        )
        for (pointer, parameter), items in found.items()
    ]


def _without_null(items: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out that a parameter may be null: it is left out instead."""
    return [item for item in items if item["type"] != "none_required"] or items
