"""Runs of experiments, and their curves."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Session

from service.api import documents, examples, paging
from service.api.parameters import CellFilter, ExperimentId, Seed
from service.api.problems import ProblemError
from service.api.routes import guarded_router
from service.api.state import ReadSession
from service.lab import answers
from tombola.results import Curve, Outcome, Page, ProblemPart, Run

router = guarded_router("/v1/experiments/{experiment_id}/runs", "results")


@router.get("", responses={**documents.ok(examples.RUNS), **documents.problems(404)})
def list_runs(  # noqa: PLR0913, PLR0917  # each is a part of the request
    experiment_id: ExperimentId,
    session: ReadSession,
    where: CellFilter,
    outcome: Annotated[
        Outcome | SkipJsonSchema[None], Query(description="Runs that ended like this only.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Runs on a page.")] = 100,
    cursor: paging.Cursor = None,
) -> Page[Run]:
    """List finished runs, by cell and seed."""
    after = paging.run_before(cursor)
    wanted = where if outcome is None else {**where, "outcome": outcome.value}
    found = answers.run_page(session, experiment_id, limit=limit + 1, after=after, where=wanted)
    shown = found[:limit]
    more = paging.after_run(shown[-1].cell, shown[-1].seed) if len(found) > limit else None
    return Page(items=shown, next_cursor=more)


@router.get("/{seed}/curve", responses={**documents.ok(examples.CURVE), **documents.problems(404)})
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
    grid = answers.known(session, experiment_id).spec["grid"]
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
