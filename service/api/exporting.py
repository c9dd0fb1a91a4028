"""Answers that come as JSON or as a file: which one is wanted, and files as streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Session

from service.api import documents, negotiation
from service.api.encoding import Columns, Format, encode
from service.api.problems import ProblemError
from service.api.results import Results
from service.lab.exports import Page
from tombola.results import ProblemPart

Made = TypeVar("Made", bound=BaseModel)
AnyFormat = Literal["json", "csv", "parquet", "arrow"]
MEDIA_TYPES: dict[AnyFormat, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
#: Arrow's own: `.arrow` is for files of its IPC format, which a stream is not.
_SUFFIXES: dict[Format, str] = {"csv": "csv", "parquet": "parquet", "arrow": "arrows"}
AskedFormat = Annotated[
    AnyFormat | SkipJsonSchema[None],
    Query(alias="format", description="Goes before the Accept header."),
]
VARY = {"Vary": "Accept"}
_PAGING = ("limit", "cursor")
_TYPES = {
    "integer": "int64",
    "number": "float64",
    "text": "string",
    "label": "dictionary of strings",
    "time": "timestamp[us, UTC]",
}


def wanted(request: Request, asked: AnyFormat | None) -> AnyFormat:
    """Return the format of an answer: the one asked for, or by the Accept header.

    Raises:
        ProblemError: 406, Accept admits none of the media types; 422, a file was asked for page by page.
    """
    found = negotiation.chosen(request, asked, MEDIA_TYPES, "this")
    paged = [name for name in _PAGING if name in request.query_params] if found != "json" else []
    if paged:
        detail = f"goes with pages of JSON only: a {found} file has all rows; leave it out"
        raise ProblemError(
            422,
            "a file is not paged; see `errors`",
            errors=[ProblemPart(parameter=name, detail=detail) for name in paged],
        )
    return found


def stream(
    request: Request, file_format: Format, name: str, columns: Columns, pages: Iterable[Page]
) -> Response:
    """Return a file that is sent while its pages are read; an error breaks the transfer off.

    Args:
        request: Whose answer it is.
        file_format: Of the file.
        name: Of the file, without its suffix.
        columns: Of the pages.
        pages: Read in a thread, one when the one before was sent.
    """
    # To nobody who listens nothing is read.
    body = () if request.scope.get("tombola.method") == "HEAD" else encode(file_format, columns, pages)
    return StreamingResponse(body, headers=headers(file_format, name), media_type=MEDIA_TYPES[file_format])


def kept(  # noqa: PLR0913, PLR0917  # whose answer it is, in which format, and how it is made
    results: Results,
    wanted: AnyFormat,
    what: str,
    columns: Columns,
    make: Callable[[Session, str], Made],
    page: Callable[[Made], Page],
) -> Response:
    """Return an answer that is made once, as JSON or as a file of one page.

    Args:
        results: Those of the experiment that is asked for.
        wanted: The format.
        what: What it is; a file's name begins with the experiment's id.
        columns: Of the page.
        make: Makes the answer from a session and the experiment's id.
        page: Makes columns of it.
    """

    def made(session: Session, experiment_id: str) -> BaseModel | bytes:
        found = make(session, experiment_id)
        return found if wanted == "json" else b"".join(encode(wanted, columns, [page(found)]))

    name = f"{results.experiment_id}-{what}"
    return results.answer(made, media_type=MEDIA_TYPES[wanted], headers=headers(wanted, name))


def headers(file_format: AnyFormat, name: str) -> dict[str, str]:
    """Return the headers of an answer in a format: a file has a name, given without its suffix."""
    if file_format == "json":
        return VARY
    return {**VARY, "Content-Disposition": f'attachment; filename="{name}.{_SUFFIXES[file_format]}"'}


def documented(
    description: str,
    columns: Columns,
    example: Any,  # noqa: ANN401  # any JSON value
    csv_example: str,
    *,
    headers: dict[str, Any] | None = None,
) -> documents.Responses:
    """Return the document of a success that comes in every format.

    Args:
        description: What comes.
        columns: Of the files.
        example: Of the JSON.
        csv_example: Of the CSV.
        headers: What OpenAPI says of further headers.
    """
    listed = ", ".join(
        f"{name} {_TYPES[kind]}{' or null' if nullable else ''}" for name, kind, nullable in columns
    )
    content: dict[str, Any] = {
        MEDIA_TYPES["json"]: {"examples": {"typical": {"value": example}}},
        MEDIA_TYPES["csv"]: {
            "schema": {"type": "string", "description": "RFC 4180 with a header; null is empty."},
            "examples": {"typical": {"value": csv_example}},
        },
    }
    binary = {"schema": {"type": "string", "format": "binary"}}
    content |= {MEDIA_TYPES["parquet"]: binary, MEDIA_TYPES["arrow"]: binary}
    disposition = {"schema": {"type": "string"}, "description": "Of a file: its name."}
    return {
        200: {
            "description": f"{description} Columns of a file: {listed}.",
            "headers": {"Content-Disposition": disposition, **(headers or {})},
            "content": content,
        }
    }
