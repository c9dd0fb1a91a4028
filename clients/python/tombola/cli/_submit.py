"""Commands that begin an experiment and follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tombola.cli._command import command
from tombola.cli._errors import INTERRUPTED
from tombola.cli._specs import read_spec

if TYPE_CHECKING:
    from tombola._client.experiment import Experiment
    from tombola.cli._session import Session
    from tombola.results import DryRun

_PANEL = "Experiments"


def _checked(key: str | None) -> str | None:
    if key is None:
        return None
    from tombola._client.calls import checked_key  # noqa: PLC0415  # pydantic loads with it

    try:
        return checked_key(key)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Spec = Annotated[
    str | None,
    typer.Argument(metavar="SPEC", help="JSON or YAML file; - is standard input.", show_default=False),
]
Preset = Annotated[
    str | None,
    typer.Option(help="A ready experiment instead of a file; see `tombola presets`.", show_default=False),
]
Name = Annotated[str | None, typer.Option(help="Name it so, whatever the spec says.", show_default=False)]
Id = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the experiment, or `latest`.", show_default=False)
]
Timeout = Annotated[
    float | None, typer.Option(min=0, help="Seconds to wait at most.", show_default="no limit")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app,
        _PANEL,
        "tombola submit spec.json --wait",
        "tombola submit --preset quickstart --wait",
        "tombola submit spec.yaml --dry-run",
        "cat spec.json | tombola submit - --json",
    )(submit)
    command(app, _PANEL, "tombola quote spec.json", "tombola quote --preset quickstart")(quote)
    command(app, _PANEL, "tombola wait latest", "tombola wait latest --timeout 600")(wait)


def submit(  # noqa: PLR0913  # one parameter per option
    session: Session,
    spec: Spec = None,
    *,
    preset: Preset = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it ends, and show its progress.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the spec and quote it; store nothing.")
    ] = False,
    name: Name = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            help="Submitting again with the same key gives the same experiment.",
            show_default=False,
            callback=_checked,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Submit an experiment."""
    asked = read_spec(session, spec, preset, name)
    if dry_run:
        _show_quote(session, session.client.experiments.quote(asked))
        return
    experiment = session.client.experiments.create(asked, idempotency_key=idempotency_key)
    if wait:
        session.note(f"submitted {experiment.id}")
        _follow(session, experiment, timeout=None, quiet=quiet)
    elif session.json:
        session.model(experiment.data)
    else:
        from tombola.cli._format import quote_line  # noqa: PLC0415  # results load with it

        session.text(f"{experiment.id} {experiment.name}: {quote_line(experiment.quote)}")
        session.note(f"follow it with: tombola wait {experiment.id}")


def quote(session: Session, spec: Spec = None, *, preset: Preset = None, name: Name = None) -> None:
    """Tell what an experiment costs, at most and as is to be expected; nothing is stored."""
    _show_quote(session, session.client.experiments.quote(read_spec(session, spec, preset, name)))


def wait(session: Session, experiment_id: Id, *, timeout: Timeout = None, quiet: Quiet = False) -> None:
    """Wait until an experiment ends, and show its progress.

    Exit code 0 says that it succeeded, 1 that it failed, was cancelled, or is not done in time. Ctrl-C stops
    the waiting, not the experiment.
    """
    _follow(session, session.experiment(experiment_id), timeout=timeout, quiet=quiet)


def _follow(session: Session, experiment: Experiment, *, timeout: float | None, quiet: bool) -> None:
    from tombola.errors import ExperimentCancelled, ExperimentFailed  # noqa: PLC0415  # as in Session.client

    try:
        experiment.wait(progress=not quiet, timeout=timeout)
    except KeyboardInterrupt:
        session.note(f"\nthe experiment goes on; come back with: tombola wait {experiment.id}")
        raise typer.Exit(INTERRUPTED) from None
    except (ExperimentFailed, ExperimentCancelled):
        if session.json:
            session.model(experiment.data)
        raise
    if session.json:
        session.model(experiment.data)
        return
    progress = experiment.progress
    session.text(
        f"{experiment.id} {experiment.name}: {experiment.status}, "
        f"{progress.successes} of {progress.runs_total} runs reached success"
    )
    from tombola.cli._format import actual_line, adaptive_line  # noqa: PLC0415  # results load with it

    if experiment.adaptive is not None:
        session.text(adaptive_line(experiment.adaptive))
    if experiment.actual is not None:
        session.text(actual_line(experiment.quote, experiment.actual))
    session.note(f"read it with: tombola table {experiment.id}")


def _show_quote(session: Session, answer: DryRun) -> None:
    if session.json:
        session.model(answer)
        return
    from tombola.cli.render import print_quote  # noqa: PLC0415  # rich and the results load with it

    print_quote(answer.spec.name, answer.quote)
