"""Networks against tuned forests on tables, through the whole service: the paper's Figure 3, down-scaled.

Usage: python -m bench.tabular [--tables DIR] [--splits 5] [--data-dir tabular-data] [--quick] [--results DIR]

DIR holds tables as text, the class in the last column; without it two tables of scikit-learn's are taken. A
few candidates of every model are compared, and which one counts is chosen on validation rows. Ctrl-C and a
second start on the same data folder go on where it stopped; more splits train only the new runs.
`bench.report` draws the pictures.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import mean
from typing import Any

from bench import output
from bench.machine import ROOT
from bench.stack import completed, running
from tombola import Client, Comparison, Experiment
from tombola.spec import EstimatorModels, MlpModels, TabularGrid, TabularSpec, TabularTarget

FRACTIONS = [0.01, 0.03, 0.1, 0.3, 1.0]
QUICK_FRACTIONS = [0.3, 1.0]
#: Candidates of each model.
TRIALS = 8
QUICK_TRIALS = 2
QUICK_SPLITS = 3


def networks(*, quick: bool) -> list[MlpModels]:
    """Return the candidates of the networks: widths, both initialisations, two optimizers."""
    if quick:
        return [MlpModels(width=[10, 30], learning_rate=[0.1], max_steps=200)]
    return [
        MlpModels(width=[30, 300, 3000], optimizer=["sgd"], learning_rate=[0.1], max_steps=3000),
        MlpModels(width=[1000], optimizer=["adamw"], learning_rate=[0.001], max_steps=3000),
    ]


def specification(names: list[str], splits: int, *, quick: bool) -> TabularSpec:
    """Return the experiment on these data sets."""
    trials = QUICK_TRIALS if quick else TRIALS
    return TabularSpec(
        name="networks and forests on tables",
        target=TabularTarget(datasets=names),
        grid=TabularGrid(fractions=QUICK_FRACTIONS if quick else FRACTIONS, splits=splits),
        models=[
            *networks(quick=quick),
            EstimatorModels(kind="forest", trials=trials),
            EstimatorModels(kind="boosting", trials=trials),
            EstimatorModels(kind="logistic", trials=trials),
        ],
    )


def imported(client: Client, folder: Path | None) -> list[str]:
    """Bring the tables, those of a folder or those that come with scikit-learn, and return their names."""
    if folder is None:
        for name in ("breast_cancer", "wine"):
            client.datasets.wait(client.datasets.import_bundled(name))
        return ["breast_cancer", "wine"]
    names = []
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt") as file:
            *_, target = next(csv.reader(file))
        names.append(client.datasets.create(path, target=target).name)
    return names


def trained(client: Client, spec: TabularSpec) -> dict[str, Any]:
    """Submit, or find what an earlier start submitted; wait, and return what came of it."""
    key = hashlib.sha256(spec.canonical_json().encode()).hexdigest()
    experiment, seconds = completed(client, spec, key)
    data = experiment.data
    return {
        "spec": spec.model_dump(mode="json"),
        "runs": data.progress.runs_done,
        "runs_reused": data.progress.runs_reused,
        "quoted_seconds": None if data.quote.wall_seconds is None else data.quote.wall_seconds.model_dump(),
        "seconds": seconds,
        "core_seconds": None if data.actual is None else data.actual.core_seconds,
        "comparison": experiment.comparison().model_dump(mode="json"),
        "untuned": untuned(experiment),
        "frontier": experiment.width_frontier().model_dump(mode="json"),
    }


def untuned(experiment: Experiment) -> dict[str, float]:
    """Return the forest's accuracy with its default settings on all training rows, mean of the splits."""
    found: dict[str, list[float]] = {}
    for score in experiment.scores(model="forest"):
        if score.candidate == 0 and score.fraction == 1.0 and score.test.accuracy is not None:
            found.setdefault(score.dataset, []).append(score.test.accuracy)
    return {name: mean(values) for name, values in found.items()}


def main() -> None:
    """Train, print the accuracies and write tabular.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--tables", type=Path, help="folder of tables [default: two of scikit-learn's]")
    parser.add_argument("--splits", type=int, default=5, help="splits of each data set")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "tabular-data", help="quick: a temporary one")
    arguments = parser.parse_args()
    with ExitStack() as held:
        data_dir, splits = arguments.data_dir, arguments.splits
        if arguments.quick:
            splits = min(splits, QUICK_SPLITS)
            data_dir = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tombola-bench-")))
        client = held.enter_context(running(data_dir, "auto"))
        names = imported(client, arguments.tables)
        spec = specification(names, splits, quick=arguments.quick)
        print(f"{spec.cell_count} cells, {spec.run_count} runs; data in {data_dir}", flush=True)
        found = trained(client, spec)
    for item in Comparison.model_validate(found["comparison"]).datasets:
        said = ", ".join(
            f"{one.model} {100 * one.accuracy.value:.1f}"
            for one in item.models
            if one.accuracy.value is not None
        )
        print(f"{item.dataset}, {item.samples} rows: {said}")
    print(f"{found['runs']} runs in {found['seconds']:.1f} s")
    output.write(arguments, "tabular", found)


if __name__ == "__main__":
    main()
