"""One wide network against restarts of narrower ones at equal floating-point operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from tombola.plots import _common as common
from tombola.plots._canvas import NAME_BESIDE, Legend, Panels, Text, plain
from tombola.plots._scales import Scale, horizontal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tombola.results import Better, EqualFlops, Limits, Luck

MOST = 12
LARGE = (300.0, 180.0)  #: width and height of a panel where there are one or two
SMALL = (205.0, 125.0)  #: of one among more
PAD = 18.0  #: at either end of the horizontal axis
MARKER = 6.0
LEAST_MARKER = 2.0
WIDE = "0.25"
SHADING = 0.12
SURE = 0.01  #: as far from 0 and 1 nothing is to be seen
#: A shape and a colour for each verdict (Okabe & Ito 2008).
LOOKS: dict[Better, dict[str, Any]] = {
    "restarts": {"marker": "^", "color": common.COLOURS[1]},
    "undecided": {"marker": "o", "color": "0.55"},
    "width": {"marker": "v", "color": common.COLOURS[0]},
}
LABELS: dict[Better, str] = {
    "restarts": "restarts are better",
    "undecided": "undecided",
    "width": "width is better",
}


def draw(luck: Luck, title: str | None) -> Figure:
    """See `tombola.plots.luck`."""
    if not luck.equal_flops:
        raise ValueError(f"a picture needs at least one cell; the luck of {luck.experiment} has none")
    groups = _chosen(luck.equal_flops)
    widths = {rival.width for group in groups for rival in group.rivals} | {group.width for group in groups}
    width, height = LARGE if len(groups) <= 2 else SMALL  # noqa: PLR2004  # see there
    x = Scale(sorted(widths), width, PAD)
    legend = Legend(_entries(groups))
    panels = Panels(
        count=len(groups),
        width=width,
        height=height,
        left=NAME_BESIDE + 30,
        below=2 * common.LINE * common.TICK_SIZE + 6,
        right=legend.width,
        gap=14.0,
    )
    canvas = panels.canvas(Text(title, _note(luck, groups)))
    for number, (group, (left, bottom, outer)) in enumerate(
        zip(groups, panels.corners(), strict=True), start=1
    ):
        axes = canvas.axes(left, bottom, width, height)
        horizontal(axes, x, below=_restarts(group, x))
        plain(axes)
        axes.set(ylim=(-0.05, 1.05), yticks=[0, 0.25, 0.5, 0.75, 1])
        axes.tick_params(labelleft=outer)
        name = f"{common.samples_label(group.samples)}, {common.sparsity_label(group.sparsity)}"
        axes.set_title(name, size=common.LABEL_SIZE, pad=4)
        _group(axes, x, group)
        if number == panels.columns:
            legend.draw(axes)
    middle = panels.middle
    canvas.name_below("width, and how many runs of it the FLOPs pay for", middle[0])
    canvas.name_beside("probability that one succeeds", middle[1])
    return canvas.figure


def _chosen(groups: Sequence[EqualFlops]) -> list[EqualFlops]:
    """Return the groups to show, in their order: the least sure, and those where all is sure if no other."""

    def telling(number: int) -> float:
        """Return how far a group is from all 0 and from all 1."""
        values = _values(groups[number])
        return min(max(values), 1 - min(values)) if values else 0.0

    ranked = sorted(range(len(groups)), key=telling, reverse=True)
    unsure = [number for number in ranked if telling(number) > SURE]
    return [groups[number] for number in sorted((unsure or ranked)[:MOST])]


def _values(group: EqualFlops) -> list[float]:
    """Return the probabilities of a group that are known."""
    every = [group.probability, *(rival.probability for rival in group.rivals)]
    return [limits.value for limits in every if limits.value is not None]


def _restarts(group: EqualFlops, x: Scale) -> list[str]:
    """Return, for each width of the axis, how many runs of it the budget pays for."""
    counts = {rival.width: rival.restarts for rival in group.rivals} | {group.width: 1.0}
    return [_times(counts[width]) if width in counts else "" for width in x.values if width is not None]


def _times(restarts: float) -> str:
    number = f"{restarts:.1f}" if restarts < 10 else f"{restarts:.0f}"  # noqa: PLR2004  # two digits are enough
    return f"\N{MULTIPLICATION SIGN}{number.removesuffix('.0')}"


def _group(axes: Axes, x: Scale, group: EqualFlops) -> None:
    size = max(LEAST_MARKER, min(MARKER, x.least_gap / 2))
    if group.probability.value is not None:
        axes.axhline(group.probability.value, color=WIDE, linewidth=1.0, zorder=2)
        if group.probability.low is not None and group.probability.high is not None:
            ends = group.probability.low, group.probability.high
            axes.axhspan(*ends, color=WIDE, alpha=SHADING, linewidth=0, zorder=1)
        axes.plot(group.width, group.probability.value, marker="s", color=WIDE, markersize=size, zorder=4)
    for rival in group.rivals:
        look = LOOKS[rival.better]
        _limits(axes, rival.width, rival.probability, look["color"])
        if rival.probability.value is not None:
            axes.plot(
                rival.width, rival.probability.value, markersize=size, zorder=4, linestyle="none", **look
            )


def _limits(axes: Axes, width: int, limits: Limits, colour: str) -> None:
    if limits.low is not None and limits.high is not None:
        axes.vlines(width, limits.low, limits.high, color=colour, linewidth=1.2, zorder=3)


def _entries(groups: Sequence[EqualFlops]) -> list[Artist]:
    found = {rival.better for group in groups for rival in group.rivals}
    entries: list[Artist] = [
        Line2D([], [], linestyle="none", markersize=MARKER, label=LABELS[better], **look)
        for better, look in LOOKS.items()
        if better in found
    ]
    wide = f"one run of width {common.number_label(groups[0].width)}"
    entries.append(Line2D([], [], color=WIDE, marker="s", markersize=MARKER, linewidth=1.0, label=wide))
    return entries


def _note(luck: Luck, groups: Sequence[EqualFlops]) -> str:
    hidden = len(luck.equal_flops) - len(groups)
    wide = common.number_label(groups[0].width)
    notes = [f"best of as many restarts as the FLOPs of one run of width {wide} pay for"]
    if not any(group.rivals for group in groups):
        notes = ["there is no narrower width whose restarts could be compared"]
    if not any(_values(group) for group in groups):
        notes.append("no run finished yet")
    notes.append(f"bars and shading: {common.limits_label(luck.level, luck.method)}")
    if hidden:
        sure = "" if len(groups) == MOST else ", in which all or none succeed"
        notes.append(f"{hidden} of {len(luck.equal_flops)} pairs of samples and sparsity left out" + sure)
    return "; ".join(notes)
