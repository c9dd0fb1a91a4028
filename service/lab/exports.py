"""Exports: all runs or curves of an experiment, as columns in pages that are read as they are asked for.

Each page is a short transaction of its own: a long one would keep SQLite's log growing and PostgreSQL from
tidying up. Runs are never changed, so the pages fit together; runs that finish meanwhile are among them where
their place was not passed yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy.orm import Session

from service.lab import cost
from service.lab.errors import ExperimentGone
from service.store import experiments, exports
from service.store.database import Database
from service.store.runs import Slice
from tombola.results import Interval, SuccessTable
from tombola.spec import TrainingSettings

#: Rows of a page: some megabytes, and much more work than asking for them.
PAGE_ROWS = 16_384
#: Evaluations that curves read at once have at most, unless a single curve has more.
_READ_EVALUATIONS = 131_072

#: Values of a page, a sequence for each column.
Page = Sequence[Sequence[Any]]
#: `label` is text of few different values; `time` has its zone.
Kind = Literal["integer", "number", "text", "label", "time"]


class Column(NamedTuple):
    """A column of an export."""

    name: str
    kind: Kind
    nullable: bool = False


_CELL = (
    Column("width", "integer"),
    Column("samples", "integer", nullable=True),
    Column("sparsity", "integer", nullable=True),
)
_ERRORS = (Column("train_error", "number", nullable=True), Column("test_error", "number", nullable=True))
_RUN = (Column("cell", "integer"), *_CELL, Column("seed", "integer"), Column("outcome", "label"))
RUNS = (
    *_RUN,
    Column("steps", "integer"),
    *_ERRORS,
    Column("wall_seconds", "number"),
    Column("flops", "number"),
    Column("engine", "label"),
    Column("device", "label"),
    Column("versions", "label"),
    Column("finished_at", "time"),
)
#: In long form: a row for each evaluation.
CURVES = (*_RUN, Column("step", "integer"), *_ERRORS)
TABLE = (
    *_CELL,
    *(Column(name, "integer") for name in ("runs", "runs_total", "successes", "censored", "diverged")),
    Column("probability", "number", nullable=True),
    *(Column(name, "number", nullable=True) for name in ("low", "high", "level")),
    Column("method", "text", nullable=True),
    *(Column(f"median_steps{end}", "number", nullable=True) for end in ("", "_low", "_high")),
    Column("decision", "text", nullable=True),
)

_Place = tuple[int, int]


def table_page(table: SuccessTable) -> Page:
    """Return a success table as one page of `TABLE`: an interval is its four fields."""
    within = Interval.model_fields
    return [
        [
            getattr(cell.interval, name, None) if name in within else getattr(cell, name)
            for cell in table.cells
        ]
        for name, *_ in TABLE
    ]


def run_pages(
    database: Database, experiment_id: str, where: Mapping[str, Any], *, page_rows: int = PAGE_ROWS
) -> Iterator[Page]:
    """Yield pages of `RUNS` in the order of (cell, seed); the software's versions are JSON.

    Args:
        database: Whose transactions are over before a page is yielded.
        experiment_id: Whose runs.
        where: As of `store.runs.Slice`.
        page_rows: Rows of a page at most.

    Raises:
        ExperimentGone: It was deleted before all was read.
    """
    known: dict[int, tuple[str, str, str]] = {}

    def read(session: Session, after: _Place | None) -> Sequence[Any]:
        rows = exports.run_rows(session, experiment_id, Slice(page_rows, after, where))
        new = {row.environment_id for row in rows} - known.keys()
        for key, (engine, device, versions) in exports.trainers(session, new).items():
            known[key] = (engine, device, json.dumps(versions, sort_keys=True, ensure_ascii=False))
        return rows

    for rows in paged(database, experiment_id, read, page_rows):
        *before, environments, finished_at = zip(*rows, strict=True)
        trainers = zip(*(known[key] for key in environments), strict=True)
        yield [*before, *trainers, finished_at]


def curves_at_once(training: TrainingSettings) -> int:
    """Return how many curves may be held at once: each has an entry for every evaluation."""
    return max(_READ_EVALUATIONS // cost.evaluations_within(training, training.max_steps), 1)


def curve_pages(
    database: Database,
    experiment_id: str,
    training: TrainingSettings,
    where: Mapping[str, Any],
    *,
    page_rows: int = PAGE_ROWS,
) -> Iterator[Page]:
    """Yield pages of `CURVES` in the order of (cell, seed, step).

    Args:
        database: As of `run_pages`.
        experiment_id: Whose curves.
        training: The experiment's settings, which say how many evaluations a run can have.
        where: As of `store.runs.Slice`.
        page_rows: Rows of a page at most.

    Raises:
        ExperimentGone: It was deleted before all was read.
    """
    runs_at_once = min(curves_at_once(training), page_rows)

    def read(session: Session, after: _Place | None) -> Sequence[Any]:
        return exports.curve_rows(session, experiment_id, Slice(runs_at_once, after, where))

    columns: list[list[Any]] = [[] for _ in CURVES]
    for rows in paged(database, experiment_id, read, runs_at_once):
        for *run, document in rows:
            steps = document["steps"]
            parts = (*([value] * len(steps) for value in run), steps)
            for column, part in zip(
                columns, (*parts, document["train_error"], document["test_error"]), strict=True
            ):
                column.extend(part)
        whole = len(columns[0]) - len(columns[0]) % page_rows
        for first in range(0, whole, page_rows):
            yield [column[first : first + page_rows] for column in columns]
        for column in columns:
            del column[:whole]
    if columns[0]:
        yield columns


def paged(
    database: Database,
    experiment_id: str,
    read: Callable[[Session, _Place | None], Sequence[Any]],
    limit: int,
) -> Iterator[Sequence[Any]]:
    """Yield rows with their `position` and `seed`, as `read` gives them behind a place, `limit` at once.

    Raises:
        ExperimentGone: It was deleted before all was read.
    """
    after: _Place | None = None
    while True:
        with database.read() as session:
            rows = read(session, after)
            # Looked for after the page was read: without its cells, an experiment looks like one at its end.
            if not experiments.exists_now(session, experiment_id):
                raise ExperimentGone(experiment_id)
        if rows:
            yield rows
        if len(rows) < limit:
            return
        after = (rows[-1].position, rows[-1].seed)
