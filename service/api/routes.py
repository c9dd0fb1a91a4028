"""The route under every call: who asks, then what is asked, then the body; and the call itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool

from service.api import auth
from service.api.problems import ProblemError
from service.api.state import state_of
from tombola.results import ProblemPart

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class OpenRoute(APIRoute):
    """A route for everybody, without a body. Wrong query parameters are refused, not overlooked."""

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler behind the checks."""
        handle = super().get_route_handler()
        known = _query_names(self.dependant)

        async def checked(request: Request) -> Response:
            _check_query(request, known)
            return await handle(request)

        return checked


class GuardedRoute(OpenRoute):
    """A route for those with a key, where there are keys. Nothing of the body is read before."""

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler behind the checks."""
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def checked(request: Request) -> Response:
            request.state.caller = await run_in_threadpool(_admit, request)
            if takes_body:
                request = _JsonRequest(request.scope, request.receive)
                await _check_body(request)
            return await handle(request)

        return checked


def guarded_router(prefix: str, tag: str) -> APIRouter:
    """Return a router for those with a key."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=GuardedRoute, dependencies=[auth.guarded])


def open_router(tag: str) -> APIRouter:
    """Return a router for everybody."""
    return APIRouter(tags=[tag], route_class=OpenRoute)


class _JsonRequest(Request):
    async def json(self) -> Any:  # noqa: ANN401  # any JSON value
        """Return the body, read more strictly than by the json module: no lone surrogates.

        NaN and Infinity, which JSON has not, are let through to the fields, which say what they take instead.
        """
        return read_json(await self.body())


def read_json(body: bytes) -> Any:  # noqa: ANN401  # any JSON value
    """Return the value of a body of JSON.

    Raises:
        ProblemError: 400, it is none.
    """
    try:
        return from_json(body)
    except ValueError as error:
        raise ProblemError(400, f"the body is not JSON: {error}") from None


def _admit(request: Request) -> str:
    state = state_of(request)
    with state.database.read() as session:
        return state.gate.admit(session, request.headers.get("authorization"))


def _query_names(dependant: Dependant) -> list[str]:
    names = [field.alias for field in dependant.query_params]
    for dependency in dependant.dependencies:
        names.extend(_query_names(dependency))
    return sorted(set(names))


def _check_query(request: Request, known: list[str]) -> None:
    given = Counter(name for name, _ in request.query_params.multi_items())
    takes = f"this call takes {', '.join(known)}" if known else "this call takes none"
    errors = [
        ProblemPart(parameter=name, detail=f"is unknown; {takes}") for name in given if name not in known
    ]
    errors += [
        ProblemPart(parameter=name, detail=f"stands {count} times; give it once")
        for name, count in given.items()
        if name in known and count > 1
    ]
    if errors:
        raise ProblemError(422, "query parameters are wrong; see `errors`", errors=errors)


async def _check_body(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        encoding = request.headers["content-encoding"]
        raise ProblemError(
            415,
            f"the body must be sent as it is, without Content-Encoding, not {encoding!r}",
            headers={"Accept-Encoding": "identity"},
        )
    given = request.headers.get("content-type", "")
    message = Message()
    message["content-type"] = given
    subtype = message.get_content_subtype()
    if message.get_content_maintype() != "application" or not (
        subtype == "json" or subtype.endswith("+json")
    ):
        raise ProblemError(
            415,
            f"the body must be JSON, sent with the header `Content-Type: application/json`, not {given!r}",
            headers={"Accept": "application/json"},
        )
    if not await request.body():
        raise ProblemError(400, "the body is empty; send a JSON object")
