"""Server-sent events of experiments: what happened, and what happens as it does."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, NamedTuple

import anyio
from fastapi import Header, Query, Response
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from service.api import documents, examples
from service.api.parameters import ExperimentId
from service.api.routes import guarded_router
from service.api.state import AppState
from service.lab import answers
from service.store import events, experiments
from service.store.database import Database
from tombola.results import ExperimentStatus

router = guarded_router("/v1/experiments/{experiment_id}", "experiments")

_POLL_SECONDS = 1.0
_PING_SECONDS = 15
#: A client that takes nothing for this long is given up.
_SEND_SECONDS = 30.0
#: A stream has this long to close in good order when the server stops.
_GRACE_SECONDS = 2.0
_BATCH = 500
EventNumber = Annotated[int, Field(ge=0, lt=2**31)]

_log = logging.getLogger(__name__)


class _Batch(NamedTuple):
    events: Sequence[ServerSentEvent]
    last: int
    status: str | None  #: None where the experiment was deleted


@router.get(
    "/events",
    response_class=Response,
    responses={
        200: {
            "description": "A stream of `status`, `planned`, `progress`, `decided` and `shard_failed`, "
            "numbered from 1; then, when the experiment has ended, `end`, after which the stream closes.",
            "content": {
                "text/event-stream": {
                    "schema": {
                        "type": "object",
                        "description": "One event; data is JSON.",
                        "properties": {
                            "id": {"type": "string"},
                            "event": {"type": "string"},
                            "data": {"type": "string", "contentMediaType": "application/json"},
                        },
                        "required": ["event", "data"],
                    },
                    "examples": {"typical": {"value": examples.EVENTS}},
                }
            },
        },
        **documents.problems(404),
    },
)
def stream_events(
    experiment_id: ExperimentId,
    state: AppState,
    header: Annotated[
        EventNumber | SkipJsonSchema[None],
        Header(alias="Last-Event-ID", description="Number of the last event that came."),
    ] = None,
    query: Annotated[
        EventNumber | SkipJsonSchema[None],
        Query(alias="last_event_id", description="The same, where no header can be sent."),
    ] = None,
) -> Response:
    """Follow an experiment from its first event on, or from the one after `Last-Event-ID`."""
    # A browser that connects again repeats the query and adds the header, so the header is the newer one.
    last = header if header is not None else query or 0
    with state.database.read() as session:
        answers.known(session, experiment_id)
    stopping = anyio.Event()
    return EventSourceResponse(
        _follow(state.database, experiment_id, last, stopping),
        ping=_PING_SECONDS,
        send_timeout=_SEND_SECONDS,
        shutdown_event=stopping,
        shutdown_grace_period=_GRACE_SECONDS,
    )


async def _follow(
    database: Database, experiment_id: str, last: int, stopping: anyio.Event
) -> AsyncIterator[ServerSentEvent]:
    """Yield events until the experiment has ended, or the server ends."""
    while not stopping.is_set():
        try:
            batch = await run_in_threadpool(_next, database, experiment_id, last)
        except SQLAlchemyError as error:
            # Without an `end` the client connects again, and is told then.
            _log.warning("a stream of events broke off: %s", error)
            return
        for event in batch.events:
            yield event
        last = batch.last
        if batch.status is None:
            return
        if len(batch.events) == _BATCH:
            continue
        if ExperimentStatus(batch.status).finished:
            yield ServerSentEvent(event="end", data=_json({"status": batch.status}))
            return
        with anyio.move_on_after(_POLL_SECONDS):
            await stopping.wait()


def _next(database: Database, experiment_id: str, last: int) -> _Batch:
    with database.read() as session:
        # The status is read first: whatever made it final is then among the events.
        row = experiments.get(session, experiment_id)
        found = events.after(session, experiment_id, last, limit=_BATCH)
        told = [
            ServerSentEvent(id=str(event.number), event=event.type, data=_json(event.data)) for event in found
        ]
        return _Batch(told, found[-1].number if found else last, None if row is None else row.status)


def _json(data: Any) -> str:  # noqa: ANN401  # any JSON value
    return json.dumps(data, separators=(",", ":"))
