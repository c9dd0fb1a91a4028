"""Runs of experiments, and their curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Session

from service.api import documents, examples, exporting, paging
from service.api.parameters import CellFilter, ExperimentId, Seed
from service.api.problems import ProblemError
from service.api.routes import guarded_router
from service.api.state import AppState, ReadSession
from service.lab import answers, exports
from service.store.runs import Slice
from tombola.results import Curve, Outcome, Page, ProblemPart, Run

router = guarded_router("/v1/experiments/{experiment_id}", "results")


@dataclass(frozen=True, slots=True)
class _Listing:
    """What was asked of a listing: JSON page by page, or a file of all that `where` admits."""

    wanted: exporting.AnyFormat
    where: dict[str, Any]
    limit: int
    after: tuple[int, int] | None

    @property
    def page(self) -> Slice:
        """The page, and one more to see whether there is another."""
        return Slice(self.limit + 1, self.after, self.where)


def _listing(  # noqa: PLR0913, PLR0917  # each is a part of the request
    request: Request,
    where: CellFilter,
    outcome: Annotated[
        Outcome | SkipJsonSchema[None], Query(description="Runs that ended like this only.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Runs on a page of JSON.")] = 100,
    cursor: paging.Cursor = None,
    file_format: exporting.AskedFormat = None,
) -> _Listing:
    return _Listing(
        wanted=exporting.wanted(request, file_format),
        where=where if outcome is None else {**where, "outcome": outcome.value},
        limit=limit,
        after=paging.run_before(cursor),
    )


_Asked = Annotated[_Listing, Depends(_listing)]


@router.get(
    "/runs",
    response_model=Page[Run],
    responses={
        **exporting.documented(
            "A page of runs in JSON; all of them in a file, by cell and seed, their versions as JSON text.",
            exports.RUNS,
            examples.RUNS,
            examples.RUNS_CSV,
        ),
        **documents.problems(404, 406, 409),
    },
)
def list_runs(
    request: Request, experiment_id: ExperimentId, state: AppState, session: ReadSession, asked: _Asked
) -> Response:
    """List finished runs, by cell and seed: page by page in JSON, or all in one file, sent while it is read.

    A file breaks off where the experiment is deleted meanwhile.
    """
    if asked.wanted != "json":
        answers.of_kind(session, experiment_id, "parity")
        pages = exports.run_pages(state.database, experiment_id, asked.where)
        return exporting.stream(request, asked.wanted, f"{experiment_id}-runs", exports.RUNS, pages)
    return _page(answers.run_page(session, experiment_id, asked.page), asked)


@router.get(
    "/curves",
    response_model=Page[Curve],
    responses={
        **exporting.documented(
            "A page of curves in JSON; all of them in a file, a row for each evaluation.",
            exports.CURVES,
            examples.CURVES,
            examples.CURVES_CSV,
        ),
        **documents.problems(404, 406, 409),
    },
)
def list_curves(
    request: Request, experiment_id: ExperimentId, state: AppState, session: ReadSession, asked: _Asked
) -> Response:
    """List the curves of finished runs, as `list_runs` lists the runs; long ones are fewer on a page."""
    training = answers.parity_spec(answers.of_kind(session, experiment_id, "parity")).training
    if asked.wanted != "json":
        pages = exports.curve_pages(state.database, experiment_id, training, asked.where)
        return exporting.stream(request, asked.wanted, f"{experiment_id}-curves", exports.CURVES, pages)
    asked = replace(asked, limit=min(asked.limit, exports.curves_at_once(training)))
    return _page(answers.curve_page(session, experiment_id, asked.page), asked)


def _page(found: Sequence[Run] | Sequence[Curve], asked: _Listing) -> Response:
    shown = found[: asked.limit]
    more = paging.after_run(shown[-1].cell, shown[-1].seed) if len(found) > asked.limit else None
    page = Page[Run | Curve](items=list(shown), next_cursor=more)
    return Response(page.model_dump_json(), headers=exporting.VARY, media_type="application/json")


@router.get("/runs/{seed}/curve", responses={**documents.ok(examples.CURVE), **documents.problems(404, 409)})
def get_curve(experiment_id: ExperimentId, seed: Seed, session: ReadSession, where: CellFilter) -> Curve:
    """Read the errors of one run at its evaluations; name its cell where there are several."""
    found = answers.curves(session, experiment_id, where=where, seeds=[seed], limit=2)
    if not found:
        raise ProblemError(
            404,
            f"no run of seed {seed} has finished in such a cell; "
            f"GET /v1/experiments/{experiment_id}/runs lists those that have",
        )
    if len(found) > 1:
        what = f"several cells have a run of seed {seed}; name the cell"
        raise ProblemError(422, what, errors=unnamed(session, experiment_id, where))
    return found[0]


def unnamed(session: Session, experiment_id: str, where: CellFilter) -> list[ProblemPart]:
    """Return what must be said yet for `where` to admit one cell only, part by part."""
    grid = answers.of_kind(session, experiment_id, "parity").spec["grid"]
    names = {"width": "", "samples": " (null is `online`)", "sparsity": " (null is `dense`)"}
    return [
        ProblemPart(
            parameter=name,
            detail=f"say which, the experiment has several: {_listed(grid[name])}{note}",
        )
        for name, note in names.items()
        if name not in where and len(grid[name]) > 1
    ]


def _listed(values: list[int | None]) -> str:
    shown = ["null" if value is None else str(value) for value in values[:10]]
    return ", ".join(shown) + (", …" if len(values) > len(shown) else "")
