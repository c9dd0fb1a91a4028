"""What can go wrong, one class per kind; all are `TombolaError`.

TombolaError
├── InvalidSpec           a spec that is wrong before it is sent
├── ConnectionFailed      no answer
├── UnexpectedAnswer      an answer that is not Tombola's
├── ApiError              an answer that says no, as problem+json
│   ├── BadRequest (400), Unauthorized (401), Forbidden (403), NotFound (404), Conflict (409),
│   ├── PayloadTooLarge (413), UnsupportedMediaType (415), InvalidRequest (422), RateLimited (429)
│   └── ServerError (5xx)
├── ExperimentFailed, ExperimentCancelled
└── WaitTimeout
"""

# ruff: noqa: N818  # they read as what happened: `except NotFound`, `except ExperimentFailed`

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tombola.results import Experiment, Problem, ProblemPart

__all__ = [
    "ApiError",
    "BadRequest",
    "Conflict",
    "ConnectionFailed",
    "ExperimentCancelled",
    "ExperimentFailed",
    "Forbidden",
    "InvalidRequest",
    "InvalidSpec",
    "NotFound",
    "PayloadTooLarge",
    "RateLimited",
    "ServerError",
    "TombolaError",
    "Unauthorized",
    "UnexpectedAnswer",
    "UnsupportedMediaType",
    "WaitTimeout",
]


class TombolaError(Exception):
    """Anything that Tombola's client raises on purpose; `str` of it is one or a few readable lines."""

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are pickled as a call with `args`, which hold the text only here.
        return _restore, (type(self), self.args), self.__dict__


class InvalidSpec(TombolaError, ValueError):
    """The spec is wrong; nothing was sent.

    Attributes:
        errors: What is wrong, each with the JSON pointer of its field.
    """

    def __init__(self, errors: Sequence[ProblemPart]) -> None:
        self.errors = list(errors)
        super().__init__("\n".join(["the spec is not valid", *_lines(self.errors)]))


class ConnectionFailed(TombolaError):
    """No (whole) answer came: the server is away, the network is broken, or it took too long.

    Attributes:
        sent: Whether the request may have reached the server.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(message)


class UnexpectedAnswer(TombolaError):
    """The answer cannot be read as Tombola's: another program listens there, or a proxy spoke."""


class ApiError(TombolaError):
    """The server refused.

    Attributes:
        problem: The answer, as RFC 9457 has it.
        status: HTTP status code.
        errors: The single things wrong with the request, where the server named them.
        retry_after: Seconds the server asked to wait before the next try, or None.
    """

    #: Said after the server's own words, where the user can do something about it.
    advice: ClassVar[str] = ""

    def __init__(self, problem: Problem, *, retry_after: float | None = None) -> None:
        self.problem = problem
        self.retry_after = retry_after
        title, detail = problem.title.rstrip("."), problem.detail
        first = detail if detail.lower().startswith(title.lower()) else f"{title}: {detail}"
        further = [part for part in problem.errors if part.detail != detail]
        super().__init__("\n".join([first + self.advice, *_lines(further)]))

    @property
    def status(self) -> int:
        """HTTP status code."""
        return self.problem.status

    @property
    def errors(self) -> list[ProblemPart]:
        """The single things wrong with the request."""
        return self.problem.errors


class BadRequest(ApiError):
    """400: the server could not read the request."""


class Unauthorized(ApiError):
    """401: no valid API key."""

    advice = " (give api_key, or set TOMBOLA_API_KEY)"


class Forbidden(ApiError):
    """403: the API key does not allow this."""


class NotFound(ApiError):
    """404: there is no such thing."""


class Conflict(ApiError):
    """409: not in the state that it is in, or the idempotency key went with another spec."""


class PayloadTooLarge(ApiError):
    """413: the spec is larger than the server takes."""


class UnsupportedMediaType(ApiError):
    """415: the body or the wanted answer is of a type that the server does not know."""


class InvalidRequest(ApiError):
    """422: the server read the request, and fields of it are wrong; see `errors`."""


class RateLimited(ApiError):
    """429: too many requests; `retry_after` says when the next may come."""


class ServerError(ApiError):
    """5xx: the server failed, or is starting or stopping."""


class ExperimentFailed(TombolaError):
    """The experiment that was waited for failed; its finished runs stay readable.

    Attributes:
        experiment: Its last state.
        reason: Why it failed, in the server's words, or None.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.reason = experiment.reason
        super().__init__(f"experiment {experiment.id} failed: {experiment.reason or 'no reason was given'}")


class ExperimentCancelled(TombolaError):
    """The experiment that was waited for was cancelled; its finished runs stay readable.

    Attributes:
        experiment: Its last state.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        done, total = experiment.progress.runs_done, experiment.progress.runs_total
        super().__init__(f"experiment {experiment.id} was cancelled after {done} of {total} runs")


class WaitTimeout(TombolaError):
    """`wait(timeout=…)` ran out of time; the experiment goes on.

    Attributes:
        experiment: Its last known state.
        timeout: Seconds that were waited.
    """

    def __init__(self, experiment: Experiment, timeout: float) -> None:
        self.experiment = experiment
        self.timeout = timeout
        then = "resume it to let it go on" if experiment.status == "paused" else "it goes on"
        super().__init__(
            f"experiment {experiment.id} is still {experiment.status} after {timeout:g} s; {then}"
        )


def _lines(parts: Sequence[ProblemPart]) -> list[str]:
    return [f"  {part.pointer or part.parameter or '(body)'}: {part.detail}" for part in parts]


def _restore(kind: type[TombolaError], args: tuple[object, ...]) -> TombolaError:
    return kind.__new__(kind, *args)
