"""Groups of near widths in one batch: decision 8."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from worker.engine._group import Group

#: Most runs in one batch on a GPU.
MOST_RUNS = 4096
#: How much wider than itself a network may be made on a GPU, and that costs less than launches of its own
#: while a step of all runs together costs no more than this (`Group.step_cost`). Not varied on a GPU.
CUDA_SLACK = 1.25
_MOST_COST = 2.0**25


def pack(counts: Mapping[Group, int], slack: float) -> dict[Group, Group]:
    """Return the group in which the runs of each group train: its own, or one of a larger width.

    Args:
        counts: Runs of each group.
        slack: Largest ratio of the widths; 1 packs nothing.
    """
    families: dict[Group, list[Group]] = {}
    for group in counts:
        families.setdefault(dataclasses.replace(group, width=1), []).append(group)
    packed: dict[Group, Group] = {}
    for family in families.values():
        host, runs = family[0], 0
        for group in sorted(family, key=lambda one: one.width, reverse=True):
            together = runs + counts[group]
            near = host.width <= slack * group.width
            if not (runs and near and together <= MOST_RUNS and together * host.step_cost <= _MOST_COST):
                host, together = group, counts[group]
            packed[group], runs = host, together
    return packed
