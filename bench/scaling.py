"""Cost of training against width, samples, runs and steps: time should be linear, memory flat.

Usage: python -m bench.scaling [--engine auto] [--quick] [--results DIR]

Each point is a process of its own (`bench.point`). A line a + b x is fitted to the times of each axis by the
least squares of relative errors; `deviation` is the largest relative distance of a point from it. The work of
a step is the same throughout: no run learns the parity, and with the logistic loss every sample has a slope,
while with the hinge loss the native engine passes over samples that are right by a margin, more and more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bench import output
from bench.point import measure
from bench.workload import INTERVAL, configuration
from tombola.spec import Configuration

#: A parity that no run learns here, so that all train to the end of their budget.
K = 20
LOSS: Literal["logistic"] = "logistic"
#: Of the axes that are not the width.
WIDTH = 112


@dataclass(frozen=True)
class Axis:
    """One quantity that grows while the others stand still.

    Attributes:
        name: The quantity.
        values: Its values.
        quick_values: Those of a quick run.
        case: Returns the cell and the number of runs at a value; the second argument says whether it is a
            quick run.
        fixed: The other quantities, in words.
        per_step: Whether the cost is that of one step of one run, and not of everything together.
    """

    name: str
    values: Sequence[int]
    quick_values: Sequence[int]
    case: Callable[[int, bool], tuple[Configuration, int]]
    fixed: str
    per_step: bool = False


def _of_width(width: int, quick: bool) -> tuple[Configuration, int]:  # noqa: FBT001  # as `Axis.case`
    # Long enough to be timed where a step takes half a microsecond, and not too long where it takes hundreds.
    steps = max(4_000_000 // (width + 10) // INTERVAL, 1) * INTERVAL
    cell = configuration(width, k=K, loss=LOSS, steps=INTERVAL if quick else min(steps, 50_000))
    return cell, 2 if quick else 40 if width <= 100 else 8


def _of_samples(samples: int, quick: bool) -> tuple[Configuration, int]:  # noqa: FBT001  # as `Axis.case`
    cell = configuration(WIDTH, k=K, loss=LOSS, samples=samples, steps=INTERVAL if quick else 20_000)
    return cell, 2 if quick else 8


def _of_runs(runs: int, quick: bool) -> tuple[Configuration, int]:  # noqa: FBT001  # as `Axis.case`
    return configuration(WIDTH, k=K, loss=LOSS, steps=INTERVAL if quick else 3000), runs


def _of_steps(steps: int, quick: bool) -> tuple[Configuration, int]:  # noqa: FBT001  # as `Axis.case`
    return configuration(WIDTH, k=K, loss=LOSS, steps=steps), 2 if quick else 20


AXES = (
    Axis(
        "width",
        (10, 30, 100, 300, 1000, 3000, 10_000),
        (10, 100),
        _of_width,
        "per run and step; 1000 samples",
        per_step=True,
    ),
    Axis(
        "samples",
        (100, 1000, 10_000, 100_000, 1_000_000),
        (100, 10_000),
        _of_samples,
        "8 runs of 20 000 steps, width 112",
    ),
    Axis(
        "runs",
        (25, 50, 100, 200, 400),
        (2, 4),
        _of_runs,
        "3000 steps each, width 112, 1000 samples",
    ),
    Axis(
        "steps",
        (5000, 10_000, 20_000, 40_000, 80_000),
        (500, 1000),
        _of_steps,
        "20 runs, width 112, 1000 samples",
    ),
)


def fit(x: Sequence[float], y: Sequence[float]) -> dict[str, float]:
    """Return the line through positive y with the least squares of relative errors, and how far y is from it.

    Returns:
        `intercept`, `slope`, the largest relative `deviation` of a point, and `r_squared`, of plain errors.
    """
    x_values, y_values = np.asarray(x, float), np.asarray(y, float)
    slope, intercept = np.polyfit(x_values, y_values, 1, w=1 / y_values)
    line = intercept + slope * x_values
    residual = float(((y_values - line) ** 2).sum())
    spread = float(((y_values - y_values.mean()) ** 2).sum())
    return {
        "intercept": float(intercept),
        "slope": float(slope),
        "deviation": float(np.abs(y_values / line - 1).max()),
        "r_squared": 1 - residual / spread if spread else 1.0,
    }


def main() -> None:
    """Measure, print and write scaling.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--engine", default="auto")
    names = [axis.name for axis in AXES]
    parser.add_argument("--axes", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()

    axes: dict[str, Any] = {}
    name = ""
    for axis in AXES:
        if axis.name not in arguments.axes:
            continue
        points = []
        for value in axis.quick_values if arguments.quick else axis.values:
            point = _measured(axis, value, arguments.engine, quick=arguments.quick)
            name = point["engine"]
            points.append(point)
            print(f"{axis.name} {value}: {point['cost']:.3g} s, {point['memory_mib']:.0f} MiB", flush=True)
        found = fit([point["value"] for point in points], [point["cost"] for point in points])
        axes[axis.name] = {"fixed": axis.fixed, "per_step": axis.per_step, "points": points, "fit": found}
        print(f"{axis.name}: within {found['deviation']:.0%} of a line, R² {found['r_squared']:.4f}\n")
    output.write(arguments, "scaling", {"engine": name, "axes": axes})


def _measured(axis: Axis, value: int, engine: str, *, quick: bool) -> dict[str, Any]:
    cell, runs = axis.case(value, quick)
    point = measure([cell], range(runs), engine=engine, repeats=1 if quick else 3)
    cost = point["seconds"] / (point["steps"] if axis.per_step else 1)
    return {"value": value, "runs": runs, "cost": cost, **point}


if __name__ == "__main__":
    main()
