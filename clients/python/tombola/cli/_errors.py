"""From exceptions to one line and an exit code."""

from __future__ import annotations

from typing import NamedTuple

import typer

FAILED = 1
BAD_REQUEST = 2
INTERRUPTED = 130
_SERVER_ERROR = 500


class Explanation(NamedTuple):
    """What a failed command prints on standard error, and its exit code."""

    message: str
    exit_code: int


def explain(error: Exception) -> Explanation | None:
    """Return what to tell the user, or None for a defect, whose traceback should be seen."""
    if isinstance(error, typer.TyperException):
        return _usage(error)
    from tombola import errors  # noqa: PLC0415  # costs nothing where nothing fails

    if isinstance(error, errors.InvalidSpec):
        return Explanation(str(error), BAD_REQUEST)
    if isinstance(error, errors.ApiError):
        return Explanation(str(error), FAILED if error.status >= _SERVER_ERROR else BAD_REQUEST)
    if isinstance(error, errors.TombolaError):
        return Explanation(str(error), FAILED)
    return None


def _usage(error: typer.TyperException) -> Explanation:
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    if context is not None and message:
        message += f" (see `{context.command_path} --help`)"
    return Explanation(message, error.exit_code)
