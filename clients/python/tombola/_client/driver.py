"""The two drivers: each sends a call, tries again where that is safe, and reads the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpx
from pydantic import ValidationError
from tenacity import AsyncRetrying, Retrying

from tombola._client.bodies import async_pieces, length, pieces
from tombola._client.calls import Call
from tombola._client.downloads import whole_file
from tombola._client.problems import api_error
from tombola._client.retry import policy
from tombola._client.settings import Settings
from tombola.errors import ConnectionFailed, TombolaError, UnexpectedAnswer
from tombola.results import Page

T = TypeVar("T")
_NOT_FOUND = 404
_EXCERPT = 80
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Driver:
    """Sends calls and waits for the answers."""

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None) -> None:
        self.settings = settings
        self.http = httpx.Client(transport=transport, **settings.http_options())

    def send(self, call: Call[T], *, max_retries: int | None = None) -> T:
        """Return what the call gives; raises ConnectionFailed, UnexpectedAnswer or an ApiError."""
        retries = self.settings.max_retries if max_retries is None else max_retries
        for attempt in Retrying(**policy(retries, repeatable=call.repeatable)):
            with attempt:
                with connection_errors(self.settings.url):
                    response = self.http.request(**_arguments(call, pieces(call.content)))
                return _read(call, response, attempt.retry_state.attempt_number)
        raise AssertionError("unreachable: tenacity raises the last error")

    def download(self, call: Call[None], path: Path, told: Callable[[int], None]) -> None:
        """Write the body of an answer into a file, which is there when it is whole; errors as of `send`.

        Args:
            call: What to ask for; sent again, from the start, where the transfer breaks.
            path: Where the file goes.
            told: Called with the number of bytes that there are.
        """
        for attempt in Retrying(**policy(self.settings.max_retries, repeatable=call.repeatable)):
            with (
                attempt,
                connection_errors(self.settings.url),
                self.http.stream(**_arguments(call, None)) as response,
            ):
                if not is_answer(response, call.headers["Accept"]):
                    response.read()
                    raise refusal(response)
                with whole_file(path) as file:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
                        told(file.tell())

    def pages(self, ask: Callable[[str | None], Call[Page[T]]]) -> Iterator[T]:
        """Yield the items of all pages, each page fetched when it is reached."""
        cursor: str | None = None
        while True:
            page = self.send(ask(cursor))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return


class AsyncDriver:
    """Sends calls and awaits the answers."""

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None) -> None:
        self.settings = settings
        self.http = httpx.AsyncClient(transport=transport, **settings.http_options())

    async def send(self, call: Call[T], *, max_retries: int | None = None) -> T:
        """Return what the call gives; raises ConnectionFailed, UnexpectedAnswer or an ApiError."""
        retries = self.settings.max_retries if max_retries is None else max_retries
        async for attempt in AsyncRetrying(**policy(retries, repeatable=call.repeatable)):
            with attempt:
                with connection_errors(self.settings.url):
                    response = await self.http.request(**_arguments(call, async_pieces(call.content)))
                return _read(call, response, attempt.retry_state.attempt_number)
        raise AssertionError("unreachable: tenacity raises the last error")

    async def download(self, call: Call[None], path: Path, told: Callable[[int], None]) -> None:
        """Write the body of an answer into a file, which is there when it is whole; errors as of `send`.

        Args:
            call: What to ask for; sent again, from the start, where the transfer breaks.
            path: Where the file goes.
            told: Called with the number of bytes that there are.
        """
        async for attempt in AsyncRetrying(**policy(self.settings.max_retries, repeatable=call.repeatable)):
            with attempt, connection_errors(self.settings.url):
                async with self.http.stream(**_arguments(call, None)) as response:
                    if not is_answer(response, call.headers["Accept"]):
                        await response.aread()
                        raise refusal(response)
                    with whole_file(path) as file:
                        async for chunk in response.aiter_bytes():
                            await anyio.to_thread.run_sync(file.write, chunk)
                            told(file.tell())

    async def pages(self, ask: Callable[[str | None], Call[Page[T]]]) -> AsyncIterator[T]:
        """Yield the items of all pages, each page fetched when it is reached."""
        cursor: str | None = None
        while True:
            page = await self.send(ask(cursor))
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return


def _arguments(call: Call[T], content: Any) -> dict[str, Any]:  # noqa: ANN401  # what httpx takes
    """Return what httpx wants to know of a request."""
    return {
        "method": call.method,
        "url": call.path,
        "params": call.params or None,
        "headers": {**call.headers, **length(call.content)},
        "content": content,
    }


def _read(call: Call[T], response: httpx.Response, attempt: int) -> T:
    # A DELETE that is sent again after its answer was lost finds nothing to delete: it is done.
    deleted_before = call.method == "DELETE" and attempt > 1 and response.status_code == _NOT_FOUND
    if not (response.is_success or response.status_code in call.accepts or deleted_before):
        raise api_error(response)
    try:
        return call.parse(response)
    except ValidationError as error:
        raise unexpected_answer(response) from error


def unexpected_answer(response: httpx.Response) -> UnexpectedAnswer:
    """Return the exception for a success that does not look like Tombola's; its body has been read."""
    kind = response.headers.get("content-type", "no content type")
    excerpt = " ".join(response.text.split())[:_EXCERPT]
    request = response.request
    return UnexpectedAnswer(
        f"{request.method} {request.url} answered {response.status_code} with something that is not "
        f"Tombola's ({kind}: {excerpt!r}); is the URL right, and is the client as new as the server?"
    )


def is_answer(response: httpx.Response, media_type: str) -> bool:
    """Whether this is a success, and of that type."""
    return response.is_success and media_type in response.headers.get("content-type", "")


def refusal(response: httpx.Response) -> TombolaError:
    """Return the exception for an answer that is none of those looked for; its body has been read."""
    return unexpected_answer(response) if response.is_success else api_error(response)


@contextmanager
def connection_errors(url: str) -> Iterator[None]:
    """Turn httpx's errors into ConnectionFailed."""
    try:
        yield
    except _NOT_SENT as error:
        hint = "is the server running there? `tombola serve` starts one; TOMBOLA_URL names another"
        reason = str(error) or type(error).__name__
        raise ConnectionFailed(f"cannot connect to {url} ({reason}): {hint}", sent=False) from error
    except httpx.TimeoutException as error:
        raise ConnectionFailed(f"{url} did not answer in time ({type(error).__name__})", sent=True) from error
    except httpx.RequestError as error:
        reason = str(error) or type(error).__name__
        raise ConnectionFailed(f"the connection to {url} broke: {reason}", sent=True) from error
