"""The contract for what is asked: the experiment spec and the configurations it expands to.

Every program that talks to Tombola reads these models: the API validates with them, the client sends
them, the engine trains from them. The facts come from Edelman et al. 2023 (arXiv 2309.03800).
"""

from __future__ import annotations

from tombola.spec._base import (
    MAX_ADAPTIVE_RUNS,
    MAX_CELLS,
    MAX_INPUTS,
    MAX_RUNS,
    MAX_SAMPLES,
    MAX_WIDTH,
    WORD_RANGE,
    Samples,
    Sparsity,
    Width,
)
from tombola.spec._experiment import (
    AnyConfiguration,
    AnySpec,
    ExperimentSpec,
    configuration_of,
    spec_of,
    spec_of_json,
)
from tombola.spec._parity import Configuration, Grid, ParityTarget, TrainingSettings
from tombola.spec._seeds import AdaptiveSeeds, AnySeeds, BoundarySeeds, HalfWidthSeeds, Seeds
from tombola.spec._tabular import (
    MAX_DEEP_WIDTH,
    MAX_TABULAR_RUNS,
    AnyModel,
    AnyModels,
    EstimatorKind,
    EstimatorModel,
    EstimatorModels,
    MlpModel,
    MlpModels,
    ModelKind,
    Optimizer,
    Protocol,
    TabularConfiguration,
    TabularGrid,
    TabularSpec,
    TabularTarget,
    TabularTask,
)

__all__ = [
    "MAX_ADAPTIVE_RUNS",
    "MAX_CELLS",
    "MAX_DEEP_WIDTH",
    "MAX_INPUTS",
    "MAX_RUNS",
    "MAX_SAMPLES",
    "MAX_TABULAR_RUNS",
    "MAX_WIDTH",
    "WORD_RANGE",
    "AdaptiveSeeds",
    "AnyConfiguration",
    "AnyModel",
    "AnyModels",
    "AnySeeds",
    "AnySpec",
    "BoundarySeeds",
    "Configuration",
    "EstimatorKind",
    "EstimatorModel",
    "EstimatorModels",
    "ExperimentSpec",
    "Grid",
    "HalfWidthSeeds",
    "MlpModel",
    "MlpModels",
    "ModelKind",
    "Optimizer",
    "ParityTarget",
    "Protocol",
    "Samples",
    "Seeds",
    "Sparsity",
    "TabularConfiguration",
    "TabularGrid",
    "TabularSpec",
    "TabularTarget",
    "TabularTask",
    "TrainingSettings",
    "Width",
    "configuration_of",
    "spec_of",
    "spec_of_json",
]
