"""Success tables and frontiers of experiments."""

from __future__ import annotations

import csv
import io
import re
from typing import Annotated, Any, Literal, cast, get_args

from fastapi import Query, Request, Response
from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from service.api import conditional, documents, examples, negotiation
from service.api.parameters import AskedConfidence, ExperimentId
from service.api.routes import guarded_router
from service.api.state import ReadSession
from service.lab import answers
from service.lab.frontiers import frontier
from tombola.results import Cell, Frontier, Interval, Objective, SuccessTable

router = guarded_router("/v1/experiments/{experiment_id}", "results")

Probability = Annotated[float, Query(gt=0, le=1, description="Success probability to reach.")]
_NAMES = "|".join(get_args(Objective))
_LIST = f"({_NAMES})(,({_NAMES})){{0,{len(get_args(Objective)) - 1}}}"
_SHOWN = 64


def _known_objectives(text: str) -> str:
    if re.fullmatch(_LIST, text) is None:
        raise PydanticCustomError(
            "objectives",
            "must be some of {names} with commas between, such as width,samples, not {given}",
            {"names": ", ".join(get_args(Objective)), "given": repr(text)[:_SHOWN]},
        )
    return text


Objectives = Annotated[
    str,
    AfterValidator(_known_objectives),
    Query(
        description="What is minimised, with commas between. `probability` is maximised; `sparsity` is a "
        "label: only cells with the same one are compared; `steps` and `flops` are medians to success, "
        "`cost` the expected floating-point operations to a first success.",
        json_schema_extra={"pattern": f"^{_LIST}$", "example": "width,samples,cost"},
    ),
]
_MEDIA_TYPES = {"json": "application/json", "csv": "text/csv"}
_CSV_EXAMPLE = (
    "width,samples,sparsity,runs,runs_total,successes,censored,diverged,probability,low,high,level,method,"
    "median_steps,median_steps_low,median_steps_high,decision\r\n"
    "304,1000,2,24,24,23,1,0,0.9583333333333334,0.797,0.993,0.95,wilson,9500.0,8000.0,11500.0,\r\n"
)
_VARY = {"Vary": "Accept"}


@router.get(
    "/success-table",
    response_model=SuccessTable,
    responses={
        200: {
            "description": "One row for each cell. In CSV an interval is the columns low, high, level and "
            "method, and null is empty.",
            "headers": documents.ETAG,
            "content": {
                "application/json": {"examples": {"typical": {"value": examples.SUCCESS_TABLE}}},
                "text/csv": {
                    "schema": {"type": "string"},
                    "examples": {"typical": {"value": _CSV_EXAMPLE}},
                },
            },
        },
        **documents.not_modified(),
        **documents.problems(404, 406),
    },
)
def get_success_table(
    request: Request,
    experiment_id: ExperimentId,
    session: ReadSession,
    confidence: AskedConfidence,
    *,
    file_format: Annotated[
        Literal["json", "csv"] | SkipJsonSchema[None],
        Query(alias="format", description="Goes before the Accept header."),
    ] = None,
) -> Response:
    """Read success counts and probabilities of every cell, as JSON or CSV."""
    media_type = negotiation.chosen(request, file_format, _MEDIA_TYPES, "a success table")
    table = answers.success_table(session, experiment_id, confidence)
    if media_type == _MEDIA_TYPES["json"]:
        return conditional.json_answer(request, table, headers=_VARY)
    return conditional.answer(request, as_csv(table).encode(), media_type, headers=_VARY)


@router.get(
    "/frontier",
    response_model=Frontier,
    responses={
        **documents.ok(examples.FRONTIER, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404),
    },
)
def get_frontier(  # noqa: PLR0913, PLR0917  # one parameter per query parameter
    request: Request,
    experiment_id: ExperimentId,
    session: ReadSession,
    confidence: AskedConfidence,
    probability: Annotated[
        Annotated[float, Field(gt=0, le=1)] | SkipJsonSchema[None],
        Query(description="Success probability to reach; 0.9 by default, or any where it is an objective."),
    ] = None,
    objectives: Objectives = "width,samples",
) -> Response:
    """Read the cells that reach a probability and that no other such cell beats in all objectives.

    Width and samples by default. Each cell is marked `certain`, `possible` or `dominated` from the limits of
    its numbers, and has its probability of being on the frontier from a bootstrap.
    """
    names = cast("list[Objective]", objectives.split(","))
    answer = frontier(session, experiment_id, probability, names, confidence)
    return conditional.json_answer(request, answer)


def as_csv(table: SuccessTable) -> str:
    """Return a success table as CSV (RFC 4180): one column a field, an interval as its four fields."""
    columns: list[str] = []
    for name in Cell.model_fields:
        columns.extend(Interval.model_fields if name == "interval" else [name])
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for cell in table.cells:
        row: dict[str, Any] = cell.model_dump(exclude={"interval"})
        writer.writerow(row | (cell.interval.model_dump() if cell.interval else {}))
    return text.getvalue()
