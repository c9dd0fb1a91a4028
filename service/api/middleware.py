"""What stands around the application: HEAD, request ids, the access log, metrics, lost errors, body sizes."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api import problems
from service.api.metrics import Metrics

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_CLIENT_GONE = 499
_SHOWN = 500

_log = logging.getLogger(__name__)
_access = logging.getLogger("tombola.access")


class HeadAsGet:
    """Answers HEAD wherever GET is answered, with the same headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102  # ASGI
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        ended = False

        async def send_headers(message: Message) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                # The answer ends here, so that the server tells a stream that nobody listens.
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app({**scope, "method": "GET", "tombola.method": "HEAD"}, receive, send_headers)


@dataclass(slots=True)
class _Exchange:
    """One request and what became of it."""

    request_id: str
    started: float = field(default_factory=time.perf_counter)
    status: int | None = None
    seconds: float = 0.0

    def answered(self, status: int) -> None:
        self.status = status
        self.seconds = time.perf_counter() - self.started


class Observed:
    """Gives each request an id, a log line and its place in the metrics, and answers lost errors with 500.

    No browser guesses another media type than the answer has.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102  # ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        exchange = _Exchange(given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex)

        async def send_observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.answered(message["status"])
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = exchange.request_id
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        except Exception:  # whatever it is, it is logged once, and the user learns no internals
            error_id = uuid.uuid4()
            _log.exception("error %s in request %s", error_id, exchange.request_id)
            if exchange.status is not None:
                raise
            answer = problems.answer(
                500,
                f"the server made an error; its log has it under {error_id}",
                instance=f"urn:uuid:{error_id}",
            )
            await answer(scope, receive, send_observed)
        finally:
            self._note(scope, exchange)

    def _note(self, scope: Scope, exchange: _Exchange) -> None:
        if exchange.status is None:
            exchange.answered(_CLIENT_GONE)
        method = scope.get("tombola.method", scope["method"])
        route = getattr(scope.get("route"), "path", "(none)")
        status = exchange.status or _CLIENT_GONE
        self._metrics.observe(method, route, status, exchange.seconds)
        _access.info(
            "method=%s path=%s status=%d seconds=%.4f client=%s request_id=%s",
            json.dumps(method[:20]) if not method.isalpha() else method[:20],
            json.dumps(scope["path"][:_SHOWN]),
            status,
            exchange.seconds,
            (scope.get("client") or ("-",))[0],
            exchange.request_id,
        )


class BodyLimit:
    """Refuses bodies above a size: by their announced length, or as soon as they are longer.

    Args:
        app: Who takes the others.
        max_bytes: The size.
        larger: Paths with a size of their own, and what is said where a body is larger.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, larger: Mapping[str, tuple[int, str]] | None = None
    ) -> None:
        self._app = app
        self._usual = (
            max_bytes,
            f"a body has at most {max_bytes} bytes; split the experiment into several",
        )
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102  # ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes, detail = self._larger.get(scope["path"], self._usual)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced) > max_bytes:
            await problems.answer(413, detail)(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise problems.ProblemError(413, detail)
            return message

        await self._app(scope, receive_counted, send)
