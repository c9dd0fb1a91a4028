"""Commands that read what an experiment on tables found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tombola.cli._command import command
from tombola.cli._exports import Output, export
from tombola.cli._options import Id, Interval, Level

if TYPE_CHECKING:
    from tombola.cli._session import Session
    from tombola.results import Score, WidthFrontier

_PANEL = "Results on tables"
Kind = Literal["mlp", "forest", "boosting", "logistic", "lightgbm", "xgboost", "catboost", "tabm"]
Baseline = Annotated[
    Literal[Kind, "mlp-sparse", "mlp-dense"] | None,
    typer.Option(help="Compare with this model.", show_default="forest, else the first"),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app,
        _PANEL,
        "tombola comparison latest",
        "tombola comparison latest --baseline boosting --trials 4",
        "tombola comparison latest --json",
    )(comparison)
    command(
        app,
        _PANEL,
        "tombola width latest",
        "tombola width latest --against full --probability 0.9",
    )(width)
    command(app, _PANEL, "tombola importance latest")(importance)
    command(
        app,
        _PANEL,
        "tombola scores latest --dataset pol --model mlp",
        "tombola scores latest --json",
        "tombola scores latest -o scores.parquet",
    )(scores)


def comparison(  # noqa: PLR0913  # one parameter per option
    session: Session,
    experiment_id: Id,
    *,
    baseline: Baseline = None,
    level: Level = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Count so many settings of each model only.", show_default="all")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="Count so many core-seconds of each model's search only.", show_default="all"),
    ] = None,
) -> None:
    """Compare the models of an experiment on tables, and say where forests win and where networks do.

    Each model counts with the hyperparameters that validation rows choose. A win or a loss is one whose
    limits exclude 0.
    """
    answer = session.experiment(experiment_id).comparison(
        baseline=baseline, level=level, trials=trials, seconds=seconds
    )
    if session.json:
        session.model(answer)
        return
    from tombola.cli import _comparison, render  # noqa: PLC0415  # rich and the results load with it

    render.show(*_comparison.render(answer))


def width(  # noqa: PLR0913  # one parameter per option
    session: Session,
    experiment_id: Id,
    *,
    probability: Annotated[
        float, typer.Option("--probability", "-p", help="With which networks must be as good.")
    ] = 0.5,
    against: Annotated[
        Literal["same", "full"],
        typer.Option(help="The baseline of the same training-set size, or of the full one."),
    ] = "same",
    baseline: Baseline = None,
    interval: Interval = None,
    level: Level = None,
) -> None:
    """Print how much width and data networks need to be as good as the baseline, on each table."""
    answer = session.experiment(experiment_id).width_frontier(
        probability, against=against, baseline=baseline, interval=interval, level=level
    )
    if session.json:
        session.model(answer)
        return
    _print_frontier(answer)


def importance(session: Session, experiment_id: Id) -> None:
    """Print what the models read of each column, side by side."""
    answer = session.experiment(experiment_id).importance()
    if session.json:
        session.model(answer)
        return
    from tombola.cli import _comparison, render  # noqa: PLC0415  # rich and the results load with it

    render.show(*_comparison.importances(answer))


def scores(  # noqa: PLR0913  # one parameter per option
    session: Session,
    experiment_id: Id,
    *,
    dataset: Annotated[
        str | None, typer.Option(help="Only runs on this data set: name or id.", show_default=False)
    ] = None,
    model: Annotated[Kind | None, typer.Option(help="Only runs of this model.", show_default=False)] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.", show_default="all")] = None,
    output: Output = None,
) -> None:
    """List what finished runs on tables scored, or write all of them into a file."""
    if output is not None:
        if (dataset, model, limit) != (None, None, None):
            raise typer.BadParameter("a file has all runs: leave out --dataset, --model, --limit or --output")
        export(session, experiment_id, "scores", output)
        return
    found = session.experiment(experiment_id).scores(dataset=dataset, model=model, limit=limit)
    if session.json:
        session.models(found)
        return
    from tombola.cli import render  # noqa: PLC0415  # rich and the results load with it

    rows = [_score_row(score) for score in found]
    if not rows:
        session.note("no such runs have finished")
        return
    columns = ["<data set", "split", "samples", "<model", "<hyperparameters", "seed"]
    render.print_table([*columns, "validation", "test", "AUC", "core-seconds"], rows)


def _score_row(score: Score) -> list[str]:
    from tombola.cli import _format  # noqa: PLC0415  # rich loads with it

    return [
        score.dataset,
        str(score.split),
        str(score.samples),
        score.model,
        json.dumps(score.hyperparameters),
        str(score.seed),
        _format.number(score.validation.accuracy, 4),
        _format.number(score.test.accuracy, 4),
        _format.number(score.test.auc, 4),
        _format.amount(score.core_seconds),
    ]


def _print_frontier(answer: WidthFrontier) -> None:
    from tombola.cli import _format, render  # noqa: PLC0415  # rich and the results load with it

    rows = [
        [
            point.dataset,
            str(point.samples),
            str(point.width),
            _format.sparsity(point.sparsity),
            _format.number(point.probability),
            f"{point.low:.2f}-{point.high:.2f}",
            f"{point.successes} of {point.runs}",
            _format.number(point.accuracy, 3),
            "*" if point.on_frontier else "",
        ]
        for point in answer.points
    ]
    columns = [
        "<data set",
        "samples",
        "width",
        "sparsity",
        "probability",
        f"{answer.level * 100:g}% interval",
    ]
    size = "the same size" if answer.against == "same" else "the full training set"
    title = (
        f"Networks at least as good as {answer.baseline} of {size}; "
        f"* on the frontier at {answer.probability:g}"
    )
    render.print_table([*columns, "reached", "accuracy", "<"], rows, title=title)
