"""Answers about data sets as examples for the OpenAPI document."""

from __future__ import annotations

from service.api.examples import AT, ID, as_json, as_page
from tombola.results import (
    ClassCount,
    Dataset,
    DatasetColumn,
    DatasetImport,
    DatasetProfile,
    ImportedDataset,
    ImportStatus,
)

_DATASET = Dataset(
    id="5c4f2b0d8f3e6a91c7d2e4b6a8f0c1d3e5f7a9b1c3d5e7f9a1b3c5d7e9f1a3b5",
    name="titanic",
    target="survived",
    task="binary",
    rows=1309,
    columns=2,
    numbers=1,
    categoricals=1,
    classes=2,
    size=11_384,
    licence="Public",
    source="OpenML 40945",
    created_at=AT,
)
DATASETS = as_page(_DATASET)
DATASET = as_json(
    _DATASET.model_copy(
        update={
            "profile": DatasetProfile(
                classes=[
                    ClassCount(label="0", rows=809, share=809 / 1309),
                    ClassCount(label="1", rows=500, share=500 / 1309),
                ],
                balance=500 / 809,
                columns=[
                    DatasetColumn(
                        name="age",
                        kind="number",
                        missing=263,
                        distinct=98,
                        minimum=0.17,
                        maximum=80.0,
                        mean=29.9,
                    ),
                    DatasetColumn(
                        name="sex", kind="categorical", missing=0, distinct=2, categories=["female", "male"]
                    ),
                ],
                missing_values=263,
                duplicate_rows=0,
                constant_columns=[],
                duplicate_columns=[],
                identifier_columns=[],
                leaking_columns=[],
                warnings=["263 values are missing, in 'age'"],
            )
        }
    )
)
IMPORT = as_json(
    DatasetImport(
        id=ID,
        source="openml",
        what="40945",
        status=ImportStatus.SUCCEEDED,
        total=1,
        datasets=[ImportedDataset(origin="openml 40945", dataset=_DATASET.id, name=_DATASET.name)],
        attempts=1,
        created_at=AT,
        started_at=AT,
        finished_at=AT,
    )
)
