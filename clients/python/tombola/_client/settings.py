"""Where the server is and how to speak to it: arguments, environment, defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import httpx

from tombola._client.about import DEFAULT_URL, own_version

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
DEFAULT_RETRIES = 4
#: A proxy of the environment cannot reach this machine's own loopback.
_LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")


@dataclass(frozen=True, slots=True)
class Settings:
    """What both clients need to know.

    Raises:
        ValueError: The URL, the key or the number of retries cannot be used.
    """

    url: str
    api_key: str | None
    timeout: httpx.Timeout
    max_retries: int

    @classmethod
    def of(
        cls, url: str | None, api_key: str | None, timeout: float | httpx.Timeout | None, max_retries: int
    ) -> Settings:
        """Fill in the environment's values and the defaults, and check."""
        url = url or os.environ.get("TOMBOLA_URL") or DEFAULT_URL
        if api_key is None:
            api_key = os.environ.get("TOMBOLA_API_KEY")
        if max_retries < 0:
            raise ValueError(f"max_retries must be 0 or more, not {max_retries}")
        _check_url(url)
        if api_key and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
            raise ValueError("the API key has spaces, line ends or non-ASCII characters in it: copy it again")
        return cls(url.rstrip("/"), api_key or None, httpx.Timeout(timeout), max_retries)

    def http_options(self) -> dict[str, Any]:
        """Return the arguments of httpx's clients, except for the transport."""
        headers = {"User-Agent": f"tombola-python/{own_version()}", "Accept": "application/json"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        mounts = dict.fromkeys(_LOOPBACK)
        return {"base_url": self.url, "headers": headers, "timeout": self.timeout, "mounts": mounts}


def _check_url(url: str) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is no URL ({error}); a server is given as {DEFAULT_URL}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"a server's URL begins with http:// or https://, as {DEFAULT_URL}; got {url!r}")
