"""Pictures of experiments: heat map, frontier, steps against samples, training curves and luck."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from pydantic.json_schema import SkipJsonSchema

from service.api import conditional, documents
from service.api.analysis import WideWidth
from service.api.parameters import AskedConfidence, CellFilter, ExperimentId, list_of
from service.api.problems import ProblemError
from service.api.routes import guarded_router
from service.api.runs import unnamed
from service.api.state import AppState
from service.api.tables import Probability
from service.lab import answers
from service.lab.frontiers import frontier, thresholds
from service.lab.luck import luck
from tombola import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

router = guarded_router("/v1/experiments/{experiment_id}", "results")

Format = Annotated[Literal["svg", "png"], Path(description="File format.")]
_MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
PICTURE: documents.Responses = {
    200: {
        "description": "The picture.",
        "headers": documents.ETAG,
        "content": {
            "image/svg+xml": {"schema": {"type": "string"}},
            "image/png": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    **documents.not_modified(),
    **documents.problems(404, 409),
}
_MOST_CURVES = 12
_USUAL_CURVES = 6
_SEED = "[0-9]{1,10}"
_SEEDS = f"{_SEED}(,{_SEED}){{0,{_MOST_CURVES - 1}}}"
Seeds = Annotated[
    Annotated[str, list_of(_SEEDS, f"1 to {_MOST_CURVES} seeds with commas between, such as 0,1,2")]
    | SkipJsonSchema[None],
    Query(
        description=f"Seeds of the runs, with commas between; the first {_USUAL_CURVES} by default.",
        json_schema_extra={"pattern": f"^{_SEEDS}$", "example": "0,1,2"},
    ),
]


# The endpoints open the database themselves, to hold no connection while they draw.
@router.get("/heatmap.{kind}", response_class=Response, responses=PICTURE)
def get_heatmap(request: Request, experiment_id: ExperimentId, kind: Format, state: AppState) -> Response:
    """Draw the success probability over width and samples, one panel per sparsity."""
    with state.database.read() as session:
        name = answers.known(session, experiment_id).name
        table = answers.success_table(session, experiment_id)
    return picture(request, kind, lambda: plots.heatmap(table, title=name))


@router.get("/frontier.{kind}", response_class=Response, responses=PICTURE)
def get_frontier_picture(  # noqa: PLR0913, PLR0917  # one parameter per part of the request
    request: Request,
    experiment_id: ExperimentId,
    kind: Format,
    state: AppState,
    confidence: AskedConfidence,
    probability: Probability = 0.9,
) -> Response:
    """Draw the frontier over all cells, and the limits of the fewest samples that suffice for each width."""
    with state.database.read() as session:
        name = answers.known(session, experiment_id).name
        table = answers.success_table(session, experiment_id, confidence)
        front = frontier(session, experiment_id, probability, asked=confidence)
        enough = thresholds(session, experiment_id, probability, confidence)
    return picture(request, kind, lambda: plots.frontier(table, front, enough, title=name))


@router.get("/steps.{kind}", response_class=Response, responses=PICTURE)
def get_steps_picture(
    request: Request, experiment_id: ExperimentId, kind: Format, state: AppState, confidence: AskedConfidence
) -> Response:
    """Draw success probability, and median steps to success, against samples: a line per width."""
    with state.database.read() as session:
        name = answers.known(session, experiment_id).name
        table = answers.success_table(session, experiment_id, confidence)
    return picture(request, kind, lambda: plots.steps(table, title=name))


@router.get("/curves.{kind}", response_class=Response, responses=PICTURE)
def get_curves_picture(  # noqa: PLR0913, PLR0917  # one parameter per part of the request
    request: Request,
    experiment_id: ExperimentId,
    kind: Format,
    state: AppState,
    where: CellFilter,
    seeds: Seeds = None,
) -> Response:
    """Draw training and test error of some runs of a cell; name the cell where there are several."""
    wanted = None if seeds is None else {int(seed) for seed in seeds.split(",")}
    with state.database.read() as session:
        row = answers.known(session, experiment_id)
        missing = unnamed(session, experiment_id, where)
        if missing:
            raise ProblemError(422, "curves are drawn of one cell; name it", errors=missing)
        limit = _USUAL_CURVES if wanted is None else len(wanted)
        found = answers.curves(session, experiment_id, where=where, seeds=wanted, limit=limit)
        title = f"{row.name}: {_cell(row.spec['grid'], where)}"
        goal = float(row.spec["training"]["success_error"])
    if not found:
        which = "run" if wanted is None else f"run of seed {seeds}"
        raise ProblemError(
            404,
            f"no {which} has finished in such a cell; "
            f"GET /v1/experiments/{experiment_id}/runs lists those that have",
        )
    return picture(request, kind, lambda: plots.curves(found, title=title, success_error=goal))


@router.get("/luck.{kind}", response_class=Response, responses=PICTURE)
def get_luck_picture(  # noqa: PLR0913, PLR0917  # one parameter per part of the request
    request: Request,
    experiment_id: ExperimentId,
    kind: Format,
    state: AppState,
    confidence: AskedConfidence,
    width: WideWidth = None,
) -> Response:
    """Draw whether one run of a wide network beats restarts of narrower ones at equal FLOPs."""
    with state.database.read() as session:
        name = answers.known(session, experiment_id).name
        answer = luck(session, experiment_id, width=width, asked=confidence)
    return picture(request, kind, lambda: plots.luck(answer, title=name))


def _cell(grid: dict[str, list[int | None]], where: dict[str, Any]) -> str:
    """Name a cell: by what was said of it, and by what the grid has one of."""
    width, samples, sparsity = (where.get(name, grid[name][0]) for name in ("width", "samples", "sparsity"))
    data = "online" if samples is None else f"{samples} samples"
    return f"width {width}, {data}, {'dense' if sparsity is None else f'{sparsity}-sparse'}"


def picture(request: Request, kind: Literal["svg", "png"], draw: Callable[[], Figure]) -> Response:
    """Draw, and answer with the file and its ETag.

    Raises:
        ProblemError: 409, there is more than the picture holds.
    """
    try:
        figure = draw()
    except ValueError as error:
        raise ProblemError(409, str(error)) from error
    return conditional.answer(request, plots.render(figure, kind), _MEDIA_TYPES[kind])
