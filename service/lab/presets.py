"""Ready experiments."""

from __future__ import annotations

from tombola.results import Preset
from tombola.spec import ExperimentSpec, Grid, ParityTarget, Seeds, TrainingSettings

QUICKSTART = Preset(
    name="quickstart",
    description="A small frontier in about a minute on two cores: width buys data (n = 30, k = 3).",
    spec=ExperimentSpec(
        name="quickstart",
        target=ParityTarget(n=30, k=3),
        grid=Grid(width=[48, 208, 528], samples=[200, 400, 800], sparsity=[2, None]),
        training=TrainingSettings(max_steps=20_000),
        seeds=Seeds(count=12),
    ),
)

EDGE = Preset(
    name="paper/edge",
    description="The edge of the frontier at n = 50, k = 3 (Figure 1 left, in part): minutes on two cores.",
    spec=ExperimentSpec(
        name="paper/edge",
        target=ParityTarget(n=50, k=3),
        grid=Grid(width=[112, 304], samples=[300, 600, 1000], sparsity=[2, None]),
        training=TrainingSettings(max_steps=50_000),
        seeds=Seeds(count=24),
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (QUICKSTART, EDGE)}
