"""Answers as examples for the OpenAPI document, made from the models so that they cannot go out of date."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from service.api import encoding
from service.lab import exports, presets
from service.lab.statistics.intervals import wilson
from tombola.results import (
    Actual,
    Best,
    Cell,
    CellLuck,
    CellTimes,
    Curve,
    DryRun,
    EqualFlops,
    Estimate,
    Experiment,
    ExperimentStatus,
    FitPoint,
    Frontier,
    FrontierCell,
    Limits,
    Luck,
    Machines,
    Outcome,
    Page,
    PresetQuote,
    Progress,
    Quote,
    Reached,
    Rival,
    Run,
    SmallestSamples,
    SmallestWidth,
    Spread,
    SuccessTable,
    Thresholds,
    Times,
    Version,
    Worker,
)
from tombola.spec import ExperimentSpec

AT = datetime(2025, 1, 1, 12, tzinfo=UTC)
ID = "01JD0M3X8Z6T4Q2W9V5K7N1R3P"
_PROCESSOR = "Intel(R) Xeon(R) Processor @ 2.80GHz"
_VERSIONS = {"python": "3.11.9", "torch": "2.7.0"}


def as_json(model: BaseModel) -> Any:  # noqa: ANN401  # any JSON value
    """Return an answer as JSON has it."""
    return model.model_dump(mode="json")


def as_csv(columns: encoding.Columns, *values: Any) -> str:  # noqa: ANN401  # of columns of any kind
    """Return a file of one row."""
    page = [[value] for value in values]
    return b"".join(encoding.encode("csv", columns, [page])).decode()


def as_page(item: BaseModel, next_cursor: str | None = None) -> Any:  # noqa: ANN401  # any JSON value
    """Return a page of one answer as JSON has it."""
    return as_json(Page[Any](items=[as_json(item)], next_cursor=next_cursor))


_SPEC = ExperimentSpec.model_validate(ExperimentSpec.model_config["json_schema_extra"]["examples"][0])  # type: ignore[index]  # set there as a dictionary
QUOTE = Quote(
    cells=8,
    runs=192,
    runs_existing=24,
    runs_pending=0,
    run_steps=8_400_000,
    flops=1.5e13,
    seconds=96.0,
    workers=1,
    expected_run_steps=6_900_000,
    expected_flops=1.2e13,
    core_seconds=Estimate(low=12.0, expected=158.0, high=212.0),
    gpu_seconds=None,
    wall_seconds=Estimate(low=6.0, expected=79.0, high=106.0),
    memory_bytes=2_100_000,
    runs_with_history=48,
    machines=[
        Machines(engine="torch", device="cpu", device_name=_PROCESSOR, lanes=2, workers=1, measured=True)
    ],
    basis=f"1 x torch on {_PROCESSOR} (cpu, 2 lanes), speed measured; steps from finished runs of the same "
    "configuration for 48 of 168 runs to train, the full budget expected for the others",
)
_CELL = Cell(
    width=304,
    samples=1000,
    sparsity=2,
    runs=24,
    runs_total=24,
    successes=23,
    censored=1,
    diverged=0,
    probability=23 / 24,
    interval=wilson(23, 24),
    median_steps=9_500.0,
    median_steps_low=8_000.0,
    median_steps_high=11_500.0,
)
_TIMES = Times(
    experiment=ID,
    level=0.95,
    method="wilson",
    cells=[
        CellTimes(
            width=304,
            samples=1000,
            sparsity=2,
            runs=24,
            successes=23,
            reached=[
                Reached(
                    share=0.5,
                    steps=Limits(value=9_500.0, low=8_000.0, high=11_500.0),
                    flops=Limits(value=2.0e10, low=1.7e10, high=2.5e10),
                ),
                Reached(
                    share=0.95,
                    steps=Limits(value=31_000.0, low=19_000.0, high=42_000.0),
                    flops=Limits(value=6.6e10, low=4.1e10, high=8.9e10),
                ),
            ],
            steps=Spread(mean=12_900.0, sd=9_100.0, low=9_000.0, high=16_700.0),
            flops=Spread(mean=2.7e10, sd=1.9e10, low=1.9e10, high=3.5e10),
            wall_seconds=Spread(mean=0.41, sd=0.3, low=0.28, high=0.54),
        )
    ],
)
_LUCK = Luck(
    experiment=ID,
    level=0.95,
    method="wilson",
    probability=0.9,
    cells=[
        CellLuck(
            width=304,
            samples=1000,
            sparsity=2,
            runs=24,
            successes=23,
            restarts=Limits(value=1.04, low=1.01, high=1.25),
            restarts_to=Limits(value=1.0, low=1.0, high=2.0),
            steps=Limits(value=13_500.0, low=9_300.0, high=23_500.0),
            flops=Limits(value=2.8e10, low=1.9e10, high=4.9e10),
            best_of=[Best(restarts=2, probability=Limits(value=0.998, low=0.959, high=1.0))],
        )
    ],
    equal_flops=[
        EqualFlops(
            samples=1000,
            sparsity=2,
            width=304,
            runs=24,
            flops=1.07e11,
            probability=Limits(value=0.958, low=0.798, high=0.993),
            rivals=[
                Rival(
                    width=112,
                    runs=24,
                    restarts=2.71,
                    probability=Limits(value=0.95, low=0.83, high=0.99),
                    difference=Limits(value=-0.008, low=-0.13, high=0.156),
                    better="undecided",
                )
            ],
        )
    ],
)
TYPICAL = Experiment(
    id=ID,
    name=_SPEC.name,
    status=ExperimentStatus.RUNNING,
    progress=Progress(
        runs_done=96, runs_total=192, runs_reused=24, successes=41, fraction=0.52, eta_seconds=210.0
    ),
    quote=QUOTE,
    actual=Actual(
        runs_trained=72,
        run_steps=2_800_000,
        flops=5.1e12,
        core_seconds=66.0,
        gpu_seconds=0.0,
        wall_seconds=None,
    ),
    spec=_SPEC,
    created_at=AT,
    started_at=AT,
)
_RUN = Run(
    cell=6,
    width=304,
    samples=1000,
    sparsity=2,
    seed=0,
    outcome=Outcome.SUCCESS,
    steps=9_500,
    train_error=0.0,
    test_error=0.07,
    wall_seconds=0.9,
    flops=6.3e10,
    engine="torch",
    device="cpu",
    versions=_VERSIONS,
    finished_at=AT,
)
_CURVE = Curve(cell=6, seed=0, steps=[500, 1000], train_error=[0.31, 0.0], test_error=[0.46, 0.07])
_WORKER = Worker(
    id="01JD0M1B2C3D4E5F6G7H8J9K0M",
    hostname="laptop",
    pid=4242,
    queue="tombola",
    queues=["main", "cpu"],
    engine="torch",
    device="cpu",
    device_name=_PROCESSOR,
    detail="AVX512, 2 threads",
    lanes=2,
    versions=_VERSIONS,
    alive=True,
    shard=17,
    started_at=AT,
    seen_at=AT,
)

EXPERIMENT = as_json(TYPICAL)
EXPERIMENTS = as_page(TYPICAL, "ZTAxSkQwTTNYOFo2VDRRMlc5VjVLN04xUjNQ")
DRY_RUN = as_json(DryRun(quote=QUOTE, spec=_SPEC))
_TABLE = SuccessTable(experiment=ID, cells=[_CELL])
SUCCESS_TABLE = as_json(_TABLE)
SUCCESS_TABLE_CSV = as_csv(exports.TABLE, *(value for (value,) in exports.table_page(_TABLE)))
FRONTIER = as_json(
    Frontier(
        experiment=ID,
        probability=0.9,
        points=[_CELL],
        objectives=["width", "samples", "cost"],
        level=0.95,
        method="wilson",
        resamples=500,
        cells=[
            FrontierCell(
                width=304,
                samples=1000,
                sparsity=2,
                mark="possible",
                frontier_probability=0.83,
                objectives={"cost": Limits(value=2.8e10, low=1.9e10, high=4.9e10)},
            )
        ],
    )
)
_FITTED = [
    FitPoint(at=600, runs=24, successes=6, probability=0.25, fit=0.25, low=0.12, high=0.449),
    FitPoint(at=1000, runs=24, successes=23, probability=23 / 24, fit=23 / 24, low=0.798, high=0.993),
]
THRESHOLDS = as_json(
    Thresholds(
        experiment=ID,
        probability=0.75,
        level=0.95,
        method="wilson",
        samples=[
            SmallestSamples(
                width=304, sparsity=2, observed=1000, fitted=1000, low=1000, high=1000, curve=_FITTED
            )
        ],
        widths=[
            SmallestWidth(
                samples=1000,
                sparsity=2,
                observed=304,
                fitted=304,
                low=304,
                high=304,
                curve=[_FITTED[1].model_copy(update={"at": 304})],
            )
        ],
    )
)
TIMES = as_json(_TIMES)
LUCK = as_json(_LUCK)
RUNS = as_page(_RUN)
RUNS_CSV = as_csv(
    exports.RUNS,
    *(getattr(_RUN, name) for name, *_ in exports.RUNS[:-2]),
    json.dumps(_RUN.versions),
    _RUN.finished_at,
)
CURVE = as_json(_CURVE)
CURVES = as_page(_CURVE)
CURVES_CSV = as_csv(
    exports.CURVES, *(getattr(_RUN, name) for name, *_ in exports.CURVES[:-3]), 1000, 0.0, _RUN.test_error
)
PRESET = as_json(presets.find("paper/figure-2"))
PRESETS = as_page(presets.QUICKSTART)
_EDGE_QUOTE = QUOTE.model_copy(update={"cells": 12, "runs": 288, "runs_existing": 120})
PRESET_QUOTE = as_json(
    PresetQuote(
        preset=presets.EDGE.name,
        experiments=[DryRun(quote=_EDGE_QUOTE, spec=presets.EDGE.spec)],
        total=_EDGE_QUOTE,
    )
)
WORKERS = as_page(_WORKER)
VERSION = as_json(Version(version="0.1.0", libraries=_VERSIONS))
EVENTS = {
    "id": "1",
    "event": "status",
    "data": '{"status":"queued","reason":null,"runs_done":0,"runs_total":192,"successes":0,"diverged":0}',
}
