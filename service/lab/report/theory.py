"""Theory beside the data: parallel search over widths, and what bounds and linear algebra ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.lab.report.findings.draft import ALPHA, LEVEL, amount
from service.lab.statistics import monotone, theory
from service.lab.statistics.intervals import Confidence, wilson
from service.lab.statistics.monotone import Point
from service.lab.statistics.theory import Count
from tombola.results import (
    BoundPoint,
    Limits,
    ObservedThreshold,
    ParallelSearch,
    Resources,
    SearchPoint,
)

if TYPE_CHECKING:
    from service.lab.report.data import Outcomes


def parallel_search(outcomes: Outcomes) -> list[ParallelSearch]:
    """Return success over widths for every number of samples and initialisation that has complete cells."""
    return [
        _search(outcomes, samples, start)
        for start in range(len(outcomes.sparsities))
        for samples in range(len(outcomes.samples))
        if outcomes.complete[:, samples, start].any()
    ]


def _search(outcomes: Outcomes, samples: int, start: int) -> ParallelSearch:
    target, sparsity = outcomes.spec.target, outcomes.sparsities[start]
    there = np.flatnonzero(outcomes.complete[:, samples, start]).tolist()
    runs = outcomes.success[there, samples, start]
    counts = [Count(outcomes.widths[at], int(runs[row].sum()), runs.shape[1]) for row, at in enumerate(there)]
    independent = theory.fit_search(counts, LEVEL)
    effect = theory.design_effect(runs, [count.width for count in counts], independent.probability)
    fit = theory.fit_search(counts, LEVEL, effect)
    predicted = None if sparsity is None else theory.lucky_probability(target.n, target.k, sparsity)
    return ParallelSearch(
        samples=outcomes.samples[samples],
        sparsity=sparsity,
        predicted=predicted,
        fitted=Limits(value=fit.probability, low=fit.low, high=fit.high),
        design_effect=effect,
        deviance=fit.deviance,
        degrees=fit.degrees,
        p_value=fit.p_value,
        points=[_point(count, fit.probability, predicted) for count in counts],
    )


def _point(count: Count, fitted: float, predicted: float | None) -> SearchPoint:
    limits = wilson(count.successes, count.runs, LEVEL)
    return SearchPoint(
        width=count.width,
        runs=count.runs,
        successes=count.successes,
        probability=count.successes / count.runs,
        low=limits.low,
        high=limits.high,
        fitted=theory.parallel_search(fitted, count.width),
        predicted=None if predicted is None else theory.parallel_search(predicted, count.width),
    )


def resources(outcomes: Outcomes, probability: float) -> Resources:
    """Return width against samples: the fewest samples observed, and those that theory asks for."""
    spec, target = outcomes.spec, outcomes.spec.target
    bound = [
        BoundPoint(
            width=width,
            samples=theory.statistical_query_samples(
                target.n,
                target.k,
                parameters=(target.n + 2) * width + 1,
                steps=spec.training.max_steps,
                probability=probability,
            ),
        )
        for width in outcomes.widths
    ]
    return Resources(
        probability=probability,
        level=LEVEL,
        widths=outcomes.widths,
        samples=outcomes.finite,
        thresholds=[
            _threshold(outcomes, width, start, probability)
            for start in range(len(outcomes.sparsities))
            for width in range(len(outcomes.widths))
            if outcomes.counts[0, width, : len(outcomes.finite), start].any()
        ],
        statistical_query=bound,
        elimination=theory.elimination_samples(target.n, probability),
        remark=_remark(max(point.samples for point in bound), outcomes),
    )


def _threshold(outcomes: Outcomes, width: int, start: int, probability: float) -> ObservedThreshold:
    runs, successes = outcomes.counts[:, width, :, start].tolist()
    found = [Point(size, successes[at], runs[at]) for at, size in enumerate(outcomes.finite)]
    method = Confidence("confidence-sequence" if outcomes.stopped else "clopper-pearson", 1 - ALPHA)
    smallest = monotone.smallest(found, monotone.isotonic(found), probability, method)
    return ObservedThreshold(
        width=outcomes.widths[width],
        sparsity=outcomes.sparsities[start],
        observed=smallest.observed,
        fitted=smallest.fitted,
        low=smallest.low,
        high=smallest.high,
    )


def _remark(most: float, outcomes: Outcomes) -> str:
    target, steps = outcomes.spec.target, outcomes.spec.training.max_steps
    said = f"At the narrowest width, the statistical-query bound asks for {amount(most)} samples"
    if most < 1:
        return (
            f"{said}: less than one, so it says nothing here. With C({target.n}, {target.k}) parities and "
            f"{steps} steps, width and time alone pay for the search."
        )
    smallest = min(outcomes.finite, default=1)
    if most < smallest:
        return f"{said}, fewer than the smallest training set of the grid ({smallest}): it excludes no cell."
    return f"{said}: it excludes cells of the grid. It is a lower bound up to constants."
