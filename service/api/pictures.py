"""Pictures of experiments: the heat map and the frontier."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Path, Request, Response

from service.api import conditional, documents
from service.api.parameters import ExperimentId
from service.api.problems import ProblemError
from service.api.routes import guarded_router
from service.api.state import AppState
from service.api.tables import Probability
from service.lab import answers
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


# The endpoints open the database themselves, to hold no connection while they draw.
@router.get("/heatmap.{kind}", response_class=Response, responses=PICTURE)
def get_heatmap(request: Request, experiment_id: ExperimentId, kind: Format, state: AppState) -> Response:
    """Draw the success probability over width and samples, one panel per sparsity."""
    with state.database.read() as session:
        name = answers.known(session, experiment_id).name
        table = answers.success_table(session, experiment_id)
    return picture(request, kind, lambda: plots.heatmap(table, title=name))


@router.get("/frontier.{kind}", response_class=Response, responses=PICTURE)
def get_frontier_picture(
    request: Request,
    experiment_id: ExperimentId,
    kind: Format,
    state: AppState,
    probability: Probability = 0.9,
) -> Response:
    """Draw the frontier over all cells."""
    with state.database.read() as session:
        name = answers.known(session, experiment_id).name
        table = answers.success_table(session, experiment_id)
        front = answers.frontier(session, experiment_id, probability)
    return picture(request, kind, lambda: plots.frontier(table, front, title=name))


def picture(request: Request, kind: Literal["svg", "png"], draw: Callable[[], Figure]) -> Response:
    """Return a picture as a file.

    Raises:
        ProblemError: 409, it cannot be drawn of this experiment.
    """
    try:
        figure = draw()
    except ValueError as error:  # more sparsities than a picture holds
        raise ProblemError(409, str(error)) from error
    return conditional.answer(request, plots.render(figure, kind), _MEDIA_TYPES[kind])
