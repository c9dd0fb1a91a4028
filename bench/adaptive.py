"""Adaptive seeds through the whole service: how many runs they save, and that they decide the same.

Usage: python -m bench.adaptive [--widest 3000] [--max 200] [--engine auto] [--quick] [--results DIR]

Two experiments. The grid of Figure 1 (left), down-scaled as in `bench.figure1`, with adaptive seeds: which
cells are above a success probability of 0.5? And a small grid with adaptive seeds, then with the fixed number
that its hardest cell took, in every cell: the same rule must decide every cell alike from those.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench import figure1, output
from bench.stack import running
from service.lab.statistics.sequences import confidence_sequence
from tombola import Client
from tombola.results import Decision, SuccessTable
from tombola.spec import BoundarySeeds, ExperimentSpec, Grid, ParityTarget, Seeds, TrainingSettings


def figure_1(most: int, widest: int, *, quick: bool) -> ExperimentSpec:
    """Return the grid of Figure 1, up to some width, with adaptive seeds."""
    spec = figure1.specification(1, quick=quick)
    grid = spec.grid.model_copy(update={"width": [width for width in spec.grid.width if width <= widest]})
    return spec.model_copy(update={"grid": grid, "seeds": BoundarySeeds(max=most)})


def small(most: int, *, quick: bool) -> ExperimentSpec:
    """Return a grid that a fixed design can train as well within a minute or so."""
    return ExperimentSpec(
        name="small grid",
        target=ParityTarget(n=20, k=3),
        grid=Grid(width=[16, 64, 256], samples=[75, 150, 300, 600, 1200], sparsity=[2, None]),
        training=TrainingSettings(max_steps=300 if quick else 6000, eval_every=100 if quick else 200),
        seeds=BoundarySeeds(max=most),
    )


def trained(client: Client, spec: ExperimentSpec) -> dict[str, Any]:
    """Submit, wait, and return what came of it."""
    experiment = client.experiments.create(spec)
    data = experiment.wait(progress=True).refresh().data
    assert data.finished_at is not None  # noqa: S101  # it succeeded
    started_at = data.started_at or data.finished_at  # all may have been there
    return {
        "spec": spec.model_dump(mode="json"),
        "seconds": (data.finished_at - started_at).total_seconds(),
        "engine": sorted({run.engine for run in experiment.runs(limit=1)}),
        "adaptive": None if data.adaptive is None else data.adaptive.model_dump(mode="json"),
        "actual": None if data.actual is None else data.actual.model_dump(mode="json"),
        "table": experiment.success_table().model_dump(mode="json"),
    }


def fixed_beside(client: Client, spec: ExperimentSpec, found: dict[str, Any]) -> dict[str, Any]:
    """Train as many runs in every cell as the hardest took; count the cells that are decided otherwise."""
    cells = list(SuccessTable.model_validate(found["table"]))
    hardest = max(cell.runs for cell in cells)
    beside = trained(client, spec.model_copy(update={"seeds": Seeds(count=hardest)}))
    fixed = list(SuccessTable.model_validate(beside["table"]))
    changed = 0
    for mine, theirs in zip(cells, fixed, strict=True):
        low, high = confidence_sequence(theirs.successes, theirs.runs)
        decided = Decision.ABOVE if low > 0.5 else Decision.BELOW if high < 0.5 else Decision.UNDECIDED
        # A sequence may open again after it has decided; what counts is that it never says the contrary.
        changed += Decision.UNDECIDED not in (mine.decision, decided) and mine.decision != decided
    return {"runs": len(cells) * hardest, "seconds": beside["seconds"], "cells_changed": changed}


def main() -> None:
    """Train both, print what was saved and write adaptive.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--widest", type=int, default=3000, help="leave out wider cells of Figure 1")
    parser.add_argument("--max", type=int, default=200, help="runs after which a cell is left undecided")
    parser.add_argument("--engine", default="auto")
    arguments = parser.parse_args()
    most = 12 if arguments.quick else arguments.max
    asked = small(most, quick=arguments.quick)
    with (
        tempfile.TemporaryDirectory(prefix="tombola-bench-") as folder,
        running(Path(folder), arguments.engine) as client,
    ):
        grids = {"small": trained(client, asked)}
        grids["small"]["fixed"] = fixed_beside(client, asked, grids["small"])
        grids["figure 1"] = trained(client, figure_1(most, arguments.widest, quick=arguments.quick))
    for name, found in grids.items():
        told = found["adaptive"]
        print(
            f"{name}: {told['runs_spent']} runs in {found['seconds']:.1f} s; by a fixed design "
            f"{told['runs_fixed']} ({told['saving']:.1f} times), looked at once {told['runs_one_look']}; "
            f"{told['cells_above']} cells above, {told['cells_below']} below, "
            f"{told['cells_undecided']} undecided"
        )
    output.write(arguments, "adaptive", {"grids": grids})


if __name__ == "__main__":
    main()
