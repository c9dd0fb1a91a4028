"""Server-sent events of one experiment, followed over broken connections."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import httpx
from httpx_sse import aconnect_sse, connect_sse

from tombola._client.driver import connection_errors, is_answer, refusal
from tombola._client.retry import delay, transient
from tombola.errors import ConnectionFailed, TombolaError, UnexpectedAnswer

if TYPE_CHECKING:
    from httpx_sse import ServerSentEvent

    from tombola._client.driver import AsyncDriver, Driver

#: The server sends a comment every few seconds; a stream that is silent for this long is dead.
STREAM_TIMEOUT = httpx.Timeout(10.0, read=60.0)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an experiment.

    Attributes:
        id: What `events(last_event_id=…)` takes to go on after it; None before the first number.
        type: `status`, `planned`, `progress`, `decided`, `shard_failed` or `end`; newer servers may send
            more.
        data: The event's JSON.
    """

    id: int | None
    type: str
    data: Any


class EventCursor:
    """Remembers how far a stream was read, and how often it broke since the last event."""

    def __init__(self, last_id: int | None, max_retries: int) -> None:
        self._last_id = None if last_id is None else str(last_id)
        self._max_retries = max_retries
        self._failures = 0
        self._server_delay = 0.0
        self.ended = False

    def headers(self) -> dict[str, str]:
        """Return the headers of the next connection."""
        return {} if self._last_id is None else {"Last-Event-ID": self._last_id}

    def read(self, event: ServerSentEvent) -> Event | None:
        """Take note of an event and return it; None for a block without data, which the standard drops.

        Raises:
            UnexpectedAnswer: Its data is not JSON.
        """
        self._failures = 0
        if event.id:
            self._last_id = event.id
        if event.retry is not None:
            self._server_delay = event.retry / 1000
        if not event.data:
            return None
        self.ended = event.event == "end"
        try:
            data = json.loads(event.data)
        except ValueError as error:
            raise UnexpectedAnswer(f"the event {event.event!r} holds no JSON: {event.data[:80]!r}") from error
        number = self._last_id if self._last_id and self._last_id.isdecimal() else None
        return Event(None if number is None else int(number), event.event, data)

    def broken(self, error: TombolaError) -> float:
        """Return the seconds to sleep before connecting again.

        Raises:
            TombolaError: The error itself, where trying again cannot help or was tried enough.
        """
        if not transient(error) or self._failures >= self._max_retries:
            raise error
        self._failures += 1
        return max(self._server_delay, delay(self._failures, error))


def follow(driver: Driver, path: str, last_id: int | None) -> Iterator[Event]:
    """Yield events until `end`, connecting again where the stream breaks."""
    cursor = EventCursor(last_id, driver.settings.max_retries)
    while True:
        try:
            with (
                connection_errors(driver.settings.url),
                connect_sse(
                    driver.http, "GET", path, headers=cursor.headers(), timeout=STREAM_TIMEOUT
                ) as source,
            ):
                if not is_answer(source.response, "text/event-stream"):
                    source.response.read()
                    raise refusal(source.response)
                for block in source.iter_sse():
                    event = cursor.read(block)
                    if event is not None:
                        yield event
                    if cursor.ended:
                        return
            raise _closed()
        except TombolaError as error:
            time.sleep(cursor.broken(error))


async def follow_async(driver: AsyncDriver, path: str, last_id: int | None) -> AsyncIterator[Event]:
    """Yield events until `end`, connecting again where the stream breaks."""
    cursor = EventCursor(last_id, driver.settings.max_retries)
    while True:
        try:
            with connection_errors(driver.settings.url):
                async with aconnect_sse(
                    driver.http, "GET", path, headers=cursor.headers(), timeout=STREAM_TIMEOUT
                ) as source:
                    if not is_answer(source.response, "text/event-stream"):
                        await source.response.aread()
                        raise refusal(source.response)
                    async for block in source.aiter_sse():
                        event = cursor.read(block)
                        if event is not None:
                            yield event
                        if cursor.ended:
                            return
            raise _closed()
        except TombolaError as error:
            await anyio.sleep(cursor.broken(error))


def _closed() -> ConnectionFailed:
    return ConnectionFailed("the server closed the stream of events before its end", sent=True)
