"""Sparse starts buy luck, time and data, at equal width, samples and seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.lab.report.findings import times
from service.lab.report.findings.draft import (
    TEN_POINTS,
    Claim,
    Draft,
    by_flips,
    in_points,
    initialisation,
    mean_of,
)
from service.lab.report.findings.thresholds import sparse_data
from service.lab.statistics import paired
from tombola.results import NotTested

if TYPE_CHECKING:
    from service.lab.report.data import Flags, Numbers, Outcomes

#: Name, what is claimed, and where.
_CLAIMS = {
    "sparse-luck": ("A sparse start succeeds more often than a dense one.", "Figure 1 left; finding 3"),
    "sparse-time": (
        "A sparse start succeeds in fewer steps than a dense one, failures counted as never.",
        "Figure 2; finding 3",
    ),
    "sparse-data": (
        "A sparse start reaches a success probability with fewer samples than a dense one.",
        "Figures 1 left and 2; finding 3",
    ),
}


def findings(outcomes: Outcomes, probability: float) -> list[Draft | NotTested]:
    """Test the findings on sparse starts, each sparsity against dense."""
    if None not in outcomes.sparsities or len(outcomes.sparsities) == 1:
        reason = "the grid has no " + ("dense" if None not in outcomes.sparsities else "sparse") + " start"
        return [_claim(name, "sparse against dense").untested(reason, by_grid=True) for name in _CLAIMS]
    dense = len(outcomes.sparsities) - 1
    found: list[Draft | NotTested] = []
    for start in range(dense):
        scope = f"{initialisation(outcomes.sparsities[start])} against dense"
        both = outcomes.complete[:, :, start] & outcomes.complete[:, :, dense]
        success = outcomes.success[:, :, start][both], outcomes.success[:, :, dense][both]
        steps = outcomes.steps[:, :, start][both], outcomes.steps[:, :, dense][both]
        found += [
            _luck(_claim("sparse-luck", scope), *success),
            _time(_claim("sparse-time", scope), *steps, outcomes.first_evaluation),
            sparse_data(outcomes, start, dense, probability),
        ]
    return found


def _claim(name: str, scope: str) -> Claim:
    return Claim(name, scope, *_CLAIMS[name])


def _luck(claim: Claim, sparse: Flags, dense: Flags) -> Draft | NotTested:
    """Test the difference of successes, shapes (pairs, seeds); of one pair it is McNemar's exact test."""
    if not sparse.size:
        return claim.untested("no pair of cells is complete yet")
    differ = (sparse | dense).any(axis=1) & ~(sparse & dense).all(axis=1)
    if not differ.any():
        return claim.untested("in every pair of cells all runs have the same outcome")
    differences = sparse[differ].astype(float) - dense[differ]
    flips = paired.sign_flips(differences.sum(axis=0))
    effect = mean_of("mean difference of success probability", differences.mean(axis=0), "probability")
    return by_flips(
        claim,
        "sign flips by seed of the difference of successes (of one pair of cells McNemar's exact test)",
        flips,
        effect,
        TEN_POINTS,
        cells=2 * len(differences),
        explanation=f"Over the {len(differences)} pairs of cells in which outcomes differ, the sparse start "
        f"succeeds more often by {in_points(effect)}: {int(sparse[differ].sum())} runs against "
        f"{int(dense[differ].sum())} of {differences.size}.",
    )


def _time(claim: Claim, sparse: Numbers, dense: Numbers, first: int) -> Draft | NotTested:
    """Test which start succeeds earlier. Steps to success, shapes (pairs, seeds)."""
    if not sparse.size:
        return claim.untested("no pair of cells is complete yet")
    told = (np.isfinite(sparse) | np.isfinite(dense)).any(axis=1)
    if not told.any():
        return claim.untested("no run succeeded")
    net = times.wins(sparse[told], dense[told])
    flips = paired.sign_flips(net.sum(axis=0))
    effect = mean_of(
        "share of pairs in which the sparse start is earlier, less those in which it is later",
        net.mean(axis=0),
        "share",
    )
    ratios = times.log_ratios(sparse[told], dense[told], first)
    return by_flips(
        claim,
        "sign flips by seed of which start succeeds earlier",
        flips,
        effect,
        TEN_POINTS,
        cells=2 * len(net),
        explanation=f"At equal width, samples and seed, the sparse start is earlier {int((net > 0).sum())} "
        f"times and later {int((net < 0).sum())} times of {net.size}: "
        f"{in_points(effect, 'points of a hundred')}.{ratios.sentence('the sparse start takes')}",
    )
