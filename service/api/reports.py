"""The reproduction report of an experiment, and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Query, Request, Response
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Session

from service.api import conditional, documents, negotiation, report_examples, report_text
from service.api.pictures import PICTURE, AskedDrawing
from service.api.report_text import Picture
from service.api.results import AskedResults
from service.api.routes import guarded_router
from service.lab import answers
from service.lab.frontiers import frontier, thresholds
from service.store.models import Experiment
from tombola import plots
from tombola.results import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

router = guarded_router("/v1/experiments/{experiment_id}", "results")

ReportFormat = Literal["json", "html", "markdown"]
_MEDIA_TYPES: dict[ReportFormat, str] = {
    "json": "application/json",
    "html": "text/html",
    "markdown": "text/markdown",
}
_HEADERS = {"Vary": "Accept", **conditional.PASSIVE}
_SAYS = {
    "heatmap": "Success probability over width and samples",
    "frontier": "Pareto frontier of width and samples",
    "theory": "Success over widths, with the lines of parallel search",
    "resources": "Fewest samples for each width, with what theory asks for",
}
Probability = Annotated[
    float, Query(gt=0, lt=1, description="Success probability at which thresholds of samples are compared.")
]


@router.get(
    "/report",
    response_model=Report,
    responses={
        200: {
            "description": "The report. HTML is one file with its pictures; in Markdown they are links.",
            "headers": documents.ETAG,
            "content": {
                "application/json": {"examples": {"typical": {"value": report_examples.REPORT}}},
                "text/html": {"schema": {"type": "string"}},
                "text/markdown": {"schema": {"type": "string"}},
            },
        },
        **documents.not_modified(),
        **documents.problems(404, 406, 409),
    },
)
def get_report(
    request: Request,
    results: AskedResults,
    *,
    probability: Probability = 0.5,
    file_format: Annotated[
        ReportFormat | SkipJsonSchema[None],
        Query(alias="format", description="Goes before the Accept header."),
    ] = None,
) -> Response:
    """Test each finding of the paper that the experiment can speak to, and draw theory beside it.

    Every test has an effect with limits and a verdict: supported, not supported, or not enough runs. Of an
    experiment in training the report is provisional, and rests on complete cells only.
    """
    wanted = negotiation.chosen(request, file_format, _MEDIA_TYPES, "a report")

    def make(session: Session, experiment_id: str) -> Report | bytes:
        found = _report(session, experiment_id, probability)
        if wanted == "json":
            return found
        drawings = _drawings(session, found)
        shown = [Picture(name, _SAYS[name], _link(request, name, found)) for name in drawings]
        if wanted == "markdown":
            return report_text.markdown(found, shown).encode()
        drawn = {name: plots.render(draw(), "svg") for name, draw in drawings.items()}
        return report_text.html(found, shown, drawn).encode()

    return results.answer(make, media_type=_MEDIA_TYPES[wanted], headers=_HEADERS)


@router.get("/theory.{kind}", response_class=Response, responses=PICTURE)
def get_theory_picture(drawing: AskedDrawing) -> Response:
    """Draw success against width with the lines of parallel search, fitted and predicted."""

    def read(session: Session, experiment: Experiment) -> Callable[[], Figure]:
        return partial(plots.theory, _report(session, experiment.id, 0.5), title=experiment.name)

    return drawing.answer(read)


@router.get("/resources.{kind}", response_class=Response, responses=PICTURE)
def get_resources_picture(drawing: AskedDrawing, probability: Probability = 0.5) -> Response:
    """Draw the fewest samples for each width, beside what theory and Gaussian elimination ask for."""

    def read(session: Session, experiment: Experiment) -> Callable[[], Figure]:
        return partial(plots.resources, _report(session, experiment.id, probability), title=experiment.name)

    return drawing.answer(read)


def _report(session: Session, experiment_id: str, probability: float) -> Report:
    from service.lab.report.compose import report  # noqa: PLC0415  # numpy and scipy load with it

    return report(session, experiment_id, probability)


def _drawings(session: Session, report: Report) -> Mapping[str, Callable[[], Figure]]:
    """Return the pictures that can be drawn, in the order of the report; each reads what it needs then."""
    experiment_id, probability = report.experiment.id, report.probability
    table = answers.success_table(session, experiment_id)
    found: dict[str, Callable[[], Figure]] = {}
    if len({cell.sparsity for cell in table.cells}) <= plots.MAX_SPARSITIES:
        found["heatmap"] = partial(plots.heatmap, table)
        found["frontier"] = lambda: plots.frontier(
            table,
            frontier(session, experiment_id, probability),
            thresholds(session, experiment_id, probability),
        )
        if report.parallel_search:
            found["theory"] = partial(plots.theory, report)
        if report.resources.thresholds:
            found["resources"] = partial(plots.resources, report)
    return found


def _link(request: Request, name: str, report: Report) -> str:
    link = f"{str(request.base_url).rstrip('/')}/v1/experiments/{report.experiment.id}/{name}.svg"
    return f"{link}?probability={report.probability:g}" if name in ("frontier", "resources") else link
