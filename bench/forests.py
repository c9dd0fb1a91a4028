"""The tuned forest against an untuned one, on splits of scikit-learn's own.

Usage: python -m bench.forests --tables DIR [--splits 3] [--first 0] [--quick] [--results DIR]

DIR holds tables as text, the class in the last column; without it two tables of scikit-learn's are taken. A
split is `train_test_split` with its number as the random state: 70 % of the rows but at most 10 000 to train,
of the others 30 % to validate. The candidates are those of the service's search, chosen among by its rule;
candidate 0 is the untuned forest (250 trees, at least two rows in a leaf). Both are tested on the same rows.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from bench import output
from bench.machine import CORES
from bench.tabular import QUICK_TRIALS, TRIALS
from service.lab.statistics import selection
from service.lab.tabular.search import candidates
from tombola.spec import EstimatorModel, EstimatorModels
from worker.engine.metrics import metrics

_SHARE, _MOST, _VALIDATED = 0.7, 10_000, 0.3

Table = tuple[NDArray[np.float32], NDArray[np.int64]]


def tables(folder: Path | None) -> dict[str, Table]:
    """Return features and classes of every table."""
    if folder is None:
        bundled = {"breast_cancer": load_breast_cancer(), "wine": load_wine()}
        return {name: (item.data.astype(np.float32), item.target) for name, item in bundled.items()}
    found = {}
    for path in sorted(folder.glob("*.csv.gz")):
        table = pd.read_csv(path)
        classes = pd.factorize(table.iloc[:, -1], sort=True)[0]
        found[path.name.partition(".")[0]] = table.iloc[:, :-1].to_numpy(np.float32), classes
    return found


def measured(
    table: Table, split: int, models: list[EstimatorModel], pool: ThreadPoolExecutor
) -> dict[str, Any]:
    """Return what the untuned and the tuned forest score on the test rows of one split."""
    features, classes = table
    size = min(int(_SHARE * len(classes)), _MOST)
    train, held, train_classes, held_classes = train_test_split(
        features, classes, train_size=size, random_state=split, stratify=classes
    )
    validation, test, validation_classes, test_classes = train_test_split(
        held, held_classes, train_size=_VALIDATED, random_state=split, stratify=held_classes
    )

    def fitted(model: EstimatorModel) -> RandomForestClassifier:
        return RandomForestClassifier(random_state=split, **model.hyperparameters).fit(train, train_classes)

    forests = list(pool.map(fitted, models))
    scores = [metrics(forest.predict_proba(validation), validation_classes) for forest in forests]
    chosen = selection.by_validation(
        *(
            np.array([[[getattr(score, name)] for score in scores]], dtype=float)
            for name in ("accuracy", "auc", "loss")
        ),
        rows=np.array(len(validation_classes)),
        within=np.ones(len(models), dtype=bool),
    )
    tested = [metrics(forest.predict_proba(test), test_classes).accuracy for forest in forests]
    number = int(chosen[0, 0])
    share = len(test_classes) / len(classes)
    return {"chosen": number, "untuned": tested[0], "tuned": tested[number], "tested": share}


def main() -> None:
    """Measure, print and write forests.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--tables", type=Path, help="folder of tables [default: two of scikit-learn's]")
    parser.add_argument("--splits", type=int, default=3, help="splits of each table")
    parser.add_argument("--first", type=int, default=0, help="number of the first split")
    arguments = parser.parse_args()
    trials = QUICK_TRIALS if arguments.quick else TRIALS
    models = candidates(EstimatorModels(kind="forest", trials=trials))
    rows = []
    with ThreadPoolExecutor(CORES) as pool:
        for name, table in tables(arguments.tables).items():
            numbers = range(arguments.first, arguments.first + arguments.splits)
            splits = [measured(table, split, models, pool) for split in numbers]
            untuned, tuned = (mean(one[side] for one in splits) for side in ("untuned", "tuned"))
            rows.append({"dataset": name, "rows": len(table[1]), "splits": splits})
            print(f"{name}: untuned {100 * untuned:.1f}, tuned {100 * tuned:.1f}", flush=True)
    output.write(arguments, "forests", {"trials": trials, "rows": rows})


if __name__ == "__main__":
    main()
