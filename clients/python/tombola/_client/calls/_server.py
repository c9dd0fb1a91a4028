"""Calls about the server: workers, version and health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tombola._client.calls._base import Call, as_items, as_model
from tombola.results import (
    Version,
    Worker,
)

if TYPE_CHECKING:
    import httpx

_NOT_READY = 503


class _Readiness(BaseModel):
    checks: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Health:
    """What `/readyz` answered.

    Attributes:
        ready: Whether the server takes requests, its database and broker included.
        checks: What was looked at; each is `ok`, or says what is missing.
    """

    ready: bool
    checks: dict[str, str]


def list_workers() -> Call[list[Worker]]:
    """Ask for the fleet."""
    return Call("GET", "/v1/workers", as_items(Worker))


def version() -> Call[Version]:
    """Ask for the server's version."""
    return Call("GET", "/v1/version", as_model(Version))


def health() -> Call[Health]:
    """Ask whether the server is ready; a server that says no (503) has answered."""

    def parse(response: httpx.Response) -> Health:
        answer = _Readiness.model_validate_json(response.content)
        return Health(ready=response.is_success, checks=answer.checks)

    return Call("GET", "/readyz", parse, accepts=(_NOT_READY,))
