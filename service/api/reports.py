"""The reproduction report of an experiment, and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Query, Request, Response
from pydantic.json_schema import SkipJsonSchema

from service.api import conditional, documents, examples, negotiation, pictures, report_text
from service.api.parameters import ExperimentId
from service.api.report_text import Picture
from service.api.routes import guarded_router
from service.api.state import AppState, State
from service.lab import answers
from tombola import plots
from tombola.results import Frontier, Report, SuccessTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

router = guarded_router("/v1/experiments/{experiment_id}", "results")

_MEDIA_TYPES = {"json": "application/json", "html": "text/html", "markdown": "text/markdown"}
_VARY = {"Vary": "Accept"}
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
                "application/json": {"examples": {"typical": {"value": examples.REPORT}}},
                "text/html": {"schema": {"type": "string"}},
                "text/markdown": {"schema": {"type": "string"}},
            },
        },
        **documents.not_modified(),
        **documents.problems(404, 406),
    },
)
def get_report(  # one parameter per query parameter
    request: Request,
    experiment_id: ExperimentId,
    state: AppState,
    *,
    probability: Probability = 0.5,
    file_format: Annotated[
        Literal["json", "html", "markdown"] | SkipJsonSchema[None],
        Query(alias="format", description="Goes before the Accept header."),
    ] = None,
) -> Response:
    """Test each finding of the paper that the experiment can speak to, and draw theory beside it.

    Every test has an effect with limits and a verdict: supported, not supported, or not enough runs. Of an
    experiment in training the report is provisional, and rests on complete cells only.
    """
    media_type = negotiation.chosen(request, file_format, _MEDIA_TYPES, "a report")
    report, table, front = _read(state, experiment_id, probability)
    if media_type == _MEDIA_TYPES["json"]:
        return conditional.json_answer(request, report, headers=_VARY)
    drawings = _drawings(report, table, front)
    shown = [Picture(name, _SAYS[name], _link(request, experiment_id, name, report)) for name in drawings]
    if media_type == _MEDIA_TYPES["markdown"]:
        text = report_text.markdown(report, shown)
    else:
        drawn = {name: plots.render(draw(), "svg") for name, draw in drawings.items()}
        text = report_text.html(report, shown, drawn)
    return conditional.answer(request, text.encode(), media_type, headers=_VARY)


# The endpoints open the database themselves, to hold no connection while they draw.
@router.get("/theory.{kind}", response_class=Response, responses=pictures.PICTURE)
def get_theory_picture(
    request: Request, experiment_id: ExperimentId, kind: pictures.Format, state: AppState
) -> Response:
    """Draw success against width with the lines of parallel search, fitted and predicted."""
    report = _report(state, experiment_id, 0.5)
    return pictures.picture(request, kind, lambda: plots.theory(report, title=report.experiment.name))


@router.get("/resources.{kind}", response_class=Response, responses=pictures.PICTURE)
def get_resources_picture(
    request: Request,
    experiment_id: ExperimentId,
    kind: pictures.Format,
    state: AppState,
    probability: Probability = 0.5,
) -> Response:
    """Draw the fewest samples for each width, beside what theory and Gaussian elimination ask for."""
    report = _report(state, experiment_id, probability)
    return pictures.picture(request, kind, lambda: plots.resources(report, title=report.experiment.name))


def _report(state: State, experiment_id: str, probability: float) -> Report:
    return _read(state, experiment_id, probability)[0]


def _read(state: State, experiment_id: str, probability: float) -> tuple[Report, SuccessTable, Frontier]:
    from service.lab.report.compose import report  # noqa: PLC0415  # numpy and scipy load with it

    with state.database.read() as session:
        found = report(session, experiment_id, probability)
        table = answers.success_table(session, experiment_id)
        return found, table, answers.frontier(session, experiment_id, probability)


def _drawings(report: Report, table: SuccessTable, front: Frontier) -> Mapping[str, Callable[[], Figure]]:
    """Return the pictures that can be drawn, in the order of the report."""
    found: dict[str, Callable[[], Figure]] = {}
    if len({cell.sparsity for cell in table.cells}) <= plots.MAX_SPARSITIES:
        found["heatmap"] = lambda: plots.heatmap(table)
        found["frontier"] = lambda: plots.frontier(table, front)
        if report.parallel_search:
            found["theory"] = lambda: plots.theory(report)
        if report.resources.thresholds:
            found["resources"] = lambda: plots.resources(report)
    return found


def _link(request: Request, experiment_id: str, name: str, report: Report) -> str:
    link = f"{str(request.base_url).rstrip('/')}/v1/experiments/{experiment_id}/{name}.svg"
    return f"{link}?probability={report.probability:g}" if name in ("frontier", "resources") else link
