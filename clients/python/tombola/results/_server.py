"""The server: its workers, its version and its errors."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from tombola.results._base import Answer


class Worker(Answer):
    """One worker process of the fleet."""

    id: str
    hostname: str
    pid: int
    queue: str = Field(description="Name of the main queue in the broker.")
    queues: list[Literal["main", "cpu"]] = Field(
        default=["main"],
        description="What it consumes: `main` is runs on parities and networks on tables, `cpu` the other "
        "models on tables and imports of data sets.",
    )
    engine: str
    device: str
    device_name: str = Field(default="unknown", description="The processor's or the GPU's name.")
    detail: str = Field(default="unknown", description="How the engine trains there, in words.")
    lanes: int = Field(
        default=1, description="Seconds of it that pass in one second: cores that train on CPU, 1 on a GPU."
    )
    versions: dict[str, str]
    alive: bool
    shard: int | None = Field(description="Shard it is training, if any.")
    started_at: datetime
    seen_at: datetime


class ProblemPart(Answer):
    """One thing wrong with a request."""

    pointer: str | None = Field(
        default=None, description="JSON pointer into the body, where it is in the body."
    )
    parameter: str | None = Field(
        default=None, description="Query, path or header parameter, where it is there."
    )
    column: str | None = Field(default=None, description="Column of a table, where it is there.")
    row: int | None = Field(
        default=None, description="Row of a table, from 1, the header not counted, where it is there."
    )
    detail: str


class Problem(Answer):
    """An error, as RFC 9457 has it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: list[ProblemPart] = Field(default_factory=list)


class Version(Answer):
    """Code and library versions of the server."""

    version: str
    libraries: dict[str, str]
