"""Pictures of the benchmarks' results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tombola import plots
from tombola.results import Comparison, SuccessTable
from tombola.spec import ExperimentSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe & Ito 2008, "Color universal design".
_LOOKS = {
    "native": ("#D55E00", "o"),
    "torch": ("#0072B2", "s"),
    "vmap": ("#009E73", "^"),
    "compiled": ("#CC79A7", "v"),
    "plain": ("0.35", "D"),
}
NAMES = {
    "plain": "plain loop",
    "vmap": "vmap ensemble",
    "compiled": "vmap, compiled",
    "torch": "torch engine",
    "native": "native engine",
}
_LABEL = 9
#: Of the scaling's axes: where values, and times, go over several powers of ten.
_LOGARITHMIC_VALUES, _LOGARITHMIC_TIMES = ("width", "samples"), ("width",)


def speed(found: dict[str, Any]) -> Figure:
    """Draw the ratio to the plain loop and the share of the sgemm peak against width, a column per n."""
    dimensions = sorted({row["n"] for row in found["rows"]})
    figure = Figure(figsize=(1.4 + 2.7 * len(dimensions), 5.6), layout="constrained")
    grid = figure.subplots(2, len(dimensions), sharex=True, sharey="row", squeeze=False)
    sides = sides_of(found)
    for column, n in enumerate(dimensions):
        rows = sorted((row for row in found["rows"] if row["n"] == n), key=lambda row: row["width"])
        widths = {row["width"] for row in rows}
        above, below = grid[0][column], grid[1][column]
        for name in sides:
            measured = {row["width"]: row["sides"][name] for row in rows if name in row["sides"]}
            peak = found["peak"]["all_threads"]
            shares = [100 * side["flops_per_second"] / peak for side in measured.values()]
            _line(above, name, list(measured), [side["ratio"] for side in measured.values()])
            _line(below, name, list(measured), shares)
        if n == found["goals_n"]:
            goals = {int(width): goal for width, goal in found["goals"].items() if int(width) in widths}
            above.plot(list(goals), list(goals.values()), "_k", markersize=14, mew=1.5, label="goal")
        above.set_title(f"n = {n}", size=_LABEL)
        below.set_xlabel("width", size=_LABEL)
        for axes in (above, below):
            _log_log(axes)
    grid[0][0].set_ylabel("speed, plain loop = 1", size=_LABEL)
    grid[1][0].set_ylabel("% of sgemm peak, all threads", size=_LABEL)
    entries = {
        label: handle
        for axes in grid[0]
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        entries.values(), entries.keys(), loc="outside upper center", ncols=6, fontsize=_LABEL, frameon=False
    )
    return figure


def sides_of(found: dict[str, Any]) -> list[str]:
    """Return the sides that any row of the engines' table has, in the order of `NAMES`."""
    return [name for name in NAMES if any(name in row["sides"] for row in found["rows"])]


def scaling(found: dict[str, Any]) -> Figure:
    """Draw time and memory against each quantity, the times with their line."""
    axes = found["axes"]
    figure = Figure(figsize=(1.2 + 2.5 * len(axes), 5.2), layout="constrained")
    grid = figure.subplots(2, len(axes), sharex="col", squeeze=False)
    for column, (name, axis) in enumerate(axes.items()):
        above, below = grid[0][column], grid[1][column]
        colour, marker = _LOOKS["native"]
        unit = 1e6 if axis["per_step"] else 1.0
        values = [point["value"] for point in axis["points"]]
        above.plot(values, [point["cost"] * unit for point in axis["points"]], marker, color=colour)
        # On logarithmic axes a line is curved.
        dense = [values[0] * (values[-1] / values[0]) ** (i / 60) for i in range(61)]
        line = [(axis["fit"]["intercept"] + axis["fit"]["slope"] * value) * unit for value in dense]
        above.plot(dense, line, color="0.35", linewidth=1)
        above.set_title(f"within {axis['fit']['deviation']:.1%} of the line", size=_LABEL)
        above.set_ylabel("µs per run and step" if axis["per_step"] else "seconds", size=_LABEL)
        memory = [max(point["memory_mib"], 0.0) for point in axis["points"]]
        below.plot(values, memory, marker + "-", color=colour)
        below.set_xlabel(name, size=_LABEL)
        below.set_ylim(0, 1.2 * max([*memory, 10.0]))
        if name in _LOGARITHMIC_TIMES:
            _log_log(above)
        else:
            above.set_ylim(bottom=0)
        for one in (above, below):
            one.set_xscale("log" if name in _LOGARITHMIC_VALUES else "linear")
            one.grid(alpha=0.3, linewidth=0.6)
            one.tick_params(labelsize=8)
    grid[1][0].set_ylabel("MiB that training adds", size=_LABEL)
    return figure


def figure1(found: dict[str, Any]) -> Figure:
    """Draw the success probabilities of the paper's Figure 1 (left), down-scaled."""
    spec = ExperimentSpec.model_validate(found["spec"])
    title = (
        f"({spec.target.n}, {spec.target.k})-sparse parity, {spec.seeds.most} runs a cell, "
        f"at most {thousands(spec.training.max_steps)} steps"
    )
    return plots.heatmap(SuccessTable.model_validate(found["table"]), title=title)


def tabular_accuracy(found: dict[str, Any]) -> Figure:
    """Draw accuracy against training rows, as the paper's Figure 3."""
    return plots.accuracy(Comparison.model_validate(found["comparison"]))


def tabular_gain(found: dict[str, Any]) -> Figure:
    """Draw what sparse initialisation gains against width."""
    return plots.gain(Comparison.model_validate(found["comparison"]))


def tabular_ranks(found: dict[str, Any]) -> Figure:
    """Draw the models' mean ranks."""
    return plots.ranks(Comparison.model_validate(found["comparison"]))


def thousands(value: float) -> str:
    """Write a whole number with thin gaps: 50 000."""
    return f"{value:,.0f}".replace(",", " ")


def _line(axes: Axes, name: str, x: list[float], y: list[float]) -> None:
    colour, marker = _LOOKS[name]
    axes.plot(x, y, marker=marker, color=colour, markersize=4, linewidth=1.3, label=NAMES[name])


def _log_log(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(alpha=0.3, linewidth=0.6)
    axes.tick_params(labelsize=8)
