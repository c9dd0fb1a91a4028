"""What a call is, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from tombola._client.bodies import Content
from tombola.results import (
    Page,
)

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how to read its answer.

    Attributes:
        content: What is sent; a file is read while it is sent.
        parse: Reads a successful answer; may raise pydantic's ValidationError.
        accepts: Status codes besides 2xx that `parse` reads.
        repeatable: Whether sending it twice has the effect of sending it once.
    """

    method: str
    path: str
    parse: Callable[[httpx.Response], T]
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content = None
    accepts: tuple[int, ...] = ()
    repeatable: bool = True


def experiment_path(experiment_id: str) -> str:
    return "/v1/experiments/" + segment(experiment_id, f"experiment id {experiment_id!r}")


def segment(value: str, what: str) -> str:
    if value in ("", ".", ".."):
        raise ValueError(f"{what} cannot stand in a URL: give the text that the server gave")
    return quote(value, safe="")


def page_size_for(limit: int | None, page_size: int) -> int:
    """Return how much to ask for at once: no more than is wanted."""
    return page_size if limit is None else max(1, min(limit, page_size))


def page_params(page_size: int, cursor: str | None) -> dict[str, str]:
    params = {"limit": str(page_size)}
    if cursor is not None:
        params["cursor"] = cursor
    return params


def as_model(model: type[M]) -> Callable[[httpx.Response], M]:
    return lambda response: model.model_validate_json(response.content)


def as_items(model: type[M]) -> Callable[[httpx.Response], list[M]]:
    adapter = TypeAdapter(Page[model])  # type: ignore[valid-type]  # a class that is known at run time only
    return lambda response: adapter.validate_json(response.content).items
