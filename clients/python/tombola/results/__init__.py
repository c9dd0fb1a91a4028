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
from tombola.results._report import (
    BoundPoint,
    Effect,
    Finding,
    NotTested,
    ObservedThreshold,
    ParallelSearch,
    Report,
    Resources,
    SearchPoint,
    Verdict,
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
    "BoundPoint",
    "Cell",
    "CellLuck",
    "CellTimes",
    "Curve",
    "Decision",
    "DryRun",
    "Effect",
    "EqualFlops",
    "Estimate",
    "Experiment",
    "ExperimentStatus",
    "Finding",
    "FitPoint",
    "Frontier",
    "FrontierCell",
    "Interval",
    "IntervalMethod",
    "Limits",
    "Luck",
    "Machines",
    "Mark",
    "NotTested",
    "Objective",
    "ObservedThreshold",
    "Outcome",
    "Page",
    "ParallelSearch",
    "Preset",
    "PresetQuote",
    "Problem",
    "ProblemPart",
    "Progress",
    "Quote",
    "Reached",
    "Report",
    "Resources",
    "Rival",
    "Run",
    "Scale",
    "SearchPoint",
    "SmallestSamples",
    "SmallestWidth",
    "Spread",
    "SuccessTable",
    "Thresholds",
    "Times",
    "Verdict",
    "Version",
    "Worker",
]
