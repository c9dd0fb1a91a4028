"""Runs on tables one by one, with what each scored: page by page, or all of them as columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from service.lab.comparison import grid as grids
from service.lab.comparison.grid import Grid
from service.lab.errors import UnknownName
from service.lab.exports import PAGE_ROWS, Column, Page, paged
from service.store import scores
from service.store.database import Database
from service.store.runs import Slice
from tombola.results import Metrics, Score

_METRICS = ("accuracy", "auc", "loss")
#: Hyperparameters are JSON.
SCORES = (
    Column("dataset", "label"),
    Column("dataset_id", "label"),
    Column("split", "integer"),
    Column("samples", "integer"),
    Column("fraction", "number", nullable=True),
    Column("model", "label"),
    Column("candidate", "integer"),
    Column("hyperparameters", "label"),
    Column("width", "integer", nullable=True),
    Column("sparsity", "integer", nullable=True),
    Column("seed", "integer"),
    Column("outcome", "label"),
    Column("steps", "integer"),
    *(
        Column(f"{part}_{name}", "number", nullable=True)
        for part in ("validation", "test")
        for name in _METRICS
    ),
    Column("validation_rows", "integer"),
    Column("test_rows", "integer"),
    Column("wall_seconds", "number"),
    Column("core_seconds", "number"),
)
_WHERE = [name for name, *_ in SCORES[:10]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs are asked for; None is all.

    Attributes:
        dataset: Name or id.
        model: Its kind.
    """

    dataset: str | None = None
    model: str | None = None


def score_page(
    session: Session, experiment_id: str, which: Wanted, limit: int, after: tuple[int, int] | None
) -> list[tuple[int, Score]]:
    """Return up to `limit` runs behind a cell and seed, in the order of both, each with its cell.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on a parity.
        UnknownName: It has no such data set or model.
    """
    grid = grids.read(session, experiment_id)
    positions = _positions(grid, which)
    rows = scores.rows(
        session, experiment_id, Slice(limit, after, {}), positions=positions, importance=grid.spec.importance
    )
    return [(row.position, _score(grid, row)) for row in rows]


def score_pages(
    database: Database, experiment_id: str, which: Wanted, *, page_rows: int = PAGE_ROWS
) -> Iterator[Page]:
    """Yield pages of `SCORES` in the order of (cell, seed).

    Args:
        database: Whose transactions are over before a page is yielded.
        experiment_id: Whose runs.
        which: Some of them.
        page_rows: Rows of a page at most.

    Raises:
        ExperimentGone: It was deleted before all was read.
    """
    with database.read() as session:
        grid = grids.read(session, experiment_id)
    positions = _positions(grid, which)

    def read(session: Session, after: tuple[int, int] | None) -> Sequence[Any]:
        return scores.rows(session, experiment_id, Slice(page_rows, after, {}), positions=positions)

    for rows in paged(database, experiment_id, read, page_rows):
        position, *own = zip(*rows, strict=True)
        where = [_where(grid, place) for place in position]
        yield [
            *(
                [
                    json.dumps(row[name], sort_keys=True) if name == "hyperparameters" else row[name]
                    for row in where
                ]
                for name in _WHERE
            ),
            *own,
        ]


def check(session: Session, experiment_id: str, which: Wanted) -> None:
    """Raise what `score_page` would, before a file is begun."""
    _positions(grids.read(session, experiment_id), which)


def _positions(grid: Grid, which: Wanted) -> list[int] | None:
    if which.dataset is None and which.model is None:
        return None
    tables = {name: number for number, one in enumerate(grid.subjects) for name in (one.id, one.name)}
    if which.dataset is not None and which.dataset not in tables:
        raise UnknownName("dataset", which.dataset, [one.name for one in grid.subjects])
    kinds = [candidate.kind for candidate in grid.candidates]
    if which.model is not None and which.model not in kinds:
        raise UnknownName("model", which.model, list(dict.fromkeys(kinds)))
    return [
        position
        for position, place in enumerate(grid.places)
        if which.dataset is None or place.subject == tables[which.dataset]
        if which.model is None or kinds[place.candidate] == which.model
    ]


def _where(grid: Grid, position: int) -> dict[str, Any]:
    """Return what is known of a run by its cell."""
    place = grid.places[position]
    table, candidate = grid.subjects[place.subject], grid.candidates[place.candidate]
    return {
        "dataset": table.name,
        "dataset_id": table.id,
        "split": grid.splits[place.split],
        "samples": table.sizes[place.size],
        "fraction": grid.fraction(place.size),
        "model": candidate.kind,
        "candidate": candidate.number,
        "hyperparameters": candidate.hyperparameters,
        "width": candidate.width,
        "sparsity": candidate.sparsity,
    }


def _score(grid: Grid, row: Any) -> Score:  # noqa: ANN401  # of `store.scores.rows`
    position, seed, outcome, steps, *measured = row
    validation, test = (dict(zip(_METRICS, part, strict=True)) for part in (measured[:3], measured[3:6]))
    validation_rows, test_rows, wall, core, *importance = measured[6:]
    return Score(
        **_where(grid, position),
        seed=seed,
        outcome="success" if outcome == "success" else "diverged",
        steps=steps,
        validation=Metrics(**validation),
        test=Metrics(**test),
        validation_rows=validation_rows,
        test_rows=test_rows,
        wall_seconds=wall,
        core_seconds=core,
        importance=importance[0] if importance else None,
    )
