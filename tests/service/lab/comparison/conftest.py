from __future__ import annotations

import pandas as pd
import pytest

from tests import scored


@pytest.fixture
def database_url(request):
    """The URL of a migrated SQLite file, or of what a test asks for with indirect parameters.

    What reads the store is tested on both databases; what is reckoned from it is the same on either.
    """
    return request.getfixturevalue(f"migrated_{getattr(request, 'param', 'sqlite')}_url")


@pytest.fixture
def made(database):
    """Return `made(score, spec)`: the id of an experiment in the store, and its runs as a table."""

    def make(score=scored.usual, spec=None):
        rows = []

        def told(configuration, seed):
            found = score(configuration, seed)
            model, task = configuration.model.model_dump(), configuration.target
            rows.append(
                {
                    "dataset": next(name for name in scored.ROWS if scored.dataset_id(name) == task.dataset),
                    "samples": configuration.samples,
                    "split": task.split,
                    "seed": seed,
                    "kind": model["kind"],
                    "width": configuration.width,
                    "sparsity": configuration.sparsity,
                    "candidate": configuration.model.canonical_json(),
                    "validation_rows": task.protocol.validation_rows(task.rows, configuration.samples),
                    **(found or {}),
                }
            )
            return found

        with database.write() as session:
            for name, count in scored.ROWS.items():
                scored.add_dataset(session, name, count)
            key = scored.add(session, told, spec)
        return key, pd.DataFrame(rows).astype({"width": "Int64", "sparsity": "Int64"})

    return make
