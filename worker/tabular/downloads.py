"""Downloads that get through: whole, from a mirror where there is one, tried again with growing pauses."""

from __future__ import annotations

import gzip
import io
import logging
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tenacity import (
    Retrying,
    before_sleep_log,
    retry_if_exception,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
    wait_exponential_jitter,
)

_TIMEOUT_SECONDS = 60.0
_MOST_SECONDS = 60.0
_CHUNK = 2**20
_TOO_MANY, _SERVER_ERROR = 429, 500

_log = logging.getLogger(__name__)


#: What reading a gzip file that is not whole raises.
DAMAGED = gzip.BadGzipFile | EOFError | zlib.error


class SourceError(Exception):
    """The source has no such data set, or one that this program has no use for; the text is for the user."""


class TooLarge(SourceError):  # noqa: N818  # reads as what it is
    """The answer has more bytes than are taken."""


class Body(io.BytesIO):
    """An answer that has come whole, with the one part of `http.client`'s that scikit-learn reads."""

    def __init__(self, content: bytes, headers: Mapping[str, str]) -> None:
        """Keep the content as it was sent, packed or not."""
        super().__init__(content)
        self._headers = headers

    def info(self) -> Mapping[str, str]:
        """Return the headers."""
        return self._headers


@dataclass(frozen=True, slots=True)
class Downloads:
    """How things are fetched.

    Attributes:
        url: OpenML, or a mirror with the same paths.
        folder: Where what was fetched is kept.
        retries: Times that a download is tried again.
        max_bytes: Of one answer, packed and unpacked.
        stopping: Set when the worker shall stop.
        first_seconds: Pause before the first retry; each next one is twice as long.
    """

    url: str
    folder: Path
    retries: int
    max_bytes: int
    stopping: threading.Event
    first_seconds: float = 1.0

    def open(self, request: Request | str) -> Body:
        """Return what stands at a URL of OpenML.

        Raises:
            OSError: It cannot be had (`urllib.error.HTTPError` where there is an answer).
            HTTPException: The answer broke off again and again.
            SourceError: It has too many bytes, or is of another scheme than http.
        """
        given = request.full_url if isinstance(request, Request) else request
        asked = Request(self._mirrored(given), headers={"Accept-Encoding": "gzip"})  # noqa: S310  # see settings
        call = Retrying(
            retry=retry_if_exception(_transient),
            wait=wait_exponential_jitter(
                multiplier=self.first_seconds, max=_MOST_SECONDS, jitter=self.first_seconds
            ),
            stop=stop_after_attempt(self.retries + 1) | stop_when_event_set(self.stopping),
            sleep=sleep_using_event(self.stopping),
            before_sleep=before_sleep_log(_log, logging.WARNING),
            reraise=True,
        )
        return call(self._fetch, asked)

    def _mirrored(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):  # urllib would open files of this host as well
            raise SourceError(f"{url} is not fetched: it is no http")
        host = parts.hostname or ""
        if host != "openml.org" and not host.endswith(".openml.org"):
            return url
        return self.url + parts.path + (f"?{parts.query}" if parts.query else "")

    def _fetch(self, request: Request) -> Body:
        try:
            return self._whole(request)
        except HTTPError as error:
            error.close()
            raise

    def _whole(self, request: Request) -> Body:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  # the settings check the scheme
            content = answer.read(self.max_bytes + 1)
            if len(content) > self.max_bytes:
                raise TooLarge(f"{request.full_url} has more than {self.max_bytes} bytes")
            if answer.length:  # of a body that is cut short `read` with a size says nothing
                raise HTTPException(f"{request.full_url} broke off {answer.length} bytes before its end")
            headers = {"Content-Encoding": answer.headers.get("Content-Encoding", "")}
        if headers["Content-Encoding"] == "gzip":
            self._check_gzip(content, request.full_url)
        return Body(content, headers)

    def _check_gzip(self, content: bytes, url: str) -> None:
        size = 0
        with gzip.open(io.BytesIO(content)) as packed:
            while chunk := packed.read(_CHUNK):
                size += len(chunk)
                if size > self.max_bytes:
                    raise TooLarge(f"{url} has more than {self.max_bytes} bytes unpacked")


def _transient(error: BaseException) -> bool:
    if isinstance(error, HTTPError):
        return error.code == _TOO_MANY or error.code >= _SERVER_ERROR
    return isinstance(error, URLError | ConnectionError | TimeoutError | HTTPException | DAMAGED)
