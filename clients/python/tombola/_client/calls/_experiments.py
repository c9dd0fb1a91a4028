"""Calls that submit experiments, read and change them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from tombola._client.calls._base import Call, as_model, experiment_path, page_params
from tombola.errors import InvalidSpec
from tombola.explain import problem_parts
from tombola.results import (
    DryRun,
    Experiment,
    ExperimentStatus,
    Page,
)
from tombola.spec import AnySpec, ExperimentSpec, TabularSpec, spec_of_json

if TYPE_CHECKING:
    import httpx

Action = Literal["cancel", "pause", "resume", "retry"]

_NOT_MODIFIED = 304

_LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An experiment as it was answered, with the ETag to ask for changes only."""

    experiment: Experiment
    etag: str | None


def create(spec: AnySpec | Mapping[str, Any], idempotency_key: str | None) -> Call[Snapshot]:
    """Post an experiment; repeatable because it always carries an idempotency key."""
    key = str(uuid.uuid4()) if idempotency_key is None else checked_key(idempotency_key)
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    return Call("POST", "/v1/experiments", _snapshot, headers=headers, content=_body(spec))


def dry_run(spec: AnySpec | Mapping[str, Any]) -> Call[DryRun]:
    """Validate and quote an experiment; the server stores nothing."""
    headers = {"Content-Type": "application/json"}
    params = {"dry_run": "true"}
    return Call(
        "POST", "/v1/experiments", as_model(DryRun), params=params, headers=headers, content=_body(spec)
    )


def get_experiment(experiment_id: str) -> Call[Snapshot]:
    """Ask for an experiment."""
    return Call("GET", experiment_path(experiment_id), _snapshot)


def poll_experiment(last: Snapshot) -> Call[Snapshot]:
    """Ask for an experiment again; gives `last` itself where nothing changed."""
    headers = {"If-None-Match": last.etag} if last.etag else {}

    def parse(response: httpx.Response) -> Snapshot:
        return last if response.status_code == _NOT_MODIFIED else _snapshot(response)

    return Call("GET", experiment_path(last.experiment.id), parse, headers=headers, accepts=(_NOT_MODIFIED,))


def list_experiments(
    status: ExperimentStatus | str | None, page_size: int, cursor: str | None
) -> Call[Page[Experiment]]:
    """Ask for one page of experiments."""
    params = page_params(page_size, cursor)
    if status is not None:
        params["status"] = ExperimentStatus(status).value
    return Call("GET", "/v1/experiments", as_model(Page[Experiment]), params=params)


def delete_experiment(experiment_id: str) -> Call[None]:
    """Delete an experiment."""
    return Call("DELETE", experiment_path(experiment_id), lambda _: None)


def change(experiment_id: str, action: Action) -> Call[Snapshot]:
    """Change an experiment's state. Not repeatable: the second answer to the same wish would be 409."""
    return Call("POST", f"{experiment_path(experiment_id)}/{action}", _snapshot, repeatable=False)


def events_path(experiment_id: str) -> str:
    """Return the path of the stream of events."""
    return f"{experiment_path(experiment_id)}/events"


def _snapshot(response: httpx.Response) -> Snapshot:
    return Snapshot(Experiment.model_validate_json(response.content), response.headers.get("etag"))


def _body(spec: AnySpec | Mapping[str, Any]) -> str:
    """Return the spec as JSON text, after checking it."""
    if isinstance(spec, ExperimentSpec | TabularSpec):
        return spec.model_dump_json()
    return as_spec(spec).model_dump_json()


def checked_key(key: str) -> str:
    """Return an idempotency key that can stand in a header, or raise ValueError."""
    if not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable() and key == key.strip()):
        raise ValueError(f"an idempotency key is 1 to {_LONGEST_KEY} printable ASCII characters, not {key!r}")
    return key


def as_spec(spec: Mapping[str, Any]) -> AnySpec:
    """Return the checked spec; tuples and numpy's arrays and numbers may stand for lists and numbers.

    Raises:
        InvalidSpec: A field is missing, unknown or wrong.
    """
    text = json.dumps(spec, default=_plain)
    try:
        return spec_of_json(text)
    except ValidationError as error:
        raise InvalidSpec(problem_parts(error, json.loads(text))) from None


def _plain(value: Any) -> Any:  # noqa: ANN401  # json's hook takes any object and gives any JSON value
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, range):
        return list(value)
    raise TypeError(f"a spec holds JSON values, pydantic models, ranges and numpy arrays, not {value!r}")
