"""Bodies that are files with tables: of which format, and their way to the disk, piece by piece."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import Message
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Request
from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError
from starlette.concurrency import run_in_threadpool

from service.api.problems import ProblemError
from service.lab.datasets.files import File, Format
from service.lab.datasets.limits import MAX_COLUMNS, MAX_NAME
from service.lab.datasets.text import Delimiter

JSON = "application/json"
#: None: what was packed says by itself what it is.
MEDIA_TYPES: dict[str, Format | None] = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.arrow.file": "arrow",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/gzip": None,
}
_ENCODINGS = {"identity": False, "": False, "gzip": True, "x-gzip": True}
_SHOWN = 100
_EXAMPLE = "age,sex,class\n" + "".join(
    f"{age},{sex},{survived}\n"
    for first, sex, survived in ((29, "f", 1), (2, "m", 0), (30, "m", 0), (25, "f", 0), (48, "m", 1))
    for age in (first, first + 1)
)


def _columns(text: str) -> str:
    listed(text)
    return text


def listed(text: str) -> tuple[str, ...]:
    """Return the names in a list with commas between; one that has a comma itself stands in quotes."""
    if text == "auto":
        return ()
    try:
        (names,) = csv.reader([text], strict=True)
    except (ValueError, csv.Error):
        names = [""]
    names = [name.strip() for name in names]
    if not all(names) or len(names) > MAX_COLUMNS:
        raise PydanticCustomError(
            "columns",
            "has to be `auto`, or names of columns with commas between (in quotes where they have one), "
            "not {given}",
            {"given": repr(text)[:_SHOWN]},
        )
    return tuple(names)


Target = Annotated[
    Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | SkipJsonSchema[None],
    Query(description="Of a table: the column with the classes.", examples=["class"]),
]
Categorical = Annotated[
    Annotated[str, Field(min_length=1, max_length=1_000_000), AfterValidator(_columns)],
    Query(
        description="Of a table: columns whose numbers are categories, with commas between (in quotes where "
        "they have one). Text and truth values are categories in any case, and `auto` takes no others.",
        examples=["auto", "zip,month"],
    ),
]
AskedDelimiter = Annotated[
    Delimiter | SkipJsonSchema[None],
    Query(description="Of text: what divides its columns; of CSV a comma and of TSV a tab by default."),
]


class Sent(NamedTuple):
    """What the headers say of a body."""

    file_format: Format | None
    gzipped: bool


def sent(request: Request) -> Sent | None:
    """Return what the headers say of a table, or None: it is JSON.

    Raises:
        ProblemError: 415, it is neither.
    """
    given = request.headers.get("content-type", "")
    message = Message()
    message["content-type"] = given
    media_type = message.get_content_type() if given else ""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise ProblemError(
            415,
            f"a table comes with Content-Encoding gzip or none, not {encoding[:_SHOWN]!r}",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    if media_type == JSON and not _ENCODINGS[encoding]:
        return None
    if media_type not in MEDIA_TYPES:
        raise ProblemError(
            415,
            f"a table comes with a Content-Type of {', '.join(MEDIA_TYPES)}, and an import as {JSON}, "
            f"not {given[:_SHOWN]!r}",
            headers={"Accept": ", ".join([*MEDIA_TYPES, JSON])},
        )
    charset = message.get_content_charset("utf-8")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise ProblemError(415, f"text must be UTF-8, not {charset[:_SHOWN]!r}: save the file as UTF-8")
    return Sent(MEDIA_TYPES[media_type], _ENCODINGS[encoding] or media_type == "application/gzip")


@asynccontextmanager
async def on_disk(request: Request, kind: Sent, delimiter: Delimiter | None) -> AsyncIterator[File]:
    """Receive a body into a file that is gone afterwards; the middleware stops one that is too large."""
    folder = await run_in_threadpool(TemporaryDirectory[str], prefix="tombola-upload-")
    try:
        path = Path(folder.name) / "table"
        with path.open("wb") as file:  # opening an empty file takes no time
            async for chunk in request.stream():
                await run_in_threadpool(file.write, chunk)
        yield File(path, kind.file_format, kind.gzipped, delimiter)
    finally:
        await run_in_threadpool(folder.cleanup)


def documented(import_schema: dict[str, Any]) -> dict[str, Any]:
    """Return what OpenAPI says of the body.

    Args:
        import_schema: Of the JSON that asks for an import.
    """
    text: dict[str, Any] = {"schema": {"type": "string"}}
    binary = {"schema": {"type": "string", "format": "binary"}}
    tables = {name: text if name.startswith("text/") else binary for name in MEDIA_TYPES}
    tables["text/csv"] = text | {"examples": {"typical": {"value": _EXAMPLE}}}
    return {
        "requestBody": {
            "required": True,
            "description": "A table, or in JSON what to import.",
            "content": {JSON: {"schema": import_schema}, **tables},
        }
    }
