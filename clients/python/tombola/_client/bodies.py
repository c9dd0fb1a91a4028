"""What a request carries: text, bytes, or a file that is read in pieces while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio

Content = str | bytes | Path | None
_CHUNK = 2**18


def length(content: Content) -> dict[str, str]:
    """Return the header that tells the length of a file; httpx tells that of others."""
    return {"Content-Length": str(content.stat().st_size)} if isinstance(content, Path) else {}


def pieces(content: Content) -> str | bytes | Iterator[bytes] | None:
    """Return what httpx's client sends."""
    return _read(content) if isinstance(content, Path) else content


def async_pieces(content: Content) -> str | bytes | AsyncIterator[bytes] | None:
    """Return what httpx's async client sends."""
    return _read_async(content) if isinstance(content, Path) else content


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


async def _read_async(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(_CHUNK):
            yield chunk
