"""Success tables and frontiers of experiments."""

from __future__ import annotations

from typing import Annotated, cast, get_args

from fastapi import Query, Request, Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Session

from service.api import documents, examples, exporting
from service.api.parameters import AskedConfidence, list_of
from service.api.results import AskedResults
from service.api.routes import guarded_router
from service.lab import answers
from service.lab.exports import TABLE, table_page
from service.lab.frontiers import frontier
from tombola.results import Frontier, Objective, SuccessTable

router = guarded_router("/v1/experiments/{experiment_id}", "results")

Probability = Annotated[float, Query(gt=0, le=1, description="Success probability to reach.")]
_NAMES = "|".join(get_args(Objective))
_LIST = f"({_NAMES})(,({_NAMES})){{0,{len(get_args(Objective)) - 1}}}"
Objectives = Annotated[
    str,
    list_of(_LIST, f"some of {', '.join(get_args(Objective))} with commas between, such as width,samples"),
    Query(
        description="What is minimised, with commas between. `probability` is maximised; `sparsity` is a "
        "label: only cells with the same one are compared; `steps` and `flops` are medians to success, "
        "`cost` the expected floating-point operations to a first success.",
        json_schema_extra={"pattern": f"^{_LIST}$", "example": "width,samples,cost"},
    ),
]


@router.get(
    "/success-table",
    response_model=SuccessTable,
    responses={
        **exporting.documented(
            "One row for each cell. In a file an interval is the columns low, high, level and method.",
            TABLE,
            examples.SUCCESS_TABLE,
            examples.SUCCESS_TABLE_CSV,
            headers=documents.ETAG,
        ),
        **documents.not_modified(),
        **documents.problems(404, 406, 409),
    },
)
def get_success_table(
    request: Request,
    results: AskedResults,
    confidence: AskedConfidence,
    *,
    file_format: exporting.AskedFormat = None,
) -> Response:
    """Read success counts and probabilities of every cell, as JSON, CSV, Parquet or a stream of Arrow."""
    wanted = exporting.wanted(request, file_format)

    def make(session: Session, experiment_id: str) -> SuccessTable:
        return answers.success_table(session, experiment_id, confidence)

    return exporting.kept(results, wanted, "success-table", TABLE, make, table_page)


@router.get(
    "/frontier",
    response_model=Frontier,
    responses={
        **documents.ok(examples.FRONTIER, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404, 409),
    },
)
def get_frontier(
    results: AskedResults,
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
    return results.answer(
        lambda session, experiment_id: frontier(session, experiment_id, probability, names, confidence)
    )
