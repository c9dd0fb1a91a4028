"""A report as an example for the OpenAPI document."""

from __future__ import annotations

from service.api.examples import AT, TYPICAL, as_json
from tombola.results import (
    BoundPoint,
    Effect,
    Finding,
    Limits,
    NotTested,
    ObservedThreshold,
    ParallelSearch,
    Report,
    Resources,
    SearchPoint,
)

REPORT = as_json(
    Report(
        experiment=TYPICAL,
        as_of=AT,
        provisional=True,
        probability=0.5,
        alpha=0.05,
        level=0.95,
        rule="Supported: the one-sided p-value in the claimed direction, adjusted by Holm's method over all "
        "findings that the grid can speak to, is at most 0.05. …",
        seeds=24,
        cells=4,
        runs=96,
        left_out=["4 of 8 cells that do not have all their runs yet: …"],
        software=["native on cpu (python 3.11.9, torch 2.7.0)"],
        findings=[
            Finding(
                id="sparse-luck",
                scope="2-sparse against dense",
                claim="A sparse start succeeds more often than a dense one.",
                source="Figure 1 left; finding 3",
                test="sign flips by seed of the difference of successes (of one pair of cells McNemar's "
                "exact test)",
                statistic=9.0,
                seeds=24,
                cells=4,
                p_value=0.006,
                p_adjusted=0.018,
                p_opposite=1.0,
                effect=Effect(
                    name="mean difference of success probability",
                    value=0.188,
                    low=0.028,
                    high=0.318,
                    unit="probability",
                ),
                smallest_effect=0.1,
                verdict="supported",
                explanation="Over the 2 pairs of cells in which outcomes differ, the sparse start succeeds "
                "more often by +18.8 points (+2.8 to +31.8): 29 runs against 20 of 48.",
            )
        ],
        not_tested=[
            NotTested(
                id="double-descent",
                scope="all cells",
                claim="Somewhere more samples make the final test error worse, and still more make it better "
                "again.",
                source="Finding 4",
                reason="the grid has fewer than three training-set sizes",
                by_grid=True,
            )
        ],
        parallel_search=[
            ParallelSearch(
                samples=600,
                sparsity=2,
                predicted=0.0036,
                fitted=Limits(value=0.00095, low=0.0004, high=0.0018),
                design_effect=1.1,
                deviance=0.62,
                degrees=1,
                p_value=0.43,
                points=[
                    SearchPoint(
                        width=112,
                        runs=24,
                        successes=2,
                        probability=0.083,
                        low=0.023,
                        high=0.258,
                        fitted=0.101,
                        predicted=0.332,
                    ),
                    SearchPoint(
                        width=304,
                        runs=24,
                        successes=6,
                        probability=0.25,
                        low=0.12,
                        high=0.449,
                        fitted=0.251,
                        predicted=0.666,
                    ),
                ],
            )
        ],
        resources=Resources(
            probability=0.5,
            level=0.95,
            widths=[112, 304],
            samples=[600, 1000],
            thresholds=[
                ObservedThreshold(width=304, sparsity=2, observed=1000, fitted=1000, low=1000, high=1000)
            ],
            statistical_query=[BoundPoint(width=112, samples=1.7e-5), BoundPoint(width=304, samples=6.2e-6)],
            elimination=51,
            remark="At the narrowest width, the statistical-query bound asks for 1.7e-05 samples: less than "
            "one, so it says nothing here. …",
        ),
        methods=["Cells share their random numbers at equal seeds, so …"],
    )
)
