from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import tombola
from tombola import AsyncClient, AsyncExperiment, Client, Experiment


def test_the_public_names_are_these():
    assert tombola.__all__ == [
        "ANY",
        "Actual",
        "Adaptive",
        "ApiError",
        "AsyncClient",
        "AsyncExperiment",
        "BadRequest",
        "Best",
        "BoundPoint",
        "BoundarySeeds",
        "Cell",
        "CellLuck",
        "CellTimes",
        "ClassCount",
        "Client",
        "Comparison",
        "ComparisonPlan",
        "Configuration",
        "Conflict",
        "ConnectionFailed",
        "Curve",
        "Dataset",
        "DatasetColumn",
        "DatasetComparison",
        "DatasetImport",
        "DatasetProfile",
        "Decision",
        "Difference",
        "DryRun",
        "Effect",
        "EqualFlops",
        "Estimate",
        "EstimatorModels",
        "Event",
        "Experiment",
        "ExperimentCancelled",
        "ExperimentFailed",
        "ExperimentSpec",
        "ExperimentStatus",
        "FeatureImportance",
        "Finding",
        "FitPoint",
        "Forbidden",
        "Frontier",
        "FrontierCell",
        "Grid",
        "HalfWidthSeeds",
        "Health",
        "ImportStatus",
        "Importances",
        "ImportedDataset",
        "Interval",
        "InvalidRequest",
        "InvalidSpec",
        "LeakingColumn",
        "Limits",
        "Luck",
        "Machines",
        "MeanRank",
        "Metrics",
        "MlpModels",
        "ModelAccuracy",
        "ModelImportance",
        "NotFound",
        "NotTested",
        "ObservedThreshold",
        "Outcome",
        "OverallTest",
        "ParallelSearch",
        "ParityTarget",
        "PayloadTooLarge",
        "Preset",
        "PresetQuote",
        "Problem",
        "ProblemPart",
        "Progress",
        "Protocol",
        "Quote",
        "Ranks",
        "RateLimited",
        "Reached",
        "Report",
        "Resources",
        "Rival",
        "Run",
        "Scale",
        "Score",
        "SearchBudget",
        "SearchPoint",
        "Seeds",
        "ServerError",
        "SmallestSamples",
        "SmallestWidth",
        "Spread",
        "SuccessTable",
        "TabularGrid",
        "TabularSpec",
        "TabularTarget",
        "Thresholds",
        "Times",
        "TombolaError",
        "TrainingSettings",
        "Unauthorized",
        "UnexpectedAnswer",
        "UnsupportedMediaType",
        "Version",
        "WaitTimeout",
        "WidthFrontier",
        "WidthGain",
        "WidthPoint",
        "Worker",
        "__version__",
    ]


@pytest.mark.parametrize("name", tombola.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(tombola, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tombola' has no attribute 'Klient'"):
        _ = tombola.Klient


@pytest.mark.parametrize(
    "module", ["tombola", "tombola.spec", "tombola.results", "tombola.errors", "tombola.explain"]
)
def test_reading_the_contract_loads_no_http_client(module):
    assert "httpx" not in _modules_after(f"import {module}")


def test_the_help_of_the_command_line_loads_neither_pydantic_nor_httpx():
    loaded = _modules_after("from tombola.cli._main import build_app; build_app()")
    plugins = "[e.load() for e in entry_points(group='tombola.commands')]"
    own = _modules_after(f"from importlib.metadata import entry_points; {plugins}")
    assert not {"pydantic", "httpx", "rich.table", "yaml"} & (loaded - own)


def _modules_after(code):
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("sync", "asynchronous"),
    [
        (Client, AsyncClient),
        (Experiment, AsyncExperiment),
        *(
            (type(getattr(Client(), room)), type(getattr(AsyncClient(), room)))
            for room in ("experiments", "datasets", "presets", "workers")
        ),
    ],
    ids=lambda kind: kind.__name__,
)
def test_the_async_client_offers_what_the_sync_one_does(sync, asynchronous):
    assert _methods(asynchronous) == _methods(sync)


def _methods(kind):
    return {
        name.replace("aclose", "close"): list(inspect.signature(method).parameters.values())[1:]
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
