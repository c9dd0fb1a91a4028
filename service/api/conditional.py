"""Conditional answers: a strong ETag of the body, and 304 for those who have it already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple, Self

from fastapi import Request, Response
from pydantic import BaseModel

_NOT_MODIFIED = 304
#: Of what a browser shows by itself. It has names in it that users gave; nothing of it may run or be fetched.
PASSIVE = {"Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'"}


class Body(NamedTuple):
    """What is sent, and its ETag."""

    content: bytes
    etag: str

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return a body with the ETag of its content."""
        return cls(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def json_answer(
    request: Request, model: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a model as JSON, with its ETag."""
    content = model.model_dump_json().encode()
    return answer(request, content, "application/json", status=status, headers=headers)


def answer(
    request: Request,
    content: bytes,
    media_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return content with its ETag; see `respond`."""
    return respond(request, Body.of(content), media_type, status=status, headers=headers)


def respond(
    request: Request,
    body: Body,
    media_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a body with its ETag, or 304 without a body where a GET's If-None-Match names that ETag."""
    unchanged = not_modified(request, body.etag, headers)
    if unchanged is not None:
        return unchanged
    return Response(body.content, status, tagged(body.etag, headers), media_type)


def not_modified(request: Request, etag: str, headers: Mapping[str, str] | None = None) -> Response | None:
    """Return 304 where a GET's If-None-Match names the ETag, else None."""
    if request.method == "GET" and _names(request.headers.getlist("if-none-match"), etag):
        return Response(status_code=_NOT_MODIFIED, headers=tagged(etag, headers))
    return None


def tagged(etag: str, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the headers of an answer with this ETag."""
    # Browsers and proxies may keep it, and must ask each time whether it still holds.
    return {"ETag": etag, "Cache-Control": "private, no-cache", **(headers or {})}


def _names(given: list[str], etag: str) -> bool:
    """Compare weakly (RFC 9110, section 13.1.2): W/ in front of a tag is overlooked."""
    tags = [tag.strip().removeprefix("W/") for line in given for tag in line.split(",")]
    return etag in tags or tags == ["*"]
