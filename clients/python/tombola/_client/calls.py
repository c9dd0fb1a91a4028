"""Every call of the API, described once: what to send and how to read the answer.

The sync and the async driver both send these; neither knows a path or a model.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter, ValidationError

from tombola.errors import InvalidSpec
from tombola.explain import problem_parts
from tombola.results import (
    Curve,
    DryRun,
    Experiment,
    ExperimentStatus,
    Frontier,
    IntervalMethod,
    Luck,
    Objective,
    Outcome,
    Page,
    Preset,
    Run,
    SuccessTable,
    Thresholds,
    Times,
    Version,
    Worker,
)
from tombola.spec import ExperimentSpec

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Action = Literal["cancel", "pause", "resume", "retry"]
PictureFormat = Literal["svg", "png"]
_NOT_MODIFIED = 304
_NOT_READY = 503
_LONGEST_KEY = 255


class Anything:
    """The type of `ANY`."""

    def __repr__(self) -> str:
        return "ANY"


#: Do not filter on this coordinate (None is a value of its own: online, dense).
ANY = Anything()
Samples = int | Literal["online"] | None | Anything
Sparsity = int | Literal["dense"] | None | Anything


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how to read its answer.

    Attributes:
        parse: Reads a successful answer; may raise pydantic's ValidationError.
        accepts: Status codes besides 2xx that `parse` reads.
        repeatable: Whether sending it twice has the effect of sending it once.
    """

    method: str
    path: str
    parse: Callable[[httpx.Response], T]
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: str | None = None
    accepts: tuple[int, ...] = ()
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An experiment as it was answered, with the ETag to ask for changes only."""

    experiment: Experiment
    etag: str | None


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


def create(spec: ExperimentSpec | Mapping[str, Any], idempotency_key: str | None) -> Call[Snapshot]:
    """Post an experiment; repeatable because it always carries an idempotency key."""
    key = str(uuid.uuid4()) if idempotency_key is None else checked_key(idempotency_key)
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    return Call("POST", "/v1/experiments", _snapshot, headers=headers, content=_body(spec))


def dry_run(spec: ExperimentSpec | Mapping[str, Any]) -> Call[DryRun]:
    """Validate and quote an experiment; the server stores nothing."""
    headers = {"Content-Type": "application/json"}
    params = {"dry_run": "true"}
    return Call(
        "POST", "/v1/experiments", _model(DryRun), params=params, headers=headers, content=_body(spec)
    )


def get_experiment(experiment_id: str) -> Call[Snapshot]:
    """Ask for an experiment."""
    return Call("GET", _experiment(experiment_id), _snapshot)


def poll_experiment(last: Snapshot) -> Call[Snapshot]:
    """Ask for an experiment again; gives `last` itself where nothing changed."""
    headers = {"If-None-Match": last.etag} if last.etag else {}

    def parse(response: httpx.Response) -> Snapshot:
        return last if response.status_code == _NOT_MODIFIED else _snapshot(response)

    return Call("GET", _experiment(last.experiment.id), parse, headers=headers, accepts=(_NOT_MODIFIED,))


def list_experiments(
    status: ExperimentStatus | str | None, page_size: int, cursor: str | None
) -> Call[Page[Experiment]]:
    """Ask for one page of experiments."""
    params = _page_params(page_size, cursor)
    if status is not None:
        params["status"] = ExperimentStatus(status).value
    return Call("GET", "/v1/experiments", _model(Page[Experiment]), params=params)


def delete_experiment(experiment_id: str) -> Call[None]:
    """Delete an experiment."""
    return Call("DELETE", _experiment(experiment_id), lambda _: None)


def change(experiment_id: str, action: Action) -> Call[Snapshot]:
    """Change an experiment's state. Not repeatable: the second answer to the same wish would be 409."""
    return Call("POST", f"{_experiment(experiment_id)}/{action}", _snapshot, repeatable=False)


