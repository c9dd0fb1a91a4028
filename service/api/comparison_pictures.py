"""Pictures of models compared on tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Response
from sqlalchemy.orm import Session

from service.api.parameters import AskedConfidence
from service.api.pictures import PICTURE, AskedTabularDrawing
from service.api.routes import guarded_router
from service.api.tables import Probability
from service.store.models import Experiment
from tombola import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tombola.results import Comparison

router = guarded_router("/v1/experiments/{experiment_id}", "results")

Level = Annotated[float, Query(ge=0.5, lt=1, description="Confidence level.")]


@router.get("/accuracy.{kind}", response_class=Response, responses=PICTURE)
def get_accuracy_picture(drawing: AskedTabularDrawing, level: Level = 0.95) -> Response:
    """Draw test accuracy against training rows, a panel for each data set, a line for each model."""
    return drawing.answer(partial(_compared, plots.accuracy, level))


@router.get("/gain.{kind}", response_class=Response, responses=PICTURE)
def get_gain_picture(drawing: AskedTabularDrawing, level: Level = 0.95) -> Response:
    """Draw what a sparse start gains over a dense one in accuracy, against width."""
    return drawing.answer(partial(_compared, plots.gain, level))


@router.get("/ranks.{kind}", response_class=Response, responses=PICTURE)
def get_ranks_picture(drawing: AskedTabularDrawing, level: Level = 0.95) -> Response:
    """Draw mean ranks over data sets as critical-difference diagrams, one for each size."""
    return drawing.answer(partial(_compared, plots.ranks, level))


@router.get("/width.{kind}", response_class=Response, responses=PICTURE)
def get_width_picture(
    drawing: AskedTabularDrawing, confidence: AskedConfidence, probability: Probability = 0.5
) -> Response:
    """Draw how often networks are as good as the baseline of the same size, against training rows."""

    def read(session: Session, experiment: Experiment) -> Callable[[], Figure]:
        from service.lab.comparison.networks import width_frontier  # noqa: PLC0415  # as below

        found = width_frontier(
            session, experiment.id, probability=probability, confidence=confidence.for_fixed_runs()
        )
        return partial(plots.width, found, title=experiment.name)

    return drawing.answer(read)


def _compared(
    draw: Callable[..., Figure], level: float, session: Session, experiment: Experiment
) -> Callable[[], Figure]:
    from service.lab.comparison.compose import comparison  # noqa: PLC0415  # numpy and scipy load with it

    found: Comparison = comparison(session, experiment.id, level=level)
    return partial(draw, found, title=experiment.name)
