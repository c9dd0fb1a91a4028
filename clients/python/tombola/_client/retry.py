"""When a call is sent again, and how long to wait before."""

from __future__ import annotations

import random
from typing import Any

from tenacity import RetryCallState, retry_if_exception, stop_after_attempt

from tombola.errors import ApiError, ConnectionFailed

_FIRST_SECONDS = 0.25
_MOST_SECONDS = 8.0
#: A server that wants a longer pause than this gets its error shown instead.
_LONGEST_RETRY_AFTER = 60.0
_TRANSIENT = frozenset({429, 502, 503, 504})


def transient(error: BaseException | None) -> bool:
    """Whether the same request may well succeed a little later."""
    if isinstance(error, ApiError):
        return error.status in _TRANSIENT and (error.retry_after or 0) <= _LONGEST_RETRY_AFTER
    return isinstance(error, ConnectionFailed)


def delay(attempt: int, error: BaseException | None = None) -> float:
    """Return the seconds to wait after the given attempt (from 1) failed.

    Exponential with jitter between half and all of it, so that clients that failed together do not come
    back together; never sooner than the server's Retry-After.
    """
    longest = min(_MOST_SECONDS, _FIRST_SECONDS * 2 ** min(attempt, 16))
    asked = error.retry_after if isinstance(error, ApiError) else None
    return max(random.uniform(longest / 2, longest), asked or 0.0)  # noqa: S311  # jitter, no secret


def policy(max_retries: int, *, repeatable: bool) -> dict[str, Any]:
    """Return tenacity's settings for one call.

    Args:
        max_retries: Times to send again after the first.
        repeatable: Whether it may be sent again when the first may have arrived.
    """

    def again(error: BaseException) -> bool:
        never_sent = isinstance(error, ConnectionFailed) and not error.sent
        return never_sent or (repeatable and transient(error))

    def wait(state: RetryCallState) -> float:
        return delay(state.attempt_number, state.outcome.exception() if state.outcome else None)

    stop = stop_after_attempt(max_retries + 1)
    return {"retry": retry_if_exception(again), "wait": wait, "stop": stop, "reraise": True}