@dataclass(frozen=True, slots=True)
class Confidence:
    """How intervals are made; None leaves it to the server (wilson, 0.95)."""

    interval: IntervalMethod | None = None
    level: float | None = None

    def params(self) -> dict[str, str]:
        """Return the query parameters."""
        params = {} if self.interval is None else {"interval": str(self.interval)}
        if self.level is not None:
            params["level"] = repr(float(self.level))
        return params


def success_table(experiment_id: str, confidence: Confidence) -> Call[SuccessTable]:
    """Ask for the success table."""
    path = f"{_experiment(experiment_id)}/success-table"
    return Call("GET", path, _model(SuccessTable), params=confidence.params())


def success_table_csv(experiment_id: str, confidence: Confidence) -> Call[str]:
    """Ask for the success table as CSV text."""
    path = f"{_experiment(experiment_id)}/success-table"
    headers = {"Accept": "text/csv"}
    return Call("GET", path, lambda response: response.text, params=confidence.params(), headers=headers)


def frontier(
    experiment_id: str,
    probability: float | None,
    objectives: Sequence[Objective] | None,
    confidence: Confidence,
) -> Call[Frontier]:
    """Ask for the Pareto frontier."""
    params = confidence.params()
    if probability is not None:
        params["probability"] = repr(float(probability))
    if objectives is not None:
        params["objectives"] = ",".join(objectives)
    return Call("GET", f"{_experiment(experiment_id)}/frontier", _model(Frontier), params=params)


def times(experiment_id: str, quantiles: Sequence[float] | None, confidence: Confidence) -> Call[Times]:
    """Ask how long runs take."""
    params = confidence.params()
    if quantiles is not None:
        params["quantiles"] = ",".join(f"{share:.12f}".rstrip("0") for share in quantiles)
    return Call("GET", f"{_experiment(experiment_id)}/times", _model(Times), params=params)


def luck(
    experiment_id: str,
    probability: float,
    restarts: Sequence[int] | None,
    width: int | None,
    confidence: Confidence,
) -> Call[Luck]:
    """Ask what a first success takes."""
    params = {"probability": repr(float(probability))} | confidence.params()
    if restarts is not None:
        params["restarts"] = ",".join(map(str, restarts))
    if width is not None:
        params["width"] = str(width)
    return Call("GET", f"{_experiment(experiment_id)}/luck", _model(Luck), params=params)


def thresholds(experiment_id: str, probability: float, confidence: Confidence) -> Call[Thresholds]:
    """Ask how little suffices."""
    params = {"probability": repr(float(probability))} | confidence.params()
    return Call("GET", f"{_experiment(experiment_id)}/thresholds", _model(Thresholds), params=params)


def picture(experiment_id: str, name: Literal["heatmap", "frontier"], kind: PictureFormat) -> Call[bytes]:
    """Ask for a picture."""
    if kind not in ("svg", "png"):
        raise ValueError(f"a picture's format is 'svg' or 'png', not {kind!r}")
    return Call("GET", f"{_experiment(experiment_id)}/{name}.{kind}", lambda response: response.content)


@dataclass(frozen=True, slots=True)
class CellFilter:
    """Coordinates of cells; `ANY` leaves one open."""

    width: int | None = None
    samples: Samples = ANY
    sparsity: Sparsity = ANY

    def params(self) -> dict[str, str]:
        """Return the query parameters."""
        params = {} if self.width is None else {"width": str(self.width)}
        if not isinstance(self.samples, Anything):
            params["samples"] = "online" if self.samples is None else str(self.samples)
        if not isinstance(self.sparsity, Anything):
            params["sparsity"] = "dense" if self.sparsity is None else str(self.sparsity)
        return params


