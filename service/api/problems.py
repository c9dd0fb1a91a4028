"""Errors as RFC 9457 problem documents: the only form in which this API says no."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import compile_path

from service.api.invalid import parts_of
from service.lab.errors import (
    BadSpec,
    BadTable,
    DatasetInUse,
    DatasetNameTaken,
    IdempotencyConflict,
    IllegalTransition,
    NoImportance,
    NoRunsYet,
    TableTooLarge,
    UnknownDataset,
    UnknownExperiment,
    UnknownImport,
    UnknownValue,
    WrongKind,
)
from tombola.results import Problem, ProblemPart

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
_NOT_FOUND, _METHOD_NOT_ALLOWED, _CONFLICT, _TOO_LARGE, _INVALID, _AWAY = 404, 405, 409, 413, 422, 503
#: RFC 9110 has newer names than Python 3.11.
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
_SHOWN = 200

_log = logging.getLogger(__name__)


class ProblemError(HTTPException):
    """An answer that says no; raised anywhere below a route.

    Attributes:
        errors: What is wrong, part by part.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[ProblemPart] = (),
    ) -> None:
        """Say no with a status code and a text for the user."""
        super().__init__(status, detail, headers=dict(headers or {}))
        self.errors = list(errors)


def title_of(status: int) -> str:
    """Return the name of a status code."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def answer(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[ProblemPart] = (),
    instance: str | None = None,
) -> Response:
    """Return a problem document."""
    problem = Problem(
        title=title_of(status),
        status=status,
        detail=_speakable(detail),
        instance=instance,
        errors=[
            part.model_copy(
                update={
                    "pointer": None if part.pointer is None else _speakable(part.pointer),
                    "detail": _speakable(part.detail),
                }
            )
            for part in errors
        ],
    )
    content = problem.model_dump_json(exclude_none=True, exclude=None if errors else {"errors"})
    return Response(content, status, dict(headers or {}), MEDIA_TYPE)


def unavailable(error: Exception) -> Response:
    """Return the answer while the database is away."""
    _log.warning("answered 503, the database is not available: %s", error)
    detail = "the database is not available now; try again in a few seconds (/readyz says what is missing)"
    return answer(_AWAY, detail, headers={"Retry-After": str(RETRY_SECONDS)})


def install(app: FastAPI) -> None:
    """Make an application answer every error with a problem document."""
    app.add_exception_handler(StarletteHTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for unknown in (UnknownExperiment, UnknownDataset, UnknownImport):
        app.add_exception_handler(unknown, _on_unknown)
    app.add_exception_handler(BadSpec, _on_bad_spec)
    app.add_exception_handler(BadTable, _on_bad_table)
    app.add_exception_handler(TableTooLarge, _on_too_large)
    app.add_exception_handler(UnknownValue, _on_unknown_value)
    for conflict in (
        IllegalTransition,
        IdempotencyConflict,
        DatasetInUse,
        DatasetNameTaken,
        WrongKind,
        NoImportance,
        NoRunsYet,
    ):
        app.add_exception_handler(conflict, _on_conflict)
    for away in (OperationalError, InterfaceError, PoolTimeout):
        app.add_exception_handler(away, _on_away)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101  # registered for it
    headers = dict(error.headers or {})
    if isinstance(error, ProblemError):
        return answer(error.status_code, error.detail, headers=headers, errors=error.errors)
    path = repr(request.url.path)[:_SHOWN]
    detail = error.detail
    if error.status_code == _NOT_FOUND:
        detail = f"there is nothing at {path}; /docs lists what there is"
    elif error.status_code == _METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed = _allowed(request, headers.get("Allow", ""))
        detail = f"{request.method[:_SHOWN]} is not possible at {path}; possible: {allowed}"
    return answer(error.status_code, detail, headers=headers)


def _allowed(request: Request, matched: str) -> str:
    """Return all methods of a path; Starlette names those of the first route that has the path only."""
    methods = {method for method in matched.split(", ") if method}
    for path, operations in request.app.openapi()["paths"].items():
        if compile_path(path)[0].match(request.url.path):
            methods.update(method.upper() for method in operations)
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


async def _on_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it
    return _invalid(parts_of(error))


async def _on_bad_spec(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BadSpec)  # noqa: S101  # as above
    return _invalid(error.parts)


def _invalid(parts: Sequence[ProblemPart]) -> Response:
    count = "1 part" if len(parts) == 1 else f"{len(parts)} parts"
    detail = f"{count} of the request {'is' if len(parts) == 1 else 'are'} wrong; see `errors`"
    return answer(_INVALID, detail, errors=parts)


async def _on_unknown(_request: Request, error: Exception) -> Response:
    return answer(_NOT_FOUND, str(error))


async def _on_unknown_value(_request: Request, error: Exception) -> Response:
    assert isinstance(error, UnknownValue)  # noqa: S101  # registered for it
    part = ProblemPart(parameter=error.parameter, detail=str(error))
    return answer(_INVALID, str(error), errors=[part])


async def _on_conflict(_request: Request, error: Exception) -> Response:
    return answer(_CONFLICT, str(error))


async def _on_bad_table(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BadTable)  # noqa: S101  # registered for it
    part = ProblemPart(parameter=error.parameter, column=error.column, row=error.row, detail=str(error))
    return answer(_INVALID, "the table cannot be used; see `errors`", errors=[part])


async def _on_too_large(_request: Request, error: Exception) -> Response:
    return answer(_TOO_LARGE, str(error))


async def _on_away(_request: Request, error: Exception) -> Response:
    return unavailable(error)


def _speakable(text: str) -> str:
    """Return the text without what UTF-8 cannot say (lone surrogates)."""
    return text.encode("utf-8", "replace").decode()
