"""How fast success tables are answered: a million runs in the store, over HTTP, beside counting the runs.

Usage: python -m bench.answers [--runs 1000000] [--quick] [--results DIR]

The embedded stack runs on a folder whose store is filled with made-up runs (`bench.filling`), in few cells
and in as many as an experiment may have. *First* is a request after a change of the experiment, *again* one
that follows another request, *known* one whose client has the answer (304). *Counting* is what an answer
would begin with if counts were not kept per cell: one SQL statement on the same store, how many runs of
each succeeded.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import case, func, select, update

import migrations
from bench import output
from bench.filling import fill
from bench.stack import running
from bench.timing import summary
from service.store.database import Database
from service.store.models import Cell, Experiment, Run
from tombola.spec import ExperimentSpec, Grid, ParityTarget, Seeds

#: Cells of a grid by name: values of width and of samples; sparse and dense.
GRIDS = {"200 cells": (10, 10), "10 000 cells": (100, 50)}
#: What the answers shall stay below at the median.
GOAL_SECONDS = 0.05


def specification(name: str, widths: int, samples: int, runs: int) -> ExperimentSpec:
    """Return a grid of 2 x widths x samples cells and about so many runs."""
    return ExperimentSpec(
        name=name,
        target=ParityTarget(n=50, k=3),
        grid=Grid(
            width=[16 * (number + 1) for number in range(widths)],
            samples=[100 * (number + 1) for number in range(samples)],
            sparsity=[2, None],
        ),
        seeds=Seeds(count=max(1, runs // (2 * widths * samples))),
    )


def filled(folder: Path, spec: ExperimentSpec) -> str:
    """Make a store with all runs of a spec in this folder, and return the experiment's id."""
    database = Database(f"sqlite:///{folder / 'tombola.db'}")
    with database.write() as session:
        migrations.upgrade(session.connection())
    experiment_id = fill(database, spec, curves=False)
    database.close()
    return experiment_id


def timed(act: Callable[[], Any], rounds: int, *, before: Callable[[], Any] | None = None) -> dict[str, Any]:
    """Return median and extremes of the seconds that something takes; `before` each time is not counted."""
    seconds = []
    for _ in range(rounds):
        if before is not None:
            before()
        started = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - started)
    return summary(seconds)


def asked(folder: Path, url: str, experiment_id: str, rounds: int) -> dict[str, Any]:
    """Time each kind of request, and counting, on one store."""
    database = Database(f"sqlite:///{folder / 'tombola.db'}")
    path = f"/v1/experiments/{experiment_id}/success-table"

    def change() -> None:
        with database.write() as session:
            session.execute(update(Experiment).values(version=Experiment.version + 1))

    def count() -> None:
        won = func.sum(case((Run.outcome == "success", 1), else_=0))
        query = select(Cell.position, func.count(), won).join(
            Run, Run.configuration_id == Cell.configuration_id
        )
        with database.read() as session:
            session.execute(query.group_by(Cell.position).order_by(Cell.position)).all()

    with httpx.Client(base_url=url, timeout=60) as client:
        answer = client.get(path)
        answer.raise_for_status()
        headers = {"If-None-Match": answer.headers["etag"]}
        found = {
            "first": timed(lambda: client.get(path), max(rounds // 10, 3), before=change),
            "again": timed(lambda: client.get(path), rounds),
            "known": timed(lambda: client.get(path, headers=headers), rounds),
            "counting": timed(count, 3),
        }
    database.close()
    return {"bytes": len(answer.content), "seconds": found}


def main() -> None:
    """Fill, measure, print and write answers.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000, help="runs in the store")
    arguments = parser.parse_args()
    runs, rounds = (2_000, 10) if arguments.quick else (arguments.runs, 200)
    rows = []
    for name, sides in GRIDS.items():
        widths, samples = (side // 5 if arguments.quick else side for side in sides)
        spec = specification(name, widths, samples, runs)
        with tempfile.TemporaryDirectory(prefix="tombola-bench-") as made:
            folder = Path(made)
            experiment_id = filled(folder, spec)
            with running(folder, "auto") as client:
                found = asked(folder, client.url, experiment_id, rounds)
        rows.append({"name": name, "cells": spec.cell_count, "runs": spec.run_count, **found})
        shown = ", ".join(f"{kind} {one['median'] * 1e3:.1f} ms" for kind, one in found["seconds"].items())
        print(f"{spec.cell_count} cells, {spec.run_count} runs, {found['bytes']} bytes: {shown}", flush=True)
    output.write(arguments, "answers", {"goal_seconds": GOAL_SECONDS, "rows": rows})


if __name__ == "__main__":
    main()
