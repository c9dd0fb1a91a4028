"""What the service costs: experiments through the whole of it, beside the same runs by the engine alone.

Usage: python -m bench.end_to_end [--engine auto] [--quick] [--results DIR]

The embedded stack runs in a temporary folder. An experiment counts from before its submission until a client
that follows its events has read its success table. The same runs by the engine alone are one call in a
process of its own (`bench.point`); both sides take the same steps, run for run, which is checked.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import output
from bench.engines import GOALS, runs_for
from bench.point import measure
from bench.stack import running
from bench.timing import summary
from bench.workload import INTERVAL, configuration
from tombola import Client
from tombola.spec import Configuration, ExperimentSpec, Grid, ParityTarget, Seeds, TrainingSettings

#: Runs of an experiment of one cell, where its training takes long enough with so few.
LEAST_RUNS = 50
MOST_STEPS = 50_000


def one_cell(width: int, engine: str, seconds: float) -> ExperimentSpec:
    """Return an experiment of the acceptance figures' cell that the engine alone takes about so long for."""
    trial_steps = INTERVAL * max(1, min(40, 4000 // width))  # so many that starting up hardly counts
    trial = measure([configuration(width, steps=trial_steps)], range(runs_for(width)), engine=engine)
    steps_in_all = seconds / trial["seconds"] * trial["steps"]
    steps = min(max(int(steps_in_all / LEAST_RUNS / INTERVAL), 1) * INTERVAL, MOST_STEPS)
    cell = configuration(width, steps=steps)
    return _spec(f"width {width}", cell, max(int(steps_in_all / steps), 2))


def hundred_cells(*, quick: bool) -> ExperimentSpec:
    """Return an experiment as users have them: half a minute, a hundred cells, runs that end at success."""
    widths = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256]
    return ExperimentSpec(
        name="100 cells",
        target=ParityTarget(n=50, k=3),
        grid=Grid(width=widths, samples=[300, 600, 1000, 2000, 4000], sparsity=[2, None]),
        training=TrainingSettings(max_steps=100 if quick else 20_000),
        seeds=Seeds(count=1 if quick else 24),
    )


def _spec(name: str, cell: Configuration, seeds: int) -> ExperimentSpec:
    return ExperimentSpec(
        name=name,
        target=cell.target,
        grid=Grid(width=[cell.width], samples=[cell.samples], sparsity=[cell.sparsity]),
        training=cell.training,
        seeds=Seeds(count=seeds),
    )


def through_service(client: Client, spec: ExperimentSpec) -> dict[str, float]:
    """Submit, follow to the end and read the table; return the seconds of each stage and the steps."""
    started = time.perf_counter()
    experiment = client.experiments.create(spec)
    for _ in experiment.events():
        pass
    told = datetime.now(UTC)
    experiment.success_table()
    seconds = time.perf_counter() - started
    final = experiment.refresh().data
    if final.started_at is None or final.finished_at is None:
        raise RuntimeError(f"experiment {final.id} ended as {final.status}: {final.reason}")
    runs = list(experiment.runs())
    return {
        "seconds": seconds,
        "outside": 1 - sum(run.wall_seconds for run in runs) / seconds,
        "until_started": (final.started_at - final.created_at).total_seconds(),
        "until_finished": (final.finished_at - final.started_at).total_seconds(),
        "until_told": (told - final.finished_at).total_seconds(),
        "steps": sum(run.steps for run in runs),
    }


def compare(client: Client, spec: ExperimentSpec, engine: str, rounds: int) -> dict[str, Any]:
    """Return service and engine side by side, each round with seeds of its own."""
    service, alone = [], []
    for number in range(rounds):
        seeds = spec.seeds.model_copy(update={"start": number * spec.seeds.most})
        fresh = spec.model_copy(update={"seeds": seeds})
        numbers = range(seeds.start, seeds.start + seeds.most)
        alone.append(measure(fresh.configurations(), numbers, engine=engine))
        service.append(through_service(client, fresh))
        if service[-1]["steps"] != alone[-1]["steps"]:
            raise RuntimeError(
                f"{spec.name}: {service[-1]['steps']} steps through the service, "
                f"{alone[-1]['steps']} by the engine alone: the runs are not the same"
            )
    shares = [one["seconds"] / whole["seconds"] for one, whole in zip(alone, service, strict=True)]
    return {
        "name": spec.name,
        "width": spec.grid.width[0] if spec.cell_count == 1 else None,
        "cells": spec.cell_count,
        "runs": spec.run_count,
        "steps": int(service[-1]["steps"]),
        "engine_seconds": summary([one["seconds"] for one in alone]),
        "service_seconds": summary([one["seconds"] for one in service]),
        #: Of the engine's speed that is left through the service.
        "speed_share": summary(shares),
        #: Of the experiment's time, in which no run was in training.
        "outside_share": summary([one["outside"] for one in service]),
        "stages": {
            stage: summary([one[stage] for one in service])
            for stage in ("until_started", "until_finished", "until_told")
        },
    }


def main() -> None:
    """Measure, print and write end_to_end.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--widths", type=int, nargs="+")
    parser.add_argument("--seconds", type=float, default=8.0, help="of the engine alone, for each width")
    arguments = parser.parse_args()
    quick = arguments.quick
    rounds = 1 if quick else 2
    widths = arguments.widths or (list(GOALS)[:1] if quick else list(GOALS))

    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="tombola-bench-") as folder,
        running(Path(folder), arguments.engine) as client,
    ):
        if quick:
            specs = [_spec(f"width {width}", configuration(width), 2) for width in widths]
        else:
            # The first training of a worker loads libraries.
            through_service(client, _spec("warm-up", configuration(10, samples=100), 2))
            specs = [one_cell(width, arguments.engine, arguments.seconds) for width in widths]
        for spec in [*specs, hundred_cells(quick=quick)]:
            row = compare(client, spec, arguments.engine, rounds)
            rows.append(row)
            print(
                f"{row['name']}, {row['runs']} runs: engine {row['engine_seconds']['median']:.2f} s, "
                f"service {row['service_seconds']['median']:.2f} s, "
                f"{row['speed_share']['median']:.0%} of the engine's speed",
                flush=True,
            )
        engine = next(worker for worker in client.workers.list() if worker.alive).engine
    output.write(arguments, "end_to_end", {"engine": engine, "rows": rows})


if __name__ == "__main__":
    main()
