"""What `tombola compare` says: who wins at which sizes, how sure, at what cost, and what the winners read."""

from __future__ import annotations

import html as markup
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from tombola.cli import _comparison, _format
from tombola.cli.render import table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tombola.cli._compare import Found
    from tombola.results import Comparison, DatasetComparison

_FEW_SPLITS, _FEW_ROWS = 5, 500
#: No better than this above the share of the largest class.
_NOTHING = 0.005
_WIDTH = 110
_VERDICTS = {"win": "ahead of", "loss": "behind", "tie": "not told apart from"}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ max-width: 60rem; margin: 2rem auto; font-family: sans-serif }}
pre {{ overflow-x: auto }} svg {{ max-width: 100%; height: auto }}</style></head>
<body><h1>{title}</h1>
{picture}
<pre>{text}</pre>
</body></html>
"""


def document(found: Found) -> dict[str, Any]:
    """Return everything as one JSON value."""
    importances = found.importances
    return {
        "dataset": found.dataset.model_dump(mode="json", exclude={"profile"}),
        "experiment": found.experiment.id,
        "answer": answer(found.comparison) if found.comparison.datasets else None,
        "cautions": list(_cautions(found)),
        "seconds": round(found.seconds, 3),
        "comparison": found.comparison.model_dump(mode="json"),
        "importance": None if importances is None else importances.model_dump(mode="json"),
        "quote": found.plan.quote.model_dump(mode="json"),
        "spec": found.plan.spec.model_dump(mode="json"),
    }


def report(found: Found) -> list[RenderableType]:
    """Return the report as tables and paragraphs."""
    comparison = found.comparison
    parts: list[RenderableType] = [
        Text(f"Does a wide sparse network beat a tuned {comparison.baseline} on {found.dataset.name}?"),
        Text(answer(comparison), style="bold"),
        *(Text(f"  {line}") for line in _by_size(comparison)),
        Text(""),
        _accuracies(comparison),
        Text(""),
        _comparison.budgets(comparison),
        Text(_cost(found)),
        Text(""),
    ]
    if found.importances is not None:
        parts += [*_comparison.importances(found.importances), Text("")]
        parts += [*(Text(line) for line in _read(found)), Text("")]
    return parts + [Text(f"caution: {line}") for line in _cautions(found)]


def page(found: Found, picture: str) -> str:
    """Return the report as one HTML file, with a picture in SVG."""
    console = Console(
        file=io.StringIO(), width=_WIDTH, markup=False, highlight=False, emoji=False, color_system=None
    )
    console.print(*report(found), sep="\n")
    text = console.file.getvalue()  # type: ignore[attr-defined]  # the file above
    svg = picture[picture.index("<svg") :]
    return _PAGE.format(
        title=markup.escape(f"Networks and forests on {found.dataset.name}"),
        picture=svg,
        text=markup.escape(text),
    )


def answer(comparison: Comparison) -> str:
    """Return in a sentence at which sizes sparse networks win, lose, and are too close to call."""
    verdicts: dict[str, list[str]] = {"win": [], "loss": [], "tie": []}
    for row in comparison.datasets:
        one = _of(row.differences, _network(comparison))
        if one is not None:
            verdicts[one.verdict].append(_rows(row))
    wins, losses, ties = verdicts.values()
    if wins and not losses:
        said = "Yes" if not ties else f"Yes, with {_list(wins)}"
    elif wins:
        said = f"With {_list(wins)} yes, with {_list(losses)} no"
    elif losses:
        said = "No" if not ties else f"No; with {_list(losses)} it is behind"
    else:
        said = "That cannot be told"
    if ties:
        said += f"; with {_list(ties)} the difference is within its limits"
    return f"{said}."


def _by_size(comparison: Comparison) -> Iterator[str]:
    """Yield for each size how the networks and the baseline compare, with the limits of the difference."""
    network = _network(comparison)
    for row in comparison.datasets:
        one, own = _of(row.differences, network), _of(row.models, network)
        if one is None or own is None:
            continue
        limits = one.difference
        points = "no accuracy" if limits.value is None else f"{100 * limits.value:+.1f} points"
        sure = "" if limits.low is None else f" ({_format.limits(limits, _comparison.points)})"
        chosen = own.chosen.get("width")
        which = f", width {chosen} chosen" if chosen else ""
        names = _comparison.NAMES
        yield (
            f"{_rows(row)}: {names[network]} are {_VERDICTS[one.verdict]} {names[comparison.baseline]}: "
            f"{points}{sure}{which}"
        )


def _accuracies(comparison: Comparison) -> RenderableType:
    """Return accuracies, a row a size."""
    models = [budget.model for budget in comparison.budgets]
    rows = []
    for row in comparison.datasets:
        best = max((model.accuracy.value or 0.0 for model in row.models), default=0.0)
        cells = [_of(row.models, name) for name in models]
        rows.append(
            [
                _rows(row),
                _comparison.percent(row.majority),
                *("-" if cell is None else _comparison.cell(cell, best) for cell in cells),
            ]
        )
    title = f"Accuracy on test rows in %, ± half of the {100 * comparison.level:g}% limits, * the best"
    return table(["<training rows", "largest class", *models], rows, title=title)


def _cost(found: Found) -> str:
    comparison, network = found.comparison, _network(found.comparison)
    last = comparison.datasets[-1]
    costs = []
    for name in (network, comparison.baseline):
        model = _of(last.models, name)
        if model is not None and model.core_seconds is not None:
            costs.append(f"{_format.amount(model.core_seconds)} for {_comparison.NAMES[name]}")
    once = f"One training run at {_rows(last)}, in core-seconds: {', '.join(costs)}. " if costs else ""
    return f"{once}All took {_spent(found)}{_format.time(found.seconds)} of wall time."


def _spent(found: Found) -> str:
    """Return what both experiments took of cores and GPUs, and how much was there before."""
    done = [one.refresh() for one in (found.experiment, found.reading) if one is not None]
    actual = [one.actual for one in done if one.actual is not None]
    cores, gpus = sum(one.core_seconds for one in actual), sum(one.gpu_seconds for one in actual)
    reused = sum(one.progress.runs_reused for one in done)
    parts = [f"{_format.amount(cores)} core-seconds"] if cores or not gpus else []
    parts += [f"{_format.amount(gpus)} GPU-seconds"] if gpus else []
    before = f" beside {reused} runs that were there before" if reused else ""
    return f"{' and '.join(parts)}{before}, "


def _read(found: Found) -> Iterator[str]:
    """Yield which columns each model loses most without, and which its first layer has turned to."""
    if found.importances is None:
        return
    for model in found.importances.models:
        if model.model == "mlp" and any(one.model == "mlp-sparse" for one in found.importances.models):
            continue
        strong = [column.column for column in model.columns if column.permutation > 2 * column.deviation > 0][
            :5
        ]
        name = _comparison.NAMES[model.model]
        verb = "read" if model.model.startswith("mlp") else "reads"
        said = f"most of all {_list(strong)}" if strong else "no column that stands out"
        yield f"{name[0].upper()}{name[1:]} ({_settings(model.hyperparameters)}) {verb} {said}."


def _settings(hyperparameters: Mapping[str, Any]) -> str:
    """Return hyperparameters in a few words."""
    named = {**hyperparameters, "sparsity": _format.sparsity(hyperparameters.get("sparsity"))}
    shown = named if "width" in hyperparameters else hyperparameters
    return ", ".join(f"{name} {value}" for name, value in shown.items()) or "defaults"


def _cautions(found: Found) -> Iterator[str]:
    comparison = found.comparison
    yield from found.caution
    if comparison.datasets:
        row = comparison.datasets[-1]
        if row.splits < _FEW_SPLITS:
            yield f"{row.splits} splits of one table: limits are wide, and small differences stay unseen"
        if row.test_rows < _FEW_ROWS:
            yield f"tested on {row.test_rows} rows, of which each is {100 / row.test_rows:.1g} points"
        if len(comparison.datasets) > 1:
            yield "the limits are of each size by itself: the more sizes, the likelier that one wins by luck"
        best = max((model.accuracy.value or 0.0 for model in row.models), default=0.0)
        if row.majority is not None and best <= row.majority + _NOTHING:
            yield "no model is better than always saying the largest class"
    settings = {str(budget.model): budget.candidates for budget in comparison.budgets}
    own, other = settings.get(_network(comparison)), settings.get(comparison.baseline)
    if own is not None and other is not None and own < other and comparison.equal_budgets:
        plural, baseline = "s" * (own > 1), _comparison.NAMES[comparison.baseline]
        yield (
            f"sparse networks are chosen from {own} setting{plural}, {baseline} from {other}: dense ones "
            "take the rest"
        )
    if comparison.datasets and not comparison.equal_budgets:
        yield "the tuning budgets were not equal: see the table of them"
    if comparison.provisional:
        count = comparison.left_out
        lack = "1 size lacks runs and is" if count == 1 else f"{count} sizes lack runs and are"
        yield f"provisional: {lack} left out"
    if found.dataset.profile is not None:
        yield from (f"the table: {warning}" for warning in found.dataset.profile.warnings)


def _network(comparison: Comparison) -> str:
    names = [budget.model for budget in comparison.budgets]
    return "mlp-sparse" if "mlp-sparse" in names else "mlp"


def _of(rows: Sequence[Any], name: str) -> Any:  # noqa: ANN401  # a Difference, or a ModelAccuracy
    return next((row for row in rows if row.model == name), None)


def _rows(row: DatasetComparison) -> str:
    share = "" if row.fraction is None else f" ({100 * row.fraction:g}%)"
    return f"{row.samples} rows{share}"


_list = _comparison.listed
