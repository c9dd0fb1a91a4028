"""Which media type to answer with, by the Accept header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from fastapi import Request

from service.api.problems import ProblemError

Name = TypeVar("Name", bound=str)


def best(accept: str | None, offered: Sequence[str]) -> str | None:
    """Return the media type that a client likes best; where it likes several equally, the first one offered.

    Args:
        accept: The header; None or empty admits everything.
        offered: What there is.

    Returns:
        One of `offered`, or None if the client wants none of them.
    """
    if not accept or not accept.strip():
        return offered[0]
    wanted = [_parse(part) for part in accept.split(",") if part.strip()]
    quality = {media_type: _quality(media_type, wanted) for media_type in offered}
    favourite = max(offered, key=lambda media_type: quality[media_type])
    return favourite if quality[favourite] > 0 else None


def chosen(request: Request, name: Name | None, offered: Mapping[Name, str], what: str) -> Name:
    """Return the name of the format to answer in: what `?format=` says, else what Accept likes best.

    Args:
        request: The request.
        name: What `?format=` says; None leaves it to the header.
        offered: Media types by the name that `?format=` has for them.
        what: What is offered, for the refusal.

    Raises:
        ProblemError: 406, the header admits none of them.
    """
    if name is not None:
        return name
    accept = request.headers.get("accept")
    media_type = best(accept, tuple(offered.values()))
    for found, one in offered.items():
        if one == media_type:
            return found
    *others, last = offered.values()
    raise ProblemError(406, f"{what} comes as {', '.join(others)} or {last}, and Accept is {accept!r}")


def _parse(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return media_range, quality if 0.0 <= quality <= 1.0 else 0.0


def _quality(media_type: str, wanted: Sequence[tuple[str, float]]) -> float:
    """Return the quality of the most specific range that has the type."""
    for media_range in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        qualities = [quality for given, quality in wanted if given == media_range]
        if qualities:
            return max(qualities)
    return 0.0
