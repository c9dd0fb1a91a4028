"""Commands that write pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tombola.cli._command import command
from tombola.cli._options import Id, Interval, Level, cells_of

if TYPE_CHECKING:
    from tombola.cli._session import Session

_PANEL = "Results"
Name = Literal[
    "heatmap",
    "frontier",
    "steps",
    "curves",
    "luck",
    "theory",
    "resources",
    "accuracy",
    "gain",
    "ranks",
    "width",
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="File to write, .png or .svg.", show_default=False)
]

Chance = Annotated[
    float | None,
    typer.Option(
        *("--probability", "-p"),
        help="frontier, resources, width: probability.",
        show_default="frontier: 0.9, others: 0.5",
    ),
]
CellWidth = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="curves: the cell's width. luck: the one compared with restarts.",
        show_default="luck: the widest",
    ),
]
CellSamples = Annotated[
    str | None,
    typer.Option(metavar="M", help="curves: the cell's samples, or `online`.", show_default=False),
]
CellSparsity = Annotated[
    str | None,
    typer.Option(metavar="S", help="curves: the cell's sparsity, or `dense`.", show_default=False),
]
RunSeeds = Annotated[
    str | None,
    typer.Option(metavar="N,N", help="curves: seeds of the runs.", show_default="the first 6"),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app,
        _PANEL,
        "tombola picture steps latest -o steps.svg",
        "tombola picture frontier latest -o frontier.png --probability 0.5",
        "tombola picture curves latest -o curves.png --width 112 --samples 600 --sparsity 2 --seeds 0,1,2",
        "tombola picture luck latest -o luck.png --width 304",
        "tombola picture accuracy latest -o accuracy.svg",
    )(picture)
    command(app, _PANEL, "tombola heatmap latest -o heatmap.png")(heatmap)


def picture(  # noqa: PLR0913  # one parameter per option
    session: Session,
    name: Annotated[Name, typer.Argument(metavar="NAME", help="Which one.", show_default=False)],
    experiment_id: Id,
    *,
    output: Output,
    probability: Chance = None,
    width: CellWidth = None,
    samples: CellSamples = None,
    sparsity: CellSparsity = None,
    seeds: RunSeeds = None,
    interval: Interval = None,
    level: Level = None,
) -> None:
    """Write a picture: heatmap, frontier, steps, curves, luck, theory or resources; on tables others.

    heatmap: success probability over width and samples.

    frontier: with the limits of the fewest samples that suffice.

    steps: success probability and median steps to success, against samples.

    curves: errors of the runs of one cell, which --width, --samples and --sparsity name.

    luck: restarts against one run of a wide network, at equal FLOPs.

    theory: success against width, beside parallel search.

    resources: fewest samples for each width, beside what theory asks for.

    accuracy: on tables, against training rows: a panel for each data set, a line for each model.

    gain: on tables, what a sparse start gains over a dense one in accuracy, against width.

    ranks: on tables, mean ranks of the models over data sets, and which are not told apart.

    width: on tables, how often networks of each width are as good as the baseline, against training rows.
    """
    kind, cells = picture_format(output), cells_of(width, samples, sparsity)
    content = session.experiment(experiment_id).picture(
        name,
        kind,
        **cells,
        probability=probability,
        seeds=None if seeds is None else _seeds(seeds),
        interval=interval,
        level=level,
    )
    write(session, output, content)


def heatmap(session: Session, experiment_id: Id, *, output: Output) -> None:
    """Write the picture of success probability over width and samples."""
    kind = picture_format(output)
    write(session, output, session.experiment(experiment_id).heatmap(kind))


def _seeds(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise typer.BadParameter(f"--seeds takes numbers with commas between, such as 0,1,2, not {text!r}")
    return [int(part) for part in parts]


def picture_format(output: Path) -> Literal["svg", "png"]:
    """Return the format that a file's name asks for.

    Raises:
        typer.BadParameter: It ends in neither .png nor .svg.
    """
    suffix = output.suffix.lower()
    if suffix == ".svg":
        return "svg"
    if suffix == ".png":
        return "png"
    raise typer.BadParameter(f"a picture's file ends in .png or .svg; got {str(output)!r}")


def write(session: Session, output: Path, content: bytes) -> None:
    """Write a file, and say so.

    Raises:
        typer.BadParameter: It cannot be written.
    """
    try:
        output.write_bytes(content)
    except OSError as error:
        raise typer.BadParameter(f"cannot write {output}: {error.strerror or error}") from None
    session.wrote(output, len(content))
