"""Presets: ready experiments."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from service.api import documents, examples
from service.api.problems import ProblemError
from service.api.routes import guarded_router
from service.lab.presets import PRESETS
from tombola.results import Page, Preset

router = guarded_router("/v1/presets", "presets")


@router.get("", responses={**documents.ok(examples.PRESETS), **documents.problems()})
def list_presets() -> Page[Preset]:
    """List the ready experiments."""
    return Page(items=list(PRESETS.values()))


@router.get("/{name:path}", responses={**documents.ok(examples.PRESET), **documents.problems(404)})
def get_preset(
    name: Annotated[
        str, Path(description="Name of the preset; it may hold slashes.", examples=["paper/edge"])
    ],
) -> Preset:
    """Read a ready experiment; post its `spec` to run it."""
    preset = PRESETS.get(name)
    if preset is None:
        raise ProblemError(404, f"there is no preset {name[:200]!r}; there are {', '.join(PRESETS)}")
    return preset
