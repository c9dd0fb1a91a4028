"""What the runs of experiments say about time and luck, and how little suffices."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from service.api import documents, examples
from service.api.parameters import AskedConfidence, list_of
from service.api.results import AskedResults
from service.api.routes import guarded_router
from service.lab.frontiers import thresholds
from service.lab.luck import luck
from service.lab.times import times
from tombola.results import Luck, Thresholds, Times
from tombola.spec import MAX_WIDTH

router = guarded_router("/v1/experiments/{experiment_id}", "results")

_MOST = 20
_SHARE = "0[.][0-9]{0,9}[1-9][0-9]{0,9}"
_SHARES = f"{_SHARE}(,{_SHARE}){{0,{_MOST - 1}}}"
_COUNT = "[1-9][0-9]{0,5}"
_COUNTS = f"{_COUNT}(,{_COUNT}){{0,{_MOST - 1}}}"
Counts = Annotated[
    str,
    list_of(_COUNTS, f"1 to {_MOST} whole numbers from 1 to 999999, such as 1,2,4"),
    Query(
        description="Numbers of restarts of which the best is asked for, with commas between.",
        json_schema_extra={"pattern": f"^{_COUNTS}$", "example": "1,2,4,8"},
    ),
]
Shares = Annotated[
    str,
    list_of(_SHARES, f"1 to {_MOST} numbers above 0 and below 1, such as 0.25,0.5"),
    Query(
        description="Shares of a cell's runs whose success is to be timed, with commas between.",
        json_schema_extra={"pattern": f"^{_SHARES}$", "example": "0.1,0.5,0.9"},
    ),
]
WideWidth = Annotated[
    Annotated[int, Field(ge=1, le=MAX_WIDTH)] | SkipJsonSchema[None],
    Query(description="Width whose runs pay for restarts of narrower ones; the widest by default."),
]


@router.get(
    "/times",
    response_model=Times,
    responses={
        **documents.ok(examples.TIMES, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404, 409),
    },
)
def get_times(
    results: AskedResults,
    confidence: AskedConfidence,
    quantiles: Shares = "0.25,0.5,0.75",
) -> Response:
    """Read how long the runs of every cell take, in steps, floating-point operations and seconds.

    Steps to success are censored data: a run without success counts as one that never succeeds, so a quantile
    that the successes do not reach is null.
    """
    shares = [float(part) for part in quantiles.split(",")]
    return results.answer(lambda session, experiment_id: times(session, experiment_id, shares, confidence))


@router.get(
    "/luck",
    response_model=Luck,
    responses={
        **documents.ok(examples.LUCK, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404, 409),
    },
)
def get_luck(
    results: AskedResults,
    confidence: AskedConfidence,
    probability: Annotated[
        float, Query(gt=0, lt=1, description="What the best of `restarts_to` restarts is to succeed with.")
    ] = 0.9,
    restarts: Counts = "1,2,4,8,16,32",
    width: WideWidth = None,
) -> Response:
    """Read what a first success takes, and whether one wide network beats restarts of narrower ones.

    Costs include those of the failures before the success. At equal FLOPs, one run of a width stands against
    the best of as many runs of each narrower one as its FLOPs pay for.
    """
    counts = [int(part) for part in restarts.split(",")]
    return results.answer(
        lambda session, experiment_id: luck(
            session,
            experiment_id,
            probability=probability,
            restarts=counts,
            width=width,
            asked=confidence,
        )
    )


@router.get(
    "/thresholds",
    response_model=Thresholds,
    responses={
        **documents.ok(examples.THRESHOLDS, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404, 409),
    },
)
def get_thresholds(
    results: AskedResults,
    confidence: AskedConfidence,
    probability: Annotated[float, Query(gt=0, le=1, description="Success probability to reach.")] = 0.9,
) -> Response:
    """Read how little data suffices for each width, and how little width for each amount of data.

    As observed, by a monotone fit that stands beside the counts, and with confidence limits.
    """
    return results.answer(
        lambda session, experiment_id: thresholds(session, experiment_id, probability, confidence)
    )
