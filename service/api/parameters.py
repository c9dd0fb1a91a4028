"""Path and query parameters that several calls share."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from service.lab.answers import Asked
from service.lab.errors import UnknownExperiment
from tombola.results import IntervalMethod
from tombola.spec import MAX_INPUTS, MAX_SAMPLES, MAX_WIDTH, WORD_RANGE

#: An id as `ulid` writes it; anything else is no experiment, and no text for the database.
ID_PATTERN = "^[0-9A-HJKMNP-TV-Z]{26}$"
_ID = re.compile(ID_PATTERN.strip("^$"))
_SHOWN = 64


def _experiment_id(
    experiment_id: Annotated[
        str,
        Path(
            description="Id of the experiment.",
            json_schema_extra={"pattern": ID_PATTERN, "example": "01JD0M3X8Z6T4Q2W9V5K7N1R3P"},
        ),
    ],
) -> str:
    if _ID.fullmatch(experiment_id) is None:
        shown = experiment_id if len(experiment_id) <= _SHOWN else experiment_id[:_SHOWN] + "…"
        raise UnknownExperiment(shown)
    return experiment_id


ExperimentId = Annotated[str, Depends(_experiment_id)]


def list_of(pattern: str, rule: str) -> AfterValidator:
    """Return the check of a text that lists values with commas between.

    Args:
        pattern: Regular expression that the whole text must match.
        rule: What is right, to go after "must be".
    """

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            words = {"rule": rule, "given": repr(text)[:_SHOWN]}
            raise PydanticCustomError("list", "must be {rule}, not {given}", words)
        return text

    return AfterValidator(check)


Seed = Annotated[int, Path(ge=0, lt=WORD_RANGE, description="Seed of the run.")]


def _where(
    width: Annotated[
        Annotated[int, Field(ge=1, le=MAX_WIDTH)] | SkipJsonSchema[None],
        Query(description="Cells of this width only."),
    ] = None,
    samples: Annotated[
        Annotated[int, Field(ge=1, le=MAX_SAMPLES)] | Literal["online"] | SkipJsonSchema[None],
        Query(description="Cells of this training-set size only, or `online`."),
    ] = None,
    sparsity: Annotated[
        Annotated[int, Field(ge=1, le=MAX_INPUTS)] | Literal["dense"] | SkipJsonSchema[None],
        Query(description="Cells of this initial sparsity only, or `dense`."),
    ] = None,
) -> dict[str, Any]:
    """Return the wanted values by name, as the store has them: None for online and dense."""
    given = {"width": width, "samples": samples, "sparsity": sparsity}
    return {
        name: None if value in ("online", "dense") else value
        for name, value in given.items()
        if value is not None
    }


CellFilter = Annotated[dict[str, Any], Depends(_where)]


def _confidence(
    interval: Annotated[
        IntervalMethod,
        Query(
            description="How intervals are made. Where the runs decided how many there are (adaptive seeds), "
            "it is `confidence-sequence` in any case."
        ),
    ] = "wilson",
    level: Annotated[
        Annotated[float, Field(ge=0.5, lt=1)] | SkipJsonSchema[None],
        Query(description="Confidence level of intervals; 0.95, or that of adaptive seeds, by default."),
    ] = None,
) -> Asked:
    return Asked(interval, level)


AskedConfidence = Annotated[Asked, Depends(_confidence)]
