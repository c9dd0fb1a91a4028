"""Figure 1 (left) of the paper, down-scaled, trained through the whole service.

Usage: python -m bench.figure1 [--seeds 32] [--data-dir figure-1-data] [--device cpu] [--quick]
                               [--results DIR]

It is the preset paper/figure-1 at the scale `laptop`: success probability over width and samples for the
(50, 3)-sparse parity, 2-sparse and dense. The paper has widths to 10^5, samples to 10^6, 50 runs a cell and
up to 10^5 steps; here widths end at 3000 and samples at 10 000, with 32 runs a cell and 50 000 steps. Every
cell has the same seeds and budget. Ctrl-C and a second start on the same data folder go on where it stopped;
more seeds train only the new ones. `bench.report` draws the picture.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import output
from bench.machine import ROOT
from bench.stack import completed, running
from service.lab import presets
from tombola import Client
from tombola.results import Scale, SuccessTable
from tombola.spec import ExperimentSpec, Grid, Seeds, TrainingSettings

#: Half an hour of two cores at most, by the cost model.
PRESET = presets.find("paper/figure-1", Scale.LAPTOP).spec


def specification(seeds: int, *, quick: bool) -> ExperimentSpec:
    """Return the preset's experiment, with so many seeds; quick: a few cells for a moment."""
    update: dict[str, Any] = {"name": "figure 1 left, down-scaled", "seeds": Seeds(count=seeds)}
    if quick:
        update["grid"] = Grid(width=[10, 30], samples=[100, 1000], sparsity=[2, None])
        update["training"] = TrainingSettings(max_steps=500)
    return PRESET.model_copy(update=update)


def trained(client: Client, spec: ExperimentSpec) -> dict[str, Any]:
    """Submit, or find what an earlier start submitted; wait, and return what came of it."""
    key = f"figure-1-left-{spec.seeds.most}-seeds"
    experiment, seconds = completed(client, spec, key)
    data = experiment.data
    runs = list(experiment.runs())
    return {
        "engine": sorted({run.engine for run in runs}),
        "runs": len(runs),
        "runs_reused": data.progress.runs_reused,
        "steps": sum(run.steps for run in runs),
        "seconds": seconds,
        "spec": spec.model_dump(mode="json"),
        "table": experiment.success_table().model_dump(mode="json"),
    }


def main() -> None:
    """Train, print the table and write figure1.json, on a GPU figure1_gpu.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=PRESET.seeds.most, help="runs a cell")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--data-dir", type=Path, default=ROOT / "figure-1-data", help="quick: a temporary one"
    )
    arguments = parser.parse_args()
    spec = specification(2 if arguments.quick else arguments.seeds, quick=arguments.quick)
    with ExitStack() as held:
        data_dir = arguments.data_dir
        if arguments.quick:
            data_dir = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tombola-bench-")))
        device = arguments.device
        client = held.enter_context(running(data_dir, arguments.engine, device))
        print(f"{spec.cell_count} cells, {spec.run_count} runs; data in {data_dir}", flush=True)
        found = trained(client, spec)
        names = [worker.device_name for worker in client.workers.list() if worker.device != "cpu"]
    for cell in SuccessTable.model_validate(found["table"]):
        print(f"width {cell.width}, m {cell.samples}, s {cell.sparsity}: {cell.successes}/{cell.runs}")
    print(f"{found['runs']} runs, {found['steps']} steps in {found['seconds']:.1f} s")
    output.write(
        arguments, "figure1" if device == "cpu" else "figure1_gpu", found, gpu=next(iter(names), None)
    )


if __name__ == "__main__":
    main()
