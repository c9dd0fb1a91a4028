"""Experiments that the server proposes: a comparison on one table, within a time."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response

from service.api import comparison_examples, conditional, documents
from service.api.datasets import DatasetKey
from service.api.routes import guarded_router
from service.api.state import ReadSession
from service.lab.tabular import planning
from tombola.results import ComparisonPlan

router = guarded_router("/v1/datasets", "data sets")


@router.get(
    "/{dataset}/plan",
    response_model=ComparisonPlan,
    responses={
        **documents.ok(comparison_examples.PLAN, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404),
    },
)
def get_comparison_plan(
    request: Request,
    dataset: DatasetKey,
    session: ReadSession,
    *,
    minutes: Annotated[
        float, Query(gt=0, le=100_000, description="Of wall time, on the present workers.")
    ] = 5,
    encoding: Annotated[
        planning.Encoding, Query(description="Of categorical columns: a feature for each category, or one.")
    ] = "one-hot",
) -> Response:
    """Plan a comparison of networks and forests on this table that fits into so many minutes.

    Every model has as many hyperparameter settings as the networks, and the same splits and sizes. The
    `spec` of the answer is what to submit.
    """
    return conditional.json_answer(request, planning.plan(session, dataset, minutes, encoding))
