"""Tombola: training as a service for the odds of learning.

    from tombola import Client

    with Client() as client:
        experiment = client.experiments.create(client.presets.get("quickstart").spec)
        print(experiment.wait(progress=True).success_table().to_pandas())

Names are loaded when they are first used: reading the contract loads no HTTP client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tombola._client.async_client import AsyncClient
    from tombola._client.async_experiment import AsyncExperiment
    from tombola._client.calls import ANY, Health
    from tombola._client.client import Client
    from tombola._client.events import Event
    from tombola._client.experiment import Experiment
    from tombola.errors import (
        ApiError,
        BadRequest,
        Conflict,
        ConnectionFailed,
        ExperimentCancelled,
        ExperimentFailed,
        Forbidden,
        InvalidRequest,
        InvalidSpec,
        NotFound,
        PayloadTooLarge,
        RateLimited,
        ServerError,
        TombolaError,
        Unauthorized,
        UnexpectedAnswer,
        UnsupportedMediaType,
        WaitTimeout,
    )
    from tombola.results import (
        Actual,
        Adaptive,
        Best,
        Cell,
        CellLuck,
        CellTimes,
        ClassCount,
        Curve,
        Dataset,
        DatasetColumn,
        DatasetImport,
        DatasetProfile,
        Decision,
        DryRun,
        EqualFlops,
        Estimate,
        ExperimentStatus,
        FitPoint,
        Frontier,
        FrontierCell,
        ImportedDataset,
        ImportStatus,
        Interval,
        LeakingColumn,
        Limits,
        Luck,
        Machines,
        Outcome,
        Preset,
        Problem,
        ProblemPart,
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
    from tombola.spec import (
        BoundarySeeds,
        Configuration,
        ExperimentSpec,
        Grid,
        HalfWidthSeeds,
        ParityTarget,
        Seeds,
        TrainingSettings,
    )

    __version__: str

__all__ = [
    "ANY",
    "Actual",
    "Adaptive",
    "ApiError",
    "AsyncClient",
    "AsyncExperiment",
    "BadRequest",
    "Best",
    "BoundarySeeds",
    "Cell",
    "CellLuck",
    "CellTimes",
    "ClassCount",
    "Client",
    "Configuration",
    "Conflict",
    "ConnectionFailed",
    "Curve",
    "Dataset",
    "DatasetColumn",
    "DatasetImport",
    "DatasetProfile",
    "Decision",
    "DryRun",
    "EqualFlops",
    "Estimate",
    "Event",
    "Experiment",
    "ExperimentCancelled",
    "ExperimentFailed",
    "ExperimentSpec",
    "ExperimentStatus",
    "FitPoint",
    "Forbidden",
    "Frontier",
    "FrontierCell",
    "Grid",
    "HalfWidthSeeds",
    "Health",
    "ImportStatus",
    "ImportedDataset",
    "Interval",
    "InvalidRequest",
    "InvalidSpec",
    "LeakingColumn",
    "Limits",
    "Luck",
    "Machines",
    "NotFound",
    "Outcome",
    "ParityTarget",
    "PayloadTooLarge",
    "Preset",
    "Problem",
    "ProblemPart",
    "Progress",
    "Quote",
    "RateLimited",
    "Reached",
    "Rival",
    "Run",
    "Seeds",
    "ServerError",
    "SmallestSamples",
    "SmallestWidth",
    "Spread",
    "SuccessTable",
    "Thresholds",
    "Times",
    "TombolaError",
    "TrainingSettings",
    "Unauthorized",
    "UnexpectedAnswer",
    "UnsupportedMediaType",
    "Version",
    "WaitTimeout",
    "Worker",
    "__version__",
]

_HOME = {
    name: module
    for module, names in {
        "tombola._client.async_client": ("AsyncClient",),
        "tombola._client.async_experiment": ("AsyncExperiment",),
        "tombola._client.calls": ("ANY", "Health"),
        "tombola._client.client": ("Client",),
        "tombola._client.events": ("Event",),
        "tombola._client.experiment": ("Experiment",),
        "tombola.errors": (
            "ApiError",
            "BadRequest",
            "Conflict",
            "ConnectionFailed",
            "ExperimentCancelled",
            "ExperimentFailed",
            "Forbidden",
            "InvalidRequest",
            "InvalidSpec",
            "NotFound",
            "PayloadTooLarge",
            "RateLimited",
            "ServerError",
            "TombolaError",
            "Unauthorized",
            "UnexpectedAnswer",
            "UnsupportedMediaType",
            "WaitTimeout",
        ),
        "tombola.results": (
            "Actual",
            "Adaptive",
            "Best",
            "Cell",
            "CellLuck",
            "CellTimes",
            "ClassCount",
            "Curve",
            "Dataset",
            "DatasetColumn",
            "DatasetImport",
            "DatasetProfile",
            "Decision",
            "DryRun",
            "EqualFlops",
            "Estimate",
            "ExperimentStatus",
            "FitPoint",
            "Frontier",
            "FrontierCell",
            "ImportStatus",
            "ImportedDataset",
            "Interval",
            "LeakingColumn",
            "Limits",
            "Luck",
            "Machines",
            "Outcome",
            "Preset",
            "Problem",
            "ProblemPart",
            "Progress",
            "Quote",
            "Reached",
            "Rival",
            "Run",
            "SmallestSamples",
            "SmallestWidth",
            "Spread",
            "SuccessTable",
            "Thresholds",
            "Times",
            "Version",
            "Worker",
        ),
        "tombola.spec": (
            "BoundarySeeds",
            "Configuration",
            "ExperimentSpec",
            "Grid",
            "HalfWidthSeeds",
            "ParityTarget",
            "Seeds",
            "TrainingSettings",
        ),
    }.items()
    for name in names
}


if not TYPE_CHECKING:  # a type checker would take every misspelt name for this

    def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever stands behind the name
        if name == "__version__":
            from tombola._client.about import own_version  # noqa: PLC0415  # see the module's docstring

            value: Any = own_version()
        elif name in _HOME:
            value = getattr(import_module(_HOME[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
