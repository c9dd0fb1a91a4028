"""What OpenAPI says of answers beyond their schemas: examples, headers, and every way to say no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from service.api.problems import MEDIA_TYPE, title_of
from tombola.results import BundledImport, OpenmlImport, OpenmlSuiteImport, Problem

Responses = dict[int | str, dict[str, Any]]
_REF = "#/components/schemas/{model}"
_WHY = {
    400: "The body is not JSON.",
    401: "An API key is needed.",
    404: "There is no such thing.",
    406: "Accept admits nothing that there is.",
    409: "It is not in a state in which this can be done.",
    413: "The body is too large.",
    415: "The body is not sent as plain JSON.",
    422: "Fields or parameters are wrong; each is named.",
    500: "The server made an error; its log has it under the id in `instance`.",
    503: "The database is away; `Retry-After` says when to try again.",
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    503: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
}
ETAG = {"ETag": {"schema": {"type": "string"}, "description": "Send it back as If-None-Match."}}
TAGS = [
    {"name": "experiments", "description": "Submit experiments and steer them."},
    {"name": "results", "description": "Success tables, frontiers, runs, curves and pictures."},
    {"name": "data sets", "description": "Tables with a class to learn: bring, fetch and look at them."},
    {"name": "presets", "description": "Ready experiments."},
    {"name": "fleet", "description": "The workers and this server."},
    {"name": "health", "description": "For load balancers and Prometheus."},
]


def problems(*statuses: int) -> Responses:
    """Return the documents of errors: these, and those that every call may answer with."""
    return {status: _problem(status) for status in sorted({*statuses, 401, 422, 500, 503})}


def open_problems() -> Responses:
    """Return the documents of errors of calls that need no key."""
    return {status: _problem(status) for status in (422, 500)}


def ok(
    example: Any,  # noqa: ANN401  # any JSON value
    *,
    status: int = 200,
    description: str = "Success.",
    media_type: str = "application/json",
    headers: Mapping[str, Any] | None = None,
) -> Responses:
    """Return the document of a success, with an example."""
    document: dict[str, Any] = {
        "description": description,
        "content": {media_type: {"examples": {"typical": {"value": example}}}},
    }
    return {status: document | ({"headers": dict(headers)} if headers else {})}


def not_modified() -> Responses:
    """Return the document of a 304."""
    return {304: {"description": "What If-None-Match names still holds; without a body.", "headers": ETAG}}


def operation_id(route: APIRoute) -> str:
    """Return the endpoint's name: short, and unique by being the name of a function here."""
    return route.name


def union(models: TypeAdapter[Any]) -> dict[str, Any]:
    """Return the schema of a union of models, which `install` knows."""
    schema = models.json_schema(ref_template=_REF)
    del schema["$defs"]
    return schema


def install(app: FastAPI) -> None:
    """Make an application's OpenAPI document say what its answers are."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=TAGS,
                separate_input_output_schemas=False,
            )
            models = (Problem, OpenmlImport, OpenmlSuiteImport, BundledImport)  # FastAPI sees no use of them
            _, definitions = models_json_schema(
                [(model, "validation") for model in models], ref_template=_REF
            )
            document["components"]["schemas"] |= definitions["$defs"]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _problem(status: int) -> dict[str, Any]:
    example: dict[str, Any] = {"type": "about:blank", "title": title_of(status), "status": status}
    example["detail"] = _WHY[status]
    if status == 422:  # noqa: PLR2004  # as in the table above
        example["errors"] = [
            {"pointer": "/grid/width/1", "detail": "must be greater than or equal to 1, not 0"}
        ]
    return {
        "description": _WHY[status],
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(model="Problem")},
                "examples": {"typical": {"value": example}},
            }
        },
        **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
    }
