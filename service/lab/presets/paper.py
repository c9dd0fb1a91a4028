"""The figures of Edelman et al. 2023 (arXiv 2309.03800), each at three scales.

The full scale trains what the paper's text as restated in this project says; where that says nothing, the
description does. The smaller scales cut the grid and keep what makes the figure. The bounds of their cost
(half an hour of two cores, or of a fast GPU) hold by the cost model at its assumed speeds, with every run at
its full step budget.

Figure 2 is a part of Figure 1, and the runs of `gpu-hour` are runs of `full`, seed by seed: whoever has
trained the one trains less, or nothing, for the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tombola.results import Preset, Scale
from tombola.spec import ExperimentSpec, Grid, ParityTarget, Seeds, TrainingSettings

#: The axes of Figure 1 (left). The text has the first four steps and the ends; the steps between go on alike.
WIDTHS = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
SAMPLES = (
    *(100, 200, 300, 600, 1000, 2000, 3000, 6000, 10_000, 20_000, 30_000, 60_000),
    *(100_000, 200_000, 300_000, 600_000, 1_000_000),
)
_DECADES = (10, 100, 1000, 10_000, 100_000)
_HALF_DECADES = (300, 1000, 3000, 10_000, 30_000, 100_000)
_FIGURE_1_TARGET = ParityTarget(n=50, k=3)

_BOUNDS = {
    Scale.LAPTOP: "If every run took all its steps, two cores like those of BENCHMARKS.md would need half an "
    "hour at most, by the cost model; runs stop at their success, which saves about half where most cells "
    "learn.",
    Scale.GPU_HOUR: "If every run took all its steps, one GPU would need half an hour by the cost model, at "
    "the speed of an H200 that trains hundreds of runs at once; leave slower ones an hour or more. The whole "
    "of it was not measured. All its runs are runs of `full`, too.",
    Scale.FULL: "Ask for a quote before you submit it: on two cores it takes days to months.",
}


@dataclass(frozen=True, slots=True)
class _Size:
    """How far a figure goes at a scale.

    Attributes:
        widest: Largest width.
        largest: Most samples.
        steps: Step budget of a run.
        runs: Runs a cell.
        cut: What was cut, for the description.
    """

    widest: int
    largest: int
    steps: int
    runs: int
    cut: str

    def spec(
        self, name: str, target: ParityTarget, widths: Sequence[int], samples: Sequence[int]
    ) -> ExperimentSpec:
        """Return an experiment on these axes as far as this size goes, 2-sparse and dense."""
        return ExperimentSpec(
            name=name,
            target=target,
            grid=Grid(
                width=[width for width in widths if width <= self.widest],
                samples=[count for count in samples if count <= self.largest],
                sparsity=[2, None],
            ),
            training=TrainingSettings(max_steps=self.steps),
            seeds=Seeds(count=self.runs),
        )


_SIZES = {
    Scale.LAPTOP: _Size(
        widest=3000,
        largest=10_000,
        steps=50_000,
        runs=32,
        cut="Cut to widths up to 3000 (the paper: 10^5), 10 000 samples (10^6), 32 runs a cell (50) and "
        "50 000 steps (10^5).",
    ),
    Scale.GPU_HOUR: _Size(
        widest=10_000,
        largest=10_000,
        steps=100_000,
        runs=50,
        cut="Cut to widths up to 10^4 (the paper: 10^5) and 10 000 samples (10^6); with its 50 runs a cell "
        "and 10^5 steps.",
    ),
    Scale.FULL: _Size(
        widest=100_000,
        largest=1_000_000,
        steps=100_000,
        runs=50,
        cut="Nothing is cut: widths to 10^5, samples to 10^6, 50 runs a cell, 10^5 steps.",
    ),
}


def figure_1(scale: Scale) -> Preset:
    """Return Figure 1, left."""
    name, size = "paper/figure-1", _SIZES[scale]
    return _preset(
        name,
        scale,
        "Figure 1 (left): success probability over width and samples, n = 50, k = 3, 2-sparse and dense.",
        size.cut,
        _BOUNDS[scale],
        "The steps between 1000 and 10^6 samples are not restated here: they go on as those before.",
        specs=[size.spec(_title(name, scale), _FIGURE_1_TARGET, WIDTHS, SAMPLES)],
    )


def figure_2(scale: Scale) -> Preset:
    """Return Figure 2: some widths of Figure 1, so that its runs are runs of that."""
    name, size = "paper/figure-2", _SIZES[scale]
    spec = size.spec(_title(name, scale), _FIGURE_1_TARGET, _DECADES, SAMPLES)
    return _preset(
        name,
        scale,
        "Figure 2: success probability and median steps against samples for several widths, n = 50, k = 3, "
        "2-sparse and dense.",
        size.cut,
        _BOUNDS[scale],
        "The paper's widths and samples are not restated here: those of paper/figure-1 are our choice, "
        f"of the widths the decades ({', '.join(map(str, spec.grid.width))}). After that at the same "
        "scale, there is nothing left to train.",
        specs=[spec],
    )


_SWEEP_INPUTS = {
    Scale.LAPTOP: (50, 100),
    Scale.GPU_HOUR: (50, 100, 200, 300),
    Scale.FULL: (50, 100, 150, 200, 250, 300),
}
_SWEEP_SIZES = {
    Scale.LAPTOP: _Size(
        widest=1000,
        largest=100_000,
        steps=50_000,
        runs=32,
        cut="Cut to n = 50 and 100 (the paper: 300), widths 10, 100 and 1000, samples from 300 to 10^5 in "
        "half decades, 32 runs a cell and 50 000 steps.",
    ),
    Scale.GPU_HOUR: _Size(
        widest=1000,
        largest=100_000,
        steps=100_000,
        runs=32,
        cut="Cut to n = 50, 100, 200 and 300, widths 10, 100 and 1000, samples from 300 to 10^5 in half "
        "decades and 32 runs a cell; with all 10^5 steps. So narrow, few cells at n = 300 can be expected to "
        "learn.",
    ),
    Scale.FULL: _SIZES[Scale.FULL],
}


def figure_4(scale: Scale) -> Preset:
    """Return Figure 4, the whole sweep: one experiment for each target, as a spec has one."""
    name, size = "paper/figure-4", _SWEEP_SIZES[scale]
    widths, samples = (WIDTHS, SAMPLES) if scale is Scale.FULL else (_DECADES, _HALF_DECADES)
    return _preset(
        name,
        scale,
        "Figure 4 (appendix), the whole sweep: success probability over width and samples for n up to 300, "
        "k = 3 and 4, 2-sparse and dense; one experiment for each n and k.",
        size.cut,
        _BOUNDS[scale],
        "The paper's list of n is not restated here: multiples of 50 are our choice, and so are the axes of "
        "paper/figure-1 for all of them, which make 183 600 runs in full (the paper: about 2 x 10^5).",
        specs=[
            size.spec(f"{_title(name, scale)}: n = {n}, k = {k}", ParityTarget(n=n, k=k), widths, samples)
            for n in _SWEEP_INPUTS[scale]
            for k in (3, 4)
        ],
    )


#: What makes the preset of each figure, at a scale.
FIGURES = (figure_1, figure_2, figure_4)


def _title(name: str, scale: Scale) -> str:
    return f"{name}, {scale}"


def _preset(name: str, scale: Scale, *description: str, specs: list[ExperimentSpec]) -> Preset:
    return Preset(
        name=name,
        description=" ".join(description),
        scale=scale,
        scales=list(Scale),
        spec=specs[0],
        specs=specs,
    )