def list_runs(
    experiment_id: str, cells: CellFilter, outcome: Outcome | str | None, page_size: int, cursor: str | None
) -> Call[Page[Run]]:
    """Ask for one page of runs."""
    params = _page_params(page_size, cursor) | cells.params()
    if outcome is not None:
        params["outcome"] = Outcome(outcome).value
    return Call("GET", f"{_experiment(experiment_id)}/runs", _model(Page[Run]), params=params)


def curve(experiment_id: str, seed: int, cells: CellFilter) -> Call[Curve]:
    """Ask for the curve of one run."""
    path = f"{_experiment(experiment_id)}/runs/{int(seed)}/curve"
    return Call("GET", path, _model(Curve), params=cells.params())


def list_presets() -> Call[list[Preset]]:
    """Ask for the ready experiments."""
    return Call("GET", "/v1/presets", _items(Preset))


def get_preset(name: str) -> Call[Preset]:
    """Ask for one ready experiment; its name may hold slashes."""
    path = "/".join(_segment(part, f"preset name {name!r}") for part in name.split("/"))
    return Call("GET", f"/v1/presets/{path}", _model(Preset))


def list_workers() -> Call[list[Worker]]:
    """Ask for the fleet."""
    return Call("GET", "/v1/workers", _items(Worker))


def version() -> Call[Version]:
    """Ask for the server's version."""
    return Call("GET", "/v1/version", _model(Version))


def health() -> Call[Health]:
    """Ask whether the server is ready; a server that says no (503) has answered."""

    def parse(response: httpx.Response) -> Health:
        answer = _Readiness.model_validate_json(response.content)
        return Health(ready=response.is_success, checks=answer.checks)

    return Call("GET", "/readyz", parse, accepts=(_NOT_READY,))


def events_path(experiment_id: str) -> str:
    """Return the path of the stream of events."""
    return f"{_experiment(experiment_id)}/events"


def _experiment(experiment_id: str) -> str:
    return "/v1/experiments/" + _segment(experiment_id, f"experiment id {experiment_id!r}")


def _segment(value: str, what: str) -> str:
    if value in ("", ".", ".."):
        raise ValueError(f"{what} cannot stand in a URL: give the text that the server gave")
    return quote(value, safe="")


def page_size_for(limit: int | None, page_size: int) -> int:
    """Return how much to ask for at once: no more than is wanted."""
    return page_size if limit is None else max(1, min(limit, page_size))


def _page_params(page_size: int, cursor: str | None) -> dict[str, str]:
    params = {"limit": str(page_size)}
    if cursor is not None:
        params["cursor"] = cursor
    return params


def _model(model: type[M]) -> Callable[[httpx.Response], M]:
    return lambda response: model.model_validate_json(response.content)


def _items(model: type[M]) -> Callable[[httpx.Response], list[M]]:
    adapter = TypeAdapter(Page[model])  # type: ignore[valid-type]  # a class that is known at run time only
    return lambda response: adapter.validate_json(response.content).items


def _snapshot(response: httpx.Response) -> Snapshot:
    return Snapshot(Experiment.model_validate_json(response.content), response.headers.get("etag"))


def _body(spec: ExperimentSpec | Mapping[str, Any]) -> str:
    """Return the spec as JSON text, after checking it."""
    if isinstance(spec, ExperimentSpec):
        return spec.model_dump_json()
    return as_spec(spec).model_dump_json()


def checked_key(key: str) -> str:
    """Return an idempotency key that can stand in a header, or raise ValueError."""
    if not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable() and key == key.strip()):
        raise ValueError(f"an idempotency key is 1 to {_LONGEST_KEY} printable ASCII characters, not {key!r}")
    return key


def as_spec(spec: Mapping[str, Any]) -> ExperimentSpec:
    """Return the checked spec; tuples and numpy's arrays and numbers may stand for lists and numbers.

    Raises:
        InvalidSpec: A field is missing, unknown or wrong.
    """
    text = json.dumps(spec, default=_plain)
    try:
        return ExperimentSpec.model_validate_json(text)
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
