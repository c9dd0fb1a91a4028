"""The contract for what is answered: experiments, quotes, success tables, frontiers, runs and curves.

Unknown fields are ignored, so that an older client reads a newer server.
"""

from __future__ import annotations

from tombola.results._base import (
    Interval,
    IntervalMethod,
    Limits,
    Page,
    Spread,
)
from tombola.results._experiments import (
    Actual,
    Adaptive,
    Decision,
    DryRun,
    Estimate,
    Experiment,
    ExperimentStatus,
    Machines,
    Progress,
    Quote,
)
from tombola.results._frontiers import (
    FitPoint,
    Frontier,
    FrontierCell,
    Mark,
    Objective,
    SmallestSamples,
    SmallestWidth,
    Thresholds,
)
from tombola.results._luck import (
    Best,
    Better,
    CellLuck,
    CellTimes,
    EqualFlops,
    Luck,
    Reached,
    Rival,
    Times,
)
from tombola.results._presets import (
    Preset,
    PresetQuote,
    Scale,
)
from tombola.results._server import (
    Problem,
    ProblemPart,
    Version,
    Worker,
)
from tombola.results._tables import (
    Cell,
    Curve,
    Outcome,
    Run,
    SuccessTable,
)

__all__ = [
    "Actual",
    "Adaptive",
    "Best",
    "Better",
    "Cell",
    "CellLuck",
    "CellTimes",
    "Curve",
    "Decision",
    "DryRun",
    "EqualFlops",
    "Estimate",
    "Experiment",
    "ExperimentStatus",
    "FitPoint",
    "Frontier",
    "FrontierCell",
    "Interval",
    "IntervalMethod",
    "Limits",
    "Luck",
    "Machines",
    "Mark",
    "Objective",
    "Outcome",
    "Page",
    "Preset",
    "PresetQuote",
    "Problem",
    "ProblemPart",
    "Progress",
    "Quote",
    "Reached",
    "Rival",
    "Run",
    "Scale",
    "SmallestSamples",
    "SmallestWidth",
    "Spread",
    "SuccessTable",
    "Thresholds",
    "Times",
    "Version",
    "Worker",
]
