"""Facts that the command line needs before it loads httpx."""

from __future__ import annotations

DEFAULT_URL = "http://127.0.0.1:8000"


def own_version() -> str:
    """Return the version of the installed distribution."""
    from importlib.metadata import version  # noqa: PLC0415  # 20 ms that most commands need not pay

    return version("tombola")
