"""Calls that read what an experiment found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from tombola._client.calls._base import Call, as_model, experiment_path, page_params
from tombola.results import (
    Curve,
    Frontier,
    IntervalMethod,
    Luck,
    Objective,
    Outcome,
    Page,
    Report,
    Run,
    SuccessTable,
    Thresholds,
    Times,
)

PictureFormat = Literal["svg", "png"]
PictureName = Literal[
    "heatmap",
    "frontier",
    "steps",
    "curves",
    "luck",
    "theory",
    "resources",
    "accuracy",
    "gain",
    "ranks",
    "width",
]

ReportFormat = Literal["html", "markdown"]


class Anything:
    """The type of `ANY`."""

    def __repr__(self) -> str:
        return "ANY"


#: Do not filter on this coordinate (None is a value of its own: online, dense).
ANY = Anything()

Samples = int | Literal["online"] | None | Anything

Sparsity = int | Literal["dense"] | None | Anything


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
    path = f"{experiment_path(experiment_id)}/success-table"
    return Call("GET", path, as_model(SuccessTable), params=confidence.params())


def success_table_csv(experiment_id: str, confidence: Confidence) -> Call[str]:
    """Ask for the success table as CSV text."""
    path = f"{experiment_path(experiment_id)}/success-table"
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
    return Call("GET", f"{experiment_path(experiment_id)}/frontier", as_model(Frontier), params=params)


def times(experiment_id: str, quantiles: Sequence[float] | None, confidence: Confidence) -> Call[Times]:
    """Ask how long runs take."""
    params = confidence.params()
    if quantiles is not None:
        params["quantiles"] = ",".join(f"{share:.12f}".rstrip("0") for share in quantiles)
    return Call("GET", f"{experiment_path(experiment_id)}/times", as_model(Times), params=params)


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
    return Call("GET", f"{experiment_path(experiment_id)}/luck", as_model(Luck), params=params)


def thresholds(experiment_id: str, probability: float, confidence: Confidence) -> Call[Thresholds]:
    """Ask how little suffices."""
    params = {"probability": repr(float(probability))} | confidence.params()
    return Call("GET", f"{experiment_path(experiment_id)}/thresholds", as_model(Thresholds), params=params)


def report(experiment_id: str, probability: float) -> Call[Report]:
    """Ask for the reproduction report."""
    params = {"probability": repr(float(probability))}
    return Call("GET", f"{experiment_path(experiment_id)}/report", as_model(Report), params=params)


def report_text(experiment_id: str, kind: ReportFormat, probability: float) -> Call[str]:
    """Ask for the reproduction report as text."""
    if kind not in ("html", "markdown"):
        raise ValueError(f"a report's format is 'html' or 'markdown', not {kind!r}")
    params = {"probability": repr(float(probability)), "format": kind}
    path = f"{experiment_path(experiment_id)}/report"
    return Call("GET", path, lambda response: response.text, params=params)


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


def picture(  # noqa: PLR0913, PLR0917  # what a picture depends on
    experiment_id: str,
    name: PictureName,
    kind: PictureFormat,
    cells: CellFilter,
    confidence: Confidence,
    probability: float | None,
    seeds: Sequence[int] | None,
) -> Call[bytes]:
    """Ask for a picture; the server refuses parameters that it does not depend on."""
    if name not in get_args(PictureName):
        raise ValueError(f"a picture is one of {', '.join(get_args(PictureName))}, not {name!r}")
    if kind not in get_args(PictureFormat):
        raise ValueError(f"a picture's format is 'svg' or 'png', not {kind!r}")
    params = cells.params() | confidence.params()
    if probability is not None:
        params["probability"] = repr(float(probability))
    if seeds is not None:
        params["seeds"] = ",".join(str(int(seed)) for seed in seeds)
    path = f"{experiment_path(experiment_id)}/{name}.{kind}"
    return Call("GET", path, lambda response: response.content, params=params)


def list_runs(
    experiment_id: str, cells: CellFilter, outcome: Outcome | str | None, page_size: int, cursor: str | None
) -> Call[Page[Run]]:
    """Ask for one page of runs."""
    params = page_params(page_size, cursor) | cells.params()
    if outcome is not None:
        params["outcome"] = Outcome(outcome).value
    return Call("GET", f"{experiment_path(experiment_id)}/runs", as_model(Page[Run]), params=params)


def curve(experiment_id: str, seed: int, cells: CellFilter) -> Call[Curve]:
    """Ask for the curve of one run."""
    path = f"{experiment_path(experiment_id)}/runs/{int(seed)}/curve"
    return Call("GET", path, as_model(Curve), params=cells.params())
