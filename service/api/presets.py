"""Presets: ready experiments, and what they cost."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic.json_schema import SkipJsonSchema

from service.api import documents, examples
from service.api.problems import ProblemError
from service.api.routes import guarded_router
from service.api.state import AppState, ReadSession
from service.lab import presets
from service.lab.errors import NoScales, UnknownPreset
from tombola.results import Page, Preset, PresetQuote, ProblemPart, Scale

router = guarded_router("/v1/presets", "presets")


def _preset(
    name: Annotated[
        str, Path(description="Name of the preset; it may hold slashes.", examples=["paper/figure-1"])
    ],
    scale: Annotated[
        Scale | SkipJsonSchema[None],
        Query(
            description="How much of it, for presets that have `scales`: what a laptop trains (where left "
            "out), what a GPU trains in an hour, or all of it."
        ),
    ] = None,
) -> Preset:
    try:
        return presets.find(name, scale)
    except UnknownPreset as error:
        raise ProblemError(404, str(error)) from None
    except NoScales as error:
        part = ProblemPart(parameter="scale", detail=str(error))
        raise ProblemError(422, str(error), errors=[part]) from None


AskedPreset = Annotated[Preset, Depends(_preset)]


@router.get("", responses={**documents.ok(examples.PRESETS), **documents.problems()})
def list_presets() -> Page[Preset]:
    """List the ready experiments, each at its smallest scale."""
    return Page(items=presets.every())


# Before the next one, whose name would take the end of this path.
@router.get(
    "/{name:path}/quote", responses={**documents.ok(examples.PRESET_QUOTE), **documents.problems(404)}
)
def quote_preset(preset: AskedPreset, state: AppState, session: ReadSession) -> PresetQuote:
    """Learn what a preset would cost on the workers that are alive, each experiment and all of them."""
    return state.lab.quote_preset(session, preset)


@router.get("/{name:path}", responses={**documents.ok(examples.PRESET), **documents.problems(404)})
def get_preset(preset: AskedPreset) -> Preset:
    """Read a ready experiment, or several; post each of its `specs` to run it."""
    return preset
