"""Experiments: submit, list, read, steer, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import BackgroundTasks, Body, Header, Query, Request, Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Session

from service.api import conditional, documents, examples, paging
from service.api.auth import Caller
from service.api.parameters import ExperimentId
from service.api.routes import guarded_router
from service.api.state import AppState, ReadSession, WriteSession, state_of
from service.lab import answers
from service.lab.experiments import Lab
from service.store import experiments
from service.store.models import Experiment as Row
from tombola.results import DryRun, Experiment, ExperimentStatus, Page
from tombola.spec import AnySpec

router = guarded_router("/v1/experiments", "experiments")

_REPLAYED = "Idempotency-Replayed"
_ACCEPTED_HEADERS = {
    "Location": {"schema": {"type": "string"}, "description": "Path of the experiment."},
    _REPLAYED: {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "There where the key was used before: this is the experiment of the first time.",
    },
    **documents.ETAG,
}
IdempotencyKey = Annotated[
    Annotated[str, Field(min_length=1, max_length=255, pattern="^[ -~]+$")] | SkipJsonSchema[None],
    Header(
        alias="Idempotency-Key",
        description="Any text of yours, best a UUID: sending the same spec under it again makes no second "
        "experiment.",
    ),
]


@router.post(
    "",
    status_code=202,
    response_model=Experiment,
    responses={
        **documents.ok(examples.EXPERIMENT, status=202, description="Accepted.", headers=_ACCEPTED_HEADERS),
        200: {
            "model": DryRun,
            **documents.ok(examples.DRY_RUN, description="With `dry_run`: valid, and what it costs.")[200],
        },
        **documents.problems(400, 409, 413, 415),
    },
)
def create_experiment(  # noqa: PLR0913, PLR0917  # each is a part of the request
    request: Request,
    spec: Annotated[AnySpec, Body()],
    state: AppState,
    session: WriteSession,
    caller: Caller,
    background: BackgroundTasks,
    *,
    dry_run: Annotated[bool, Query(description="Validate and quote only; nothing is stored.")] = False,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Submit an experiment, or with `dry_run` learn what it would cost."""
    if dry_run:
        with state.database.read() as reading:  # the write session was not used, so it holds nothing
            quote = state.lab.quote(reading, spec)
        return conditional.json_answer(request, DryRun(quote=quote, spec=spec))
    row, new = state.lab.submit(session, spec, idempotency_key=idempotency_key, scope=caller)
    background.add_task(state.ring)
    headers = {"Location": f"{router.prefix}/{row.id}"} | ({} if new else {_REPLAYED: "true"})
    return conditional.json_answer(request, answers.experiment(session, row), status=202, headers=headers)


@router.get(
    "",
    response_model=Page[Experiment],
    responses={
        **documents.ok(examples.EXPERIMENTS, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(),
    },
)
def list_experiments(
    request: Request,
    session: ReadSession,
    status: Annotated[
        ExperimentStatus | SkipJsonSchema[None], Query(description="Experiments in this status only.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Experiments on a page.")] = 50,
    cursor: paging.Cursor = None,
) -> Response:
    """List experiments, newest first."""
    before = paging.experiment_before(cursor)
    rows = experiments.page(
        session, limit=limit + 1, before=before, status=None if status is None else status.value
    )
    shown = rows[:limit]
    more = paging.after_experiment(shown[-1].id) if len(rows) > limit else None
    page = Page[Experiment](items=answers.listing(session, shown), next_cursor=more)
    return conditional.json_answer(request, page)


@router.get(
    "/{experiment_id}",
    response_model=Experiment,
    responses={
        **documents.ok(examples.EXPERIMENT, headers=documents.ETAG),
        **documents.not_modified(),
        **documents.problems(404),
    },
)
def get_experiment(request: Request, experiment_id: ExperimentId, session: ReadSession) -> Response:
    """Read an experiment, its progress and its ETA."""
    row = answers.known(session, experiment_id)
    return conditional.json_answer(request, answers.experiment(session, row))


@router.delete(
    "/{experiment_id}", status_code=204, response_class=Response, responses=documents.problems(404, 409)
)
def delete_experiment(experiment_id: ExperimentId, state: AppState, session: WriteSession) -> None:
    """Forget an experiment that has ended; its runs stay, for others to use."""
    state.lab.delete(session, experiment_id)


_CHANGED: documents.Responses = {
    **documents.ok(examples.EXPERIMENT, description="Done.", headers=documents.ETAG),
    **documents.problems(404, 409),
}


@router.post("/{experiment_id}/cancel", response_model=Experiment, responses=_CHANGED)
def cancel_experiment(
    request: Request, experiment_id: ExperimentId, session: WriteSession, background: BackgroundTasks
) -> Response:
    """End an experiment; its finished runs stay, and others who wait for its runs take them over."""
    return _change(Lab.cancel, request, experiment_id, session, background)


@router.post("/{experiment_id}/pause", response_model=Experiment, responses=_CHANGED)
def pause_experiment(
    request: Request, experiment_id: ExperimentId, session: WriteSession, background: BackgroundTasks
) -> Response:
    """Stop training an experiment until it is resumed; short runs in the middle will start again."""
    return _change(Lab.pause, request, experiment_id, session, background)


@router.post("/{experiment_id}/resume", response_model=Experiment, responses=_CHANGED)
def resume_experiment(
    request: Request, experiment_id: ExperimentId, session: WriteSession, background: BackgroundTasks
) -> Response:
    """Go on with a paused experiment."""
    return _change(Lab.resume, request, experiment_id, session, background)


@router.post("/{experiment_id}/retry", response_model=Experiment, responses=_CHANGED)
def retry_experiment(
    request: Request, experiment_id: ExperimentId, session: WriteSession, background: BackgroundTasks
) -> Response:
    """Train again what a failed or cancelled experiment lacks; its finished runs count."""
    return _change(Lab.retry, request, experiment_id, session, background)


def _change(
    step: Callable[[Lab, Session, str], Row],
    request: Request,
    experiment_id: str,
    session: Session,
    background: BackgroundTasks,
) -> Response:
    state = state_of(request)
    row = step(state.lab, session, experiment_id)
    background.add_task(state.ring)
    return conditional.json_answer(request, answers.experiment(session, row))
