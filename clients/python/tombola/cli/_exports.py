"""Files of success tables, runs and curves: what `-o` of several commands does, and `tombola curves`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tombola.cli._command import command
from tombola.cli._options import Id, Outcome, Samples, Sparsity, Width, cells_of

if TYPE_CHECKING:
    from tombola._client.calls import Export
    from tombola.cli._session import Session

_OPTIONS = ("--output", "-o")
Output = Annotated[
    Path | None,
    typer.Option(*_OPTIONS, help="Write a file instead: .csv, .parquet or .arrow.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app,
        "Results",
        "tombola curves latest -o curves.parquet",
        "tombola curves latest -o curves.csv --width 112 --outcome censored",
    )(curves)


def curves(  # noqa: PLR0913  # one parameter per option
    session: Session,
    experiment_id: Id,
    *,
    output: Annotated[
        Path, typer.Option(*_OPTIONS, help="File to write: .csv, .parquet or .arrow.", show_default=False)
    ],
    width: Width = None,
    samples: Samples = None,
    sparsity: Sparsity = None,
    outcome: Outcome = None,
) -> None:
    """Write the errors of all runs at all their evaluations, a row for each."""
    export(session, experiment_id, "curves", output, outcome=outcome, **cells_of(width, samples, sparsity))


def export(session: Session, experiment_id: str, what: Export, output: Path, **asked: Any) -> None:  # noqa: ANN401  # keywords of the client's `export`
    """Write a file, showing on a terminal how much of it there is."""
    from tombola._client.calls import export_file, export_format  # noqa: PLC0415  # pydantic loads with them

    try:
        target = export_file(output)
        export_format(target)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    experiment = session.experiment(experiment_id)
    try:
        experiment.export(what, target, progress=True, **asked)
    except OSError as error:
        raise typer.BadParameter(f"cannot write {output}: {error.strerror or error}") from None
    session.wrote(target, target.stat().st_size)
