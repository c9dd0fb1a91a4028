"""The command that reads what an experiment says about the paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tombola.cli._command import command
from tombola.cli._options import Id
from tombola.cli._pictures import write

if TYPE_CHECKING:
    from tombola.cli._session import Session
    from tombola.results import Effect, Finding, Report


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app,
        "Results",
        "tombola report latest",
        "tombola report latest -o report.html",
        "tombola report latest --json",
    )(report)


def report(
    session: Session,
    experiment_id: Id,
    *,
    probability: Annotated[
        float,
        typer.Option("--probability", "-p", help="Success probability at which thresholds are compared."),
    ] = 0.5,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write it as a file instead, .html, .md or .json.", show_default=False
        ),
    ] = None,
) -> None:
    """Test each finding of the paper that the experiment can speak to, with effect and verdict.

    An HTML file has the pictures in it; in Markdown they are links to the server.
    """
    kind = None if output is None else _kind(output)
    experiment = session.experiment(experiment_id)
    if kind is not None and output is not None:
        if kind == "json":
            content = experiment.report(probability).model_dump_json(indent=2) + "\n"
        else:
            content = experiment.report_text(kind, probability)  # type: ignore[arg-type]  # html or markdown
        write(session, output, content.encode())
        return
    answer = experiment.report(probability)
    if session.json:
        session.model(answer)
        return
    _print(answer)


def _kind(output: Path) -> str:
    kinds = {".html": "html", ".md": "markdown", ".json": "json"}
    found = kinds.get(output.suffix.lower())
    if found is None:
        raise typer.BadParameter(f"a report's file ends in .html, .md or .json; got {str(output)!r}")
    return found


def _print(answer: Report) -> None:
    """Print the verdicts, what was found in sentences, and what could not be tested."""
    from tombola.cli import render  # noqa: PLC0415  # rich loads with it

    experiment = answer.experiment
    done, total = experiment.progress.runs_done, experiment.progress.runs_total
    typer.echo(f"{experiment.name}: {answer.cells} complete cells, {answer.seeds} seeds each")
    if answer.provisional:
        typer.echo(f"provisional: {experiment.status}, {done} of {total} runs")
    typer.echo("")
    columns = ["<finding", "<cells", "<verdict", "effect", f"{answer.level * 100:g}% limits", "adjusted p"]
    render.print_table(columns, [_row(finding) for finding in answer.findings])
    for finding in answer.findings:
        typer.echo(f"\n{finding.id}, {finding.scope}: {finding.verdict}\n  {finding.explanation}")
    for title, lines in (
        ("Not tested", [f"{one.id}, {one.scope}: {one.reason}" for one in answer.not_tested]),
        ("Left out", answer.left_out),
        ("Theory", [answer.resources.remark, _elimination(answer)]),
        ("Verdicts", [answer.rule]),
    ):
        if lines:
            typer.echo("\n".join(["", title, *(f"  {line}" for line in lines)]))


def _row(finding: Finding) -> list[str]:
    effect = finding.effect
    low, high = _amount(effect, effect.low), _amount(effect, effect.high)
    return [
        finding.id,
        finding.scope,
        finding.verdict,
        _amount(effect, effect.value),
        f"{low.removesuffix(' points')} to {high.removesuffix(' points')}",
        "<0.001" if finding.p_adjusted < 0.001 else f"{finding.p_adjusted:.2g}",  # noqa: PLR2004  # as in its text
    ]


def _amount(effect: Effect, value: float | None) -> str:
    from tombola.cli import _format  # noqa: PLC0415  # rich loads with it

    if value is None:
        return "-"
    if effect.unit == "factor":
        return f"x {_format.amount(value)}"
    return f"{value:+.3f}" if effect.unit == "error" else f"{100 * value:+.1f} points"


def _elimination(answer: Report) -> str:
    resources = answer.resources
    return (
        f"Gaussian elimination over GF(2) takes {resources.elimination} samples to reach "
        f"{resources.probability:g}."
    )
