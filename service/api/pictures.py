"""Pictures of experiments: heat map, frontier, steps against samples, training curves and luck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, Path, Query, Request, Response
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Session

from service.api import conditional, documents
from service.api.analysis import WideWidth
from service.api.kept import Key
from service.api.parameters import AskedConfidence, CellFilter, ExperimentId, list_of
from service.api.problems import ProblemError
from service.api.routes import guarded_router
from service.api.runs import unnamed
from service.api.state import AppState, State
from service.api.tables import Probability
from service.lab import answers
from service.lab.answers import Kind
from service.lab.frontiers import frontier, thresholds
from service.lab.luck import luck
from service.store.models import Experiment
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


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture of one experiment, as a request asks for it.

    Attributes:
        of: What the experiment must be on.
    """

    request: Request
    experiment_id: str
    kind: Literal["svg", "png"]
    state: State
    of: Kind = "parity"

    def answer(self, read: Callable[[Session, Experiment], Callable[[], Figure]]) -> Response:
        """Return the picture with its ETag: a new one, or the last one where the experiment has not changed.

        Args:
            read: Reads what the picture shows and returns what draws it; no connection is held meanwhile.

        Raises:
            UnknownExperiment: No such experiment.
            WrongKind: It is on something else.
            ProblemError: 409, there is more than the picture holds.
        """

        def content() -> bytes:
            with self.state.database.read() as session:
                draw = read(session, answers.known(session, self.experiment_id))
            try:
                figure = draw()
            except ValueError as error:
                raise ProblemError(409, str(error)) from error
            return plots.render(figure, self.kind)

        with self.state.database.read() as session:
            version = answers.of_kind(session, self.experiment_id, self.of).version
        media_type = _MEDIA_TYPES[self.kind]
        body = self.state.kept.get(Key(str(self.request.url), media_type, version), content)
        return conditional.respond(self.request, body, media_type, headers=conditional.PASSIVE)


def _drawing(request: Request, experiment_id: ExperimentId, kind: Format, state: AppState) -> Drawing:
    return Drawing(request, experiment_id, kind, state)


AskedDrawing = Annotated[Drawing, Depends(_drawing)]


def _tabular_drawing(request: Request, experiment_id: ExperimentId, kind: Format, state: AppState) -> Drawing:
    return Drawing(request, experiment_id, kind, state, of="tabular")


AskedTabularDrawing = Annotated[Drawing, Depends(_tabular_drawing)]


@router.get("/heatmap.{kind}", response_class=Response, responses=PICTURE)
def get_heatmap(drawing: AskedDrawing) -> Response:
    """Draw the success probability over width and samples, one panel per sparsity."""

    def read(session: Session, experiment: Experiment) -> Callable[[], Figure]:
        table = answers.success_table(session, experiment.id)
        return partial(plots.heatmap, table, title=experiment.name)

    return drawing.answer(read)


@router.get("/frontier.{kind}", response_class=Response, responses=PICTURE)
def get_frontier_picture(
    drawing: AskedDrawing, confidence: AskedConfidence, probability: Probability = 0.9
) -> Response:
    """Draw the frontier over all cells, and the limits of the fewest samples that suffice for each width."""

    def read(session: Session, experiment: Experiment) -> Callable[[], Figure]:
        table = answers.success_table(session, experiment.id, confidence)
        front = frontier(session, experiment.id, probability, asked=confidence)
        enough = thresholds(session, experiment.id, probability, confidence)
        return partial(plots.frontier, table, front, enough, title=experiment.name)

    return drawing.answer(read)


@router.get("/steps.{kind}", response_class=Response, responses=PICTURE)
def get_steps_picture(drawing: AskedDrawing, confidence: AskedConfidence) -> Response:
    """Draw success probability, and median steps to success, against samples: a line per width."""

    def read(session: Session, experiment: Experiment) -> Callable[[], Figure]:
        table = answers.success_table(session, experiment.id, confidence)
        return partial(plots.steps, table, title=experiment.name)

    return drawing.answer(read)


@router.get("/curves.{kind}", response_class=Response, responses=PICTURE)
def get_curves_picture(drawing: AskedDrawing, where: CellFilter, seeds: Seeds = None) -> Response:
    """Draw training and test error of some runs of a cell; name the cell where there are several."""
    wanted = None if seeds is None else {int(seed) for seed in seeds.split(",")}

    def read(session: Session, experiment: Experiment) -> Callable[[], Figure]:
        missing = unnamed(session, experiment.id, where)
        if missing:
            raise ProblemError(422, "curves are drawn of one cell; name it", errors=missing)
        limit = _USUAL_CURVES if wanted is None else len(wanted)
        found = answers.curves(session, experiment.id, where=where, seeds=wanted, limit=limit)
        if not found:
            which = "run" if seeds is None else f"run of seed {seeds}"
            raise ProblemError(
                404,
                f"no {which} has finished in such a cell; "
                f"GET /v1/experiments/{experiment.id}/runs lists those that have",
            )
        title = f"{experiment.name}: {_cell(experiment.spec['grid'], where)}"
        goal = float(experiment.spec["training"]["success_error"])
        return partial(plots.curves, found, title=title, success_error=goal)

    return drawing.answer(read)


@router.get("/luck.{kind}", response_class=Response, responses=PICTURE)
def get_luck_picture(drawing: AskedDrawing, confidence: AskedConfidence, width: WideWidth = None) -> Response:
    """Draw whether one run of a wide network beats restarts of narrower ones at equal FLOPs."""

    def read(session: Session, experiment: Experiment) -> Callable[[], Figure]:
        answer = luck(session, experiment.id, width=width, asked=confidence)
        return partial(plots.luck, answer, title=experiment.name)

    return drawing.answer(read)


def _cell(grid: dict[str, list[int | None]], where: dict[str, Any]) -> str:
    """Name a cell: by what was said of it, and by what the grid has one of."""
    width, samples, sparsity = (where.get(name, grid[name][0]) for name in ("width", "samples", "sparsity"))
    data = "online" if samples is None else f"{samples} samples"
    return f"width {width}, {data}, {'dense' if sparsity is None else f'{sparsity}-sparse'}"
