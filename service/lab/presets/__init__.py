"""Ready experiments: small ones, and the paper's figures at several scales."""

from __future__ import annotations

from service.lab.errors import NoScales, UnknownPreset
from service.lab.presets import paper
from tombola.results import Preset, Scale
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

_FIXED = {preset.name: preset for preset in (QUICKSTART, EDGE)}
_SCALED = {
    presets[Scale.LAPTOP].name: presets
    for presets in ({scale: figure(scale) for scale in Scale} for figure in paper.FIGURES)
}


def every() -> list[Preset]:
    """Return every preset, each at its smallest scale."""
    return [*_FIXED.values(), *(presets[Scale.LAPTOP] for presets in _SCALED.values())]


def find(name: str, scale: Scale | None = None) -> Preset:
    """Return a preset at a scale, or at its smallest.

    Raises:
        UnknownPreset: There is none of this name.
        NoScales: It has one size only, and a scale was asked for.
    """
    if name in _SCALED:
        return _SCALED[name][scale or Scale.LAPTOP]
    if name not in _FIXED:
        raise UnknownPreset(name, [*_FIXED, *_SCALED])
    if scale is not None:
        raise NoScales(name)
    return _FIXED[name]
