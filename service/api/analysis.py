"""What the runs of experiments say about time."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from service.api import conditional, documents, examples
from service.api.parameters import AskedConfidence, ExperimentId
from service.api.routes import guarded_router
from service.api.state import ReadSession
from service.lab.times import times
from tombola.results import Times

router = guarded_router("/v1/experiments/{experiment_id}", "results")

_MOST = 20
_SHOWN = 64
_SHARE = "0[.][0-9]{0,9}[1-9][0-9]{0,9}"
_SHARES = f"{_SHARE}(,{_SHARE}){{0,{_MOST - 1}}}"


def _known_shares(text: str) -> str:
    if re.fullmatch(_SHARES, text) is None:
        raise PydanticCustomError(
            "shares",
            "must be 1 to {most} numbers above 0 and below 1, such as 0.25,0.5, not {given}",
            {"most": _MOST, "given": repr(text)[:_SHOWN]},
        )
    return text


Shares = Annotated[
    str,
    AfterValidator(_known_shares),
    Query(
        description="Shares of a cell's runs whose success is to be timed, with commas between.",
        json_schema_extra={"pattern": f"^{_SHARES}$", "example": "0.1,0.5,0.9"},
    ),
]


@router.get(
    "/times",
    response_model=Times,
    responses={
        **documents.ok(examples.TIMES, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404),
    },
)
def get_times(
    request: Request,
    experiment_id: ExperimentId,
    session: ReadSession,
    confidence: AskedConfidence,
    quantiles: Shares = "0.25,0.5,0.75",
) -> Response:
    """Read how long the runs of every cell take, in steps, floating-point operations and seconds.

    Steps to success are censored data: a run without success counts as one that never succeeds, so a quantile
    that the successes do not reach is null.
    """
    shares = [float(part) for part in quantiles.split(",")]
    return conditional.json_answer(request, times(session, experiment_id, shares, confidence))
