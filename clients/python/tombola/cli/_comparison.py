"""Comparisons of models on tables, for people: tables, and what they say in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from rich.text import Text

from tombola.cli import _format
from tombola.cli.render import table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tombola.results import (
        Comparison,
        DatasetComparison,
        Difference,
        Importances,
        Limits,
        ModelAccuracy,
        ModelImportance,
        OverallTest,
        Ranks,
    )

__all__ = ["NAMES", "budgets", "cell", "importances", "listed", "percent", "points", "render", "summary"]

#: What models are called in sentences.
NAMES: Mapping[str, str] = {
    "mlp": "the networks",
    "mlp-sparse": "the sparse networks",
    "mlp-dense": "the dense networks",
    "forest": "the forest",
    "boosting": "boosting",
    "logistic": "logistic regression",
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
    "catboost": "CatBoost",
    "tabm": "TabM",
}
_PLURAL = ("mlp", "mlp-sparse", "mlp-dense")
_SMALL = 0.001
_COLUMNS_SHOWN = 30
_Sized = TypeVar("_Sized", "DatasetComparison", "OverallTest", "Ranks")


def render(comparison: Comparison) -> list[RenderableType]:
    """Return a comparison as tables and paragraphs, for `render.show` or a rich console."""
    if not comparison.datasets:
        return [Text("no data set has all runs of a size yet")]
    found: list[RenderableType] = []
    for _, rows in _by_size(comparison.datasets):
        found += [_accuracies(comparison, rows), Text("")]
        if rows[0].differences:
            found += [_differences(comparison, rows), Text("")]
    if comparison.overall:
        found += [_overall(comparison), Text("")]
    if comparison.ranks:
        found += [_ranks(comparison), Text("")]
    found += [budgets(comparison), Text("")]
    return [*found, Text(summary(comparison))]


def summary(comparison: Comparison) -> str:
    """Return where the baseline wins, where the others do, and how sure that is, in a few sentences."""
    if not comparison.datasets:
        return "No data set has all runs of a size yet."
    named = [name for name in _models(comparison) if name != comparison.baseline]
    networks = [name for name in named if name in _PLURAL]
    shown = ["mlp"] if "mlp" in networks else networks or named
    said = [_said(comparison, name) for name in shown]
    if comparison.baseline not in _PLURAL:
        said += _said_of_the_best(comparison)
    said += _said_of_starts(comparison)
    if not comparison.equal_budgets:
        said.append("The tuning budgets were not equal: see the table of them.")
    if comparison.provisional:
        said.append(
            f"All this is provisional: {comparison.left_out} sizes of data sets lack runs and are left out."
        )
    return " ".join(said)


def importances(answer: Importances) -> list[RenderableType]:
    """Return a table for each data set and size: a row a column, the models side by side."""
    found: list[RenderableType] = []
    for (dataset, samples), group in groupby(answer.models, key=lambda one: (one.dataset, one.samples)):
        title = f"{dataset}, {samples} training rows: points of accuracy lost when a column is shuffled"
        columns, rows = _importance_table(list(group))
        found += [Text("")] * bool(found) + [table(columns, rows, title=title)]
    return found


def _accuracies(comparison: Comparison, rows: Sequence[DatasetComparison]) -> RenderableType:
    models = _models(comparison)
    columns = ["<data set", "samples", "majority", *models]
    lines = []
    for row in rows:
        own = {str(model.model): model for model in row.models}
        best = max((model.accuracy.value or 0.0 for model in row.models), default=0.0)
        lines.append(
            [
                row.dataset,
                str(row.samples),
                percent(row.majority),
                *(cell(own[name], best) for name in models),
            ]
        )
    title = f"Accuracy in %, {_size(rows[0])}, ± half of the {comparison.level * 100:g}% limits, * the best"
    return table(columns, lines, title=title)


def cell(model: ModelAccuracy, best: float) -> str | Text:
    """Return an accuracy with half of its limits, marked where it is the best."""
    accuracy = model.accuracy
    if accuracy.value is None:
        return "diverged"
    text = percent(accuracy.value) + _half_width(accuracy)
    return Text(f"{text} *", style="bold") if accuracy.value >= best else f"{text}  "


def _differences(comparison: Comparison, rows: Sequence[DatasetComparison]) -> RenderableType:
    models = [name for name in _models(comparison) if name != comparison.baseline]
    lines = []
    for row in rows:
        own = {str(one.model): one for one in row.differences}
        lines.append([row.dataset, *(text for name in models for text in _difference(own[name]))])
    columns = [text for name in models for text in (name, "limits", "<")]
    title = f"Points above {comparison.baseline}, {_size(rows[0])}"
    return table(["<data set", *columns], lines, title=title)


def _difference(one: Difference) -> tuple[str, str, str]:
    limits = one.difference
    return points(limits.value), _format.limits(limits, points), one.verdict


def _overall(comparison: Comparison) -> RenderableType:
    rows = [
        [
            _size(row),
            row.model,
            str(row.datasets),
            f"{row.wins}/{row.ties}/{row.losses}",
            points(row.mean_difference),
            points(row.median_difference),
            _p(row.p_value),
            _p(row.p_corrected),
        ]
        for row in comparison.overall
    ]
    columns = ["<size", "<model", "data sets", "win/tie/loss", "mean", "median", "p", "corrected p"]
    title = f"Against {comparison.baseline} over data sets: points, Wilcoxon's test, Holm's correction"
    return table(columns, rows, title=title)


def _ranks(comparison: Comparison) -> RenderableType:
    ranked = {rank.model for row in comparison.ranks for rank in row.ranks}
    models = [name for name in _models(comparison) if name in ranked]
    rows = []
    for row in comparison.ranks:
        own = {rank.model: rank.rank for rank in row.ranks}
        numbers = (_format.number(own.get(name)) for name in models)
        rows.append(
            [
                _size(row),
                str(row.datasets),
                *numbers,
                _format.number(row.critical_difference),
                _p(row.friedman_p),
            ]
        )
    columns = ["<size", "data sets", *models, "critical difference", "Friedman's p"]
    return table(columns, rows, title="Mean ranks, 1 the best")


def budgets(comparison: Comparison) -> RenderableType:
    """Return what tuning took, a row a model."""
    rows = [
        [
            row.model,
            str(row.candidates)
            if row.fewest_candidates == row.candidates
            else f"{row.fewest_candidates} to {row.candidates}",
            _format.amount(row.core_seconds),
        ]
        for row in comparison.budgets
    ]
    limits = [
        f"at most {value:g} {unit}"
        for value, unit in ((comparison.trials, "settings"), (comparison.seconds, "core-seconds"))
        if value is not None
    ]
    equal = "equal" if comparison.equal_budgets else "unequal"
    said = ", ".join([*limits, f"{equal} numbers of settings"])
    title = f"Tuning of each model, for one split and size: {said}"
    return table(["<model", "settings", "core-seconds"], rows, title=title)


def _said(comparison: Comparison, name: str) -> str:
    """Say size by size on which data sets a model is better than the baseline, and on which it is worse."""
    tests = {(row.fraction, row.samples): row for row in comparison.overall if row.model == name}
    parts = []
    for key, rows in _by_size(comparison.datasets):
        verdicts: dict[str, list[str]] = {"win": [], "tie": [], "loss": []}
        for row in rows:
            for one in row.differences:
                if one.model == name:
                    verdicts[one.verdict].append(row.dataset)
        said = [_wins(comparison.baseline, verdicts["loss"]), _wins(name, verdicts["win"])]
        if verdicts["tie"]:
            count = len(verdicts["tie"])
            said.append(f"{count} data set{'s are' if count > 1 else ' is'} too close to call")
        parts.append(f"At {_size(rows[0])} {', '.join(said)}.")
        parts += _on_average(name, tests[key]) if key in tests else []
    return " ".join(parts)


def _on_average(name: str, test: OverallTest) -> list[str]:
    """Say how far a model is from the baseline over data sets, and how sure that is."""
    if test.p_value is None or test.mean_difference is None:
        return []
    difference = 100 * test.mean_difference
    side = "above" if difference > 0 else "below"
    p = test.p_value if test.p_corrected is None else test.p_corrected
    of = "p" if test.p_corrected is None else "corrected p"
    whose = f"{NAMES[name]} {'are' if name in _PLURAL else 'is'}"
    where = f"{test.datasets - test.diverged} data sets"
    lacking = (
        "" if not test.diverged else f" (which counts the {test.datasets}, with those where runs diverged)"
    )
    return [f"Over {where} {whose} {abs(difference):.1f} points {side}, {of} {_p(p)}{lacking}."]


def _said_of_the_best(comparison: Comparison) -> list[str]:
    """Say which model has the best mean rank at each size, where that is neither network nor baseline."""
    found = []
    for row in comparison.ranks:
        best = row.ranks[0].model
        if best != comparison.baseline and best not in _PLURAL:
            found.append(f"{NAMES[best]} at {_size(row)}")
    return [f"The best mean rank of all has {listed(found)}."] if found else []


def _said_of_starts(comparison: Comparison) -> list[str]:
    known = [row.gain for row in comparison.gains if row.gain.low is not None and row.gain.high is not None]
    if not known:
        return []
    better = sum((gain.low or 0.0) > 0 for gain in known)
    worse = sum((gain.high or 0.0) < 0 for gain in known)
    pairs = f"Of {len(known)} pairs of sparse and dense networks of equal width, size and data set"
    return [f"{pairs}, the sparse ones are better in {better} and worse in {worse}."]


def _wins(name: str, datasets: Sequence[str]) -> str:
    verb = "win" if name in _PLURAL else "wins"
    return f"{NAMES[name]} {verb} {f'on {listed(datasets)}' if datasets else 'nowhere'}"


def listed(names: Sequence[str]) -> str:
    """Return names with commas and an `and` between them."""
    if len(names) < 2:  # noqa: PLR2004  # one, or none
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _models(comparison: Comparison) -> list[str]:
    return [row.model for row in comparison.budgets]


def _by_size(rows: Iterable[_Sized]) -> list[tuple[tuple[float | None, int | None], list[_Sized]]]:
    """Return rows of equal size together, the smallest first; sizes are fractions, or else rows."""

    def key(row: _Sized) -> tuple[float | None, int | None]:
        return row.fraction, None if row.fraction is not None else row.samples

    def rising(row: _Sized) -> float:
        fraction, samples = key(row)
        return float(samples or 0) if fraction is None else fraction

    return [(size, list(group)) for size, group in groupby(sorted(rows, key=rising), key=key)]


def _size(row: DatasetComparison | OverallTest | Ranks) -> str:
    return f"{row.samples} rows" if row.fraction is None else f"{100 * row.fraction:g}% of the training rows"


def percent(value: float | None) -> str:
    """Return a share in percent."""
    return "-" if value is None else f"{100 * value:.1f}"


def points(value: float | None) -> str:
    """Return a difference of accuracies in points."""
    return "-" if value is None else f"{100 * value:+.1f}"


def _half_width(limits: Limits) -> str:
    if limits.low is None or limits.high is None:
        return ""
    return f" ± {50 * (limits.high - limits.low):.1f}"


def _p(value: float | None) -> str:
    return "-" if value is None else "<0.001" if value < _SMALL else f"{value:.2g}"


def _importance_table(models: Sequence[ModelImportance]) -> tuple[list[str], list[list[str]]]:
    columns = ["<column"]
    for one in models:
        columns += [
            one.model,
            *(["first layer", "at the start"] if one.columns[0].support is not None else []),
        ]
    by_model = [{column.column: column for column in one.columns} for one in models]
    strongest = {name: max(own[name].permutation for own in by_model if name in own) for name in by_model[0]}
    rows = []
    for name in sorted(strongest, key=lambda key: -strongest[key])[:_COLUMNS_SHOWN]:
        row = [name]
        for own in by_model:
            found = own[name]
            row.append(f"{100 * found.permutation:.1f} ± {100 * found.deviation:.1f}")
            if found.support is not None:
                row += [_format.number(found.support), _format.number(found.initial_support)]
        rows.append(row)
    if len(strongest) > _COLUMNS_SHOWN:
        rows.append([f"({len(strongest) - _COLUMNS_SHOWN} more)", *[""] * (len(columns) - 1)])
    return columns, rows
