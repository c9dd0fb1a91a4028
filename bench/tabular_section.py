"""The section of BENCHMARKS.md on tables: who wins where, in accuracies, tests and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.pictures import thousands
from bench.sections import Found, provenance, table
from service.lab.statistics.resampled import corrected
from tombola import Comparison, DatasetComparison, OverallTest
from tombola.results import Limits

#: Accuracy in percent of an untuned forest: scikit-learn, 250 trees, at least 2 rows in a leaf, 70 % of
#: the rows but at most 10 000 to train, mean of 3 splits; measured for this project before it had this
#: service.
UNTUNED = {
    "MagicTelescope": 86.1,
    "electricity": 84.7,
    "california": 88.7,
    "pol": 98.4,
    "bank-marketing": 80.0,
    "default-of-credit-card-clients": 70.7,
    "Diabetes130US": 57.7,
}
_SHOWN = ("mlp-sparse", "mlp-dense", "mlp", "forest", "boosting", "logistic")
_ALL = 1.0


def tabular(found: Found, *, images: Path) -> str:
    """Show the pictures, the accuracies at every size, the tests, and say in words who wins."""
    told = Comparison.model_validate(found["comparison"])
    fractions = list(dict.fromkeys(item.fraction for item in told.datasets))
    parts = [
        f"![Accuracy against training rows]({images / 'tabular-accuracy.png'})",
        _in_words(told),
        *(_accuracies(told, fraction, found["untuned"]) for fraction in reversed(fractions)),
        _tests(told.overall),
        f"![Mean ranks]({images / 'tabular-ranks.png'})",
        f"![Sparse minus dense against width]({images / 'tabular-gain.png'})",
        _cost(told, found),
        provenance(found),
    ]
    return "\n\n".join(parts)


def forests(found: Found, *, images: Path) -> str:
    """Set the tuned forest beside the untuned one on splits of scikit-learn's."""
    del images
    rows = []
    for row in found["rows"]:
        untuned, tuned = ([one[side] for one in row["splits"]] for side in ("untuned", "tuned"))
        gains = np.subtract(tuned, untuned)
        gain = Limits(
            **dict(zip(("value", "low", "high"), corrected(gains, row["splits"][0]["tested"]), strict=True))
        )
        mark = f"{UNTUNED[row['dataset']]:.1f}" if row["dataset"] in UNTUNED else ""
        rows.append(
            [
                row["dataset"],
                mark,
                *(f"{100 * np.mean(side):.1f}" for side in (untuned, tuned)),
                _percent(gain),
            ]
        )
    head = ["data set", "mark", "untuned, these splits", "tuned", "tuned - untuned"]
    return f"{table(head, rows, left=1)}\n\n{found['trials']} candidates. {provenance(found)}"


def _in_words(told: Comparison) -> str:
    lines = []
    for name in dict.fromkeys(item.dataset for item in told.datasets):
        verdicts: dict[str, list[str]] = {"loss": [], "win": [], "tie": []}
        for item in told.datasets:
            for one in item.differences:
                if item.dataset == name and one.model == "mlp":
                    verdicts[one.verdict].append(_size(item))
        said = [
            f"{who} at {', '.join(verdicts[verdict])}"
            for verdict, who in (
                ("loss", "the forest wins"),
                ("win", "networks win"),
                ("tie", "no difference is shown"),
            )
            if verdicts[verdict]
        ]
        lines.append(f"- {name}: {'; '.join(said)}.")
    return "\n".join(
        ["Networks (the best of all, chosen on validation rows) against the tuned forest:", "", *lines]
    )


def _accuracies(told: Comparison, fraction: float | None, untuned: Mapping[str, float]) -> str:
    items = [item for item in told.datasets if item.fraction == fraction]
    shown = [name for name in _SHOWN if any(one.model == name for item in items for one in item.models)]
    whole = fraction == _ALL and any(item.dataset in UNTUNED for item in items)
    head = [
        "data set",
        "rows",
        *shown,
        *(["untuned, other splits", "untuned, these"] if whole else []),
        "optimistic mlp",
    ]
    rows = [_accuracy_row(item, shown, untuned if whole else None) for item in items]
    title = "All training rows" if fraction == _ALL else f"{_size(items[0])} of the training rows"
    return f"{title}, test accuracy in %:\n\n{table(head, rows, left=1)}"


def _accuracy_row(
    item: DatasetComparison, shown: Sequence[str], untuned: Mapping[str, float] | None
) -> list[str]:
    by_name = {one.model: one for one in item.models}
    best = max((one.accuracy.value or 0.0) for one in item.models)
    cells = []
    for name in shown:
        limits = by_name[name].accuracy if name in by_name else None
        text = "" if limits is None else _percent(limits)
        cells.append(f"**{text}**" if limits is not None and limits.value == best else text)
    optimistic = by_name["mlp"].optimistic if "mlp" in by_name else None
    return [
        item.dataset,
        thousands(item.samples),
        *cells,
        *([] if untuned is None else _untuned(item.dataset, untuned)),
        "" if optimistic is None else f"{100 * optimistic:.1f}",
    ]


def _untuned(name: str, untuned: Mapping[str, float]) -> list[str]:
    mark = f"{UNTUNED[name]:.1f}" if name in UNTUNED else ""
    return [mark, f"{100 * untuned[name]:.1f}"]


def _tests(overall: Sequence[OverallTest]) -> str:
    rows = [
        [
            f"{100 * one.fraction:g} %" if one.fraction is not None else str(one.samples),
            one.model,
            f"{one.wins} / {one.ties} / {one.losses}",
            "" if one.mean_difference is None else f"{100 * one.mean_difference:+.2f}",
            "" if one.p_value is None else f"{one.p_value:.3g}",
            "" if one.p_corrected is None else f"{one.p_corrected:.3g}",
        ]
        for one in overall
    ]
    head = ["size", "model", "win / tie / loss", "mean difference, points", "p", "p, Holm"]
    title = "Against the tuned forest over the data sets (Wilcoxon's signed ranks):"
    return f"{title}\n\n{table(head, rows, left=2)}"


def _cost(told: Comparison, found: Found) -> str:
    tried = ", ".join(
        f"{one.model} {one.candidates} ({one.core_seconds:.1f} core-seconds)"
        for one in told.budgets
        if not one.model.startswith("mlp-")
    )
    return (
        f"Candidates of each model, and what all of them take at one size of one split, mean: {tried}. "
        f"{thousands(found['runs'])} runs took {found['seconds'] / 60:.1f} minutes, "
        f"{found['core_seconds'] / 60:.1f} core-minutes."
    )


def _percent(limits: Limits) -> str:
    if limits.value is None:
        return ""
    if limits.low is None or limits.high is None:
        return f"{100 * limits.value:.1f}"
    return f"{100 * limits.value:.1f} ± {50 * (limits.high - limits.low):.1f}"


def _size(item: DatasetComparison) -> str:
    return f"{item.samples} rows" if item.fraction is None else f"{100 * item.fraction:g} %"
