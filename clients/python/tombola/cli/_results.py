"""Commands that read what an experiment found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tombola.cli._command import command

if TYPE_CHECKING:
    from tombola.cli._session import Session

_PANEL = "Results"
Id = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the experiment, or `latest`.", show_default=False)
]
Width = Annotated[int | None, typer.Option(min=1, help="Only cells of this width.", show_default=False)]
Samples = Annotated[
    str | None,
    typer.Option(metavar="M", help="Only cells of this number of samples, or `online`.", show_default=False),
]
Sparsity = Annotated[
    str | None, typer.Option(metavar="S", help="Only cells of this sparsity, or `dense`.", show_default=False)
]
Outcome = Literal["success", "censored", "diverged"]
Interval = Annotated[
    Literal["wilson", "clopper-pearson", "jeffreys", "confidence-sequence"] | None,
    typer.Option(help="How intervals are made.", show_default="wilson"),
]
Level = Annotated[float | None, typer.Option(help="Confidence level of intervals.", show_default="0.95")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app,
        _PANEL,
        "tombola table latest",
        "tombola table latest --csv > table.csv",
        "tombola table latest --interval jeffreys --level 0.99",
    )(table)
    command(
        app,
        _PANEL,
        "tombola frontier latest",
        "tombola frontier latest --probability 0.5",
        "tombola frontier latest --objectives width,samples,cost",
        "tombola frontier latest -o frontier.svg",
    )(frontier)
    command(
        app,
        _PANEL,
        "tombola runs latest --width 112 --sparsity dense",
        "tombola runs latest --outcome diverged --json",
    )(runs)
    command(app, _PANEL, "tombola thresholds latest", "tombola thresholds latest -p 0.5")(thresholds)
    command(app, _PANEL, "tombola times latest", "tombola times latest --quantiles 0.1,0.5,0.9")(times)
    command(app, _PANEL, "tombola luck latest", "tombola luck latest -p 0.99 --width 304")(luck)
    command(app, _PANEL, "tombola curve latest 0 --width 112 --samples 600 --sparsity 2")(curve)
    command(app, _PANEL, "tombola heatmap latest -o heatmap.png")(heatmap)


def table(
    session: Session,
    experiment_id: Id,
    *,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    interval: Interval = None,
    level: Level = None,
) -> None:
    """Print the success table: one row per cell, grouped by sparsity."""
    if csv and session.json:
        raise typer.BadParameter("give either --csv or --json")
    experiment = session.experiment(experiment_id)
    if csv:
        session.text(experiment.success_table_csv(interval=interval, level=level).rstrip("\r\n"))
        return
    answer = experiment.success_table(interval=interval, level=level)
    if session.json:
        session.model(answer)
        return
    from tombola.cli.render import print_success_table  # noqa: PLC0415  # rich and the results load with it

    print_success_table(answer)


def frontier(  # noqa: PLR0913  # one parameter per option
    session: Session,
    experiment_id: Id,
    *,
    probability: Annotated[
        float | None,
        typer.Option(
            "--probability",
            "-p",
            help="Success probability to reach.",
            show_default="0.9, or any as objective",
        ),
    ] = None,
    objectives: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="What to minimise: some of width, samples, steps, flops, cost, probability (maximised) and "
            "sparsity (only cells with the same one are compared).",
        ),
    ] = "width,samples",
    interval: Interval = None,
    level: Level = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write a picture instead, .png or .svg.", show_default=False),
    ] = None,
) -> None:
    """Print the cells that reach a probability and that no other such cell beats in all objectives.

    Cells that may be on the frontier, by the limits of their numbers, are printed too, each with the share of
    500 resamples in which it is.
    """
    names = objectives.split(",")
    if output is not None and names != ["width", "samples"]:
        raise typer.BadParameter("a picture shows width and samples: leave out --objectives or --output")
    experiment = session.experiment(experiment_id)
    if output is not None:
        write_file(session, output, experiment.frontier_picture(_picture_format(output)))
        return
    answer = experiment.frontier(probability, objectives=names, interval=interval, level=level)  # type: ignore[arg-type]  # the server knows the names
    if session.json:
        session.model(answer)
        return
    from tombola.cli.render import print_frontier  # noqa: PLC0415  # rich and the results load with it

    print_frontier(answer)


def thresholds(
    session: Session,
    experiment_id: Id,
    *,
    probability: Annotated[
        float, typer.Option("--probability", "-p", help="Success probability to reach.")
    ] = 0.9,
    interval: Interval = None,
    level: Level = None,
) -> None:
    """Print how little data suffices for each width, and how little width for each amount of data.

    The fit and the limits take it that more data and more width are no worse; what was observed is beside.
    """
    answer = session.experiment(experiment_id).thresholds(probability, interval=interval, level=level)
    if session.json:
        session.model(answer)
        return
    from tombola.cli.render import print_thresholds  # noqa: PLC0415  # rich and the results load with it

    print_thresholds(answer)


def times(
    session: Session,
    experiment_id: Id,
    *,
    quantiles: Annotated[
        str, typer.Option(metavar="Q,Q", help="Shares of the runs whose success is timed.")
    ] = "0.25,0.5,0.75",
    interval: Interval = None,
    level: Level = None,
) -> None:
    """Print how long the runs of each cell take: steps to success, FLOP and seconds.

    A run without success counts as one that never succeeds: a dash is a quantile that is not reached.
    """
    shares = _numbers(quantiles)
    answer = session.experiment(experiment_id).times(shares, interval=interval, level=level)
    if session.json:
        session.model(answer)
        return
    from tombola.cli.render import print_times  # noqa: PLC0415  # rich and the results load with it

    print_times(answer)


def luck(  # noqa: PLR0913  # one parameter per option
    session: Session,
    experiment_id: Id,
    *,
    probability: Annotated[
        float,
        typer.Option("--probability", "-p", help="What the best of the restarts is to succeed with."),
    ] = 0.9,
    width: Annotated[
        int | None,
        typer.Option(min=1, help="Compare restarts with this width.", show_default="the widest"),
    ] = None,
    interval: Interval = None,
    level: Level = None,
) -> None:
    """Print what a first success takes, and whether one wide network beats restarts of narrower ones.

    Costs include those of the failures before the success. At equal FLOPs, one run of the widest network
    stands against the best of as many runs of each narrower one as its FLOPs pay for.
    """
    experiment = session.experiment(experiment_id)
    answer = experiment.luck(probability, width=width, interval=interval, level=level)
    if session.json:
        session.model(answer)
        return
    from tombola.cli.render import print_luck  # noqa: PLC0415  # rich and the results load with it

    print_luck(answer)


def runs(  # noqa: PLR0913  # one parameter per option
    session: Session,
    experiment_id: Id,
    *,
    width: Width = None,
    samples: Samples = None,
    sparsity: Sparsity = None,
    outcome: Annotated[
        Outcome | None, typer.Option(help="Only runs that ended so.", show_default=False)
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.", show_default="all")] = None,
) -> None:
    """List the finished runs."""
    cells = _cells(width, samples, sparsity)
    found = session.experiment(experiment_id).runs(**cells, outcome=outcome, limit=limit)
    if session.json:
        session.models(found)
        return
    from tombola.cli import _format, render  # noqa: PLC0415  # rich and the results load with it

    rows = [
        [
            str(run.width),
            _format.samples(run.samples),
            _format.sparsity(run.sparsity),
            str(run.seed),
            str(run.outcome),
            str(run.steps),
            _format.number(run.train_error, 4),
            _format.number(run.test_error, 4),
            _format.number(run.wall_seconds, 3),
            run.device,
        ]
        for run in found
    ]
    if not rows:
        session.note("no such runs have finished")
        return
    coordinates = ["width", "samples", "sparsity", "seed"]
    columns = [*coordinates, "<outcome", "steps", "train error", "test error", "seconds", "<device"]
    render.print_table(columns, rows)


def curve(  # noqa: PLR0913  # one parameter per option
    session: Session,
    experiment_id: Id,
    seed: Annotated[int, typer.Argument(metavar="SEED", min=0, help="Seed of the run.", show_default=False)],
    *,
    width: Width = None,
    samples: Samples = None,
    sparsity: Sparsity = None,
) -> None:
    """Print the errors of one run at its evaluations."""
    answer = session.experiment(experiment_id).curve(seed, **_cells(width, samples, sparsity))
    if session.json:
        session.model(answer)
        return
    from tombola.cli import _format, render  # noqa: PLC0415  # rich and the results load with it

    rows = [
        [str(step), _format.number(train, 4), _format.number(test, 4)]
        for step, train, test in zip(answer.steps, answer.train_error, answer.test_error, strict=True)
    ]
    columns = ["step", "train error", "test error"]
    render.print_table(columns, rows)


def heatmap(
    session: Session,
    experiment_id: Id,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write, .png or .svg.", show_default=False)
    ],
) -> None:
    """Write the picture of success probability over width and samples."""
    kind = _picture_format(output)
    write_file(session, output, session.experiment(experiment_id).heatmap(kind))


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"give numbers with commas between, such as 0.25,0.5, not {text!r}"
        ) from None


def _cells(width: int | None, samples: str | None, sparsity: str | None) -> dict[str, Any]:
    cells: dict[str, Any] = {"width": width}
    for name, text, word in (("samples", samples, "online"), ("sparsity", sparsity, "dense")):
        if text == word:
            cells[name] = None
        elif text is not None:
            if not (text.isascii() and text.isdigit()):
                raise typer.BadParameter(f"--{name} takes a number or {word}, not {text!r}")
            cells[name] = int(text)
    return cells


def _picture_format(output: Path) -> Literal["svg", "png"]:
    suffix = output.suffix.lower()
    if suffix == ".svg":
        return "svg"
    if suffix == ".png":
        return "png"
    raise typer.BadParameter(f"a picture's file ends in .png or .svg; got {str(output)!r}")


def write_file(session: Session, output: Path, content: bytes) -> None:
    """Write what was answered to a file, and say so."""
    try:
        output.write_bytes(content)
    except OSError as error:
        raise typer.BadParameter(f"cannot write {output}: {error.strerror or error}") from None
    if session.json:
        session.value({"file": str(output), "bytes": len(content)})
    else:
        session.note(f"wrote {output}")
