"""From answers to exceptions."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tombola import errors
from tombola.results import Problem

if TYPE_CHECKING:
    import httpx

_BY_STATUS: dict[int, type[errors.ApiError]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.PayloadTooLarge,
    415: errors.UnsupportedMediaType,
    422: errors.InvalidRequest,
    429: errors.RateLimited,
}
_SERVER_ERROR = 500
_EXCERPT = 200


def api_error(response: httpx.Response) -> errors.ApiError:
    """Return the exception for an answer that is no success; its body has been read."""
    kind = _BY_STATUS.get(response.status_code)
    if kind is None:
        kind = errors.ServerError if response.status_code >= _SERVER_ERROR else errors.ApiError
    return kind(_problem(response), retry_after=_retry_after(response))


def _problem(response: httpx.Response) -> Problem:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        # A proxy or another program answered: say what there is.
        detail = " ".join(response.text.split())[:_EXCERPT] or "(no body)"
        if location := response.headers.get("location"):
            detail = f"it redirects to {location}; give that server as url"
        title = f"{response.request.url} answered {response.status_code} {response.reason_phrase}".rstrip()
        return Problem(title=title, status=response.status_code, detail=detail)
    return problem.model_copy(update={"status": response.status_code})


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds from the Retry-After header, which holds seconds or a date (RFC 9110, section 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
