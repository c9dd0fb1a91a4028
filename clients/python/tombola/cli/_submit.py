"""Commands that begin an experiment and follow it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tombola.cli._command import command
from tombola.cli._errors import FAILED, INTERRUPTED
from tombola.cli._specs import Scale, check_preset, check_source, read_spec

if TYPE_CHECKING:
    from tombola._client.experiment import Experiment
    from tombola.cli._session import Session
    from tombola.results import DryRun
    from tombola.spec import AnySpec

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
    typer.Option(
        help="Ready experiments instead of a file; see `tombola presets`.",
        show_default=False,
        callback=check_preset,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        help="Name it so, whatever the spec says; of several, each adds what sets it apart.",
        show_default=False,
    ),
]
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
        "tombola submit --preset paper/figure-1 --scale laptop --wait",
        "tombola submit tables.yaml --wait",
        "tombola submit spec.yaml --dry-run",
        "cat spec.json | tombola submit - --json",
    )(submit)
    command(
        app,
        _PANEL,
        "tombola quote spec.json",
        "tombola quote --preset quickstart",
        "tombola quote --preset paper/figure-4 --scale full",
    )(quote)
    command(app, _PANEL, "tombola wait latest", "tombola wait latest --timeout 600")(wait)


def submit(  # noqa: PLR0913  # one parameter per option
    session: Session,
    spec: Spec = None,
    *,
    preset: Preset = None,
    scale: Scale = None,
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
    """Submit an experiment, or all experiments of a preset."""
    check_source(spec, preset, scale)
    if dry_run:
        quote(session, spec, preset=preset, scale=scale, name=name)
        return
    made = []
    for asked, key in _asked(session, spec, preset, scale, name=name, idempotency_key=idempotency_key):
        experiment = session.client.experiments.create(asked, idempotency_key=key)
        made.append(experiment)
        # At once: should the next one fail, it is known what is there.
        _tell_made(session, experiment, follows=wait)
    if wait:
        _follow(session, made, timeout=None, quiet=quiet)
    elif session.json:
        _print(session, made)
    else:
        for experiment in made:
            session.note(f"follow it with: tombola wait {experiment.id}")


def quote(
    session: Session,
    spec: Spec = None,
    *,
    preset: Preset = None,
    scale: Scale = None,
    name: Name = None,
) -> None:
    """Tell what an experiment, or a preset, costs, at most and as is to be expected; nothing is stored."""
    check_source(spec, preset, scale)
    if preset is None:
        _show_quote(session, session.client.experiments.quote(read_spec(str(spec), name)))
        return
    from tombola._client.calls import renamed  # noqa: PLC0415  # pydantic loads with it

    answer = session.client.presets.quote(preset, scale=scale)
    names = renamed(answer.preset, [each.spec for each in answer.experiments], name)
    each = [
        dry_run.model_copy(update={"spec": new})
        for dry_run, new in zip(answer.experiments, names, strict=True)
    ]
    if len(each) == 1:
        _show_quote(session, each[0])
    elif session.json:
        session.model(answer.model_copy(update={"experiments": each}))
    else:
        from tombola.cli.render import print_quotes  # noqa: PLC0415  # rich and the results load with it

        print_quotes(name or f"{answer.preset}, {answer.scale}", each, answer.total)


def wait(session: Session, experiment_id: Id, *, timeout: Timeout = None, quiet: Quiet = False) -> None:
    """Wait until an experiment ends, and show its progress.

    Exit code 0 says that it succeeded, 1 that it failed, was cancelled, or is not done in time. Ctrl-C stops
    the waiting, not the experiment.
    """
    _follow(session, [session.experiment(experiment_id)], timeout=timeout, quiet=quiet)


def _asked(  # noqa: PLR0913  # as the command has them
    session: Session,
    spec: str | None,
    preset: str | None,
    scale: Scale,
    *,
    name: str | None,
    idempotency_key: str | None,
) -> list[tuple[AnySpec, str | None]]:
    """Return what is to be submitted, each with its idempotency key."""
    if preset is None:
        return [(read_spec(str(spec), name), idempotency_key)]
    from tombola._client.calls import submissions  # noqa: PLC0415  # pydantic loads with it

    return list(submissions(session.client.presets.get(preset, scale=scale), name, idempotency_key))


def _tell_made(session: Session, experiment: Experiment, *, follows: bool) -> None:
    if follows or session.json:
        session.note(f"submitted {experiment.id} {experiment.name}")
        return
    from tombola.cli._format import quote_line  # noqa: PLC0415  # results load with it

    session.text(f"{experiment.id} {experiment.name}: {quote_line(experiment.quote)}")


def _follow(
    session: Session, experiments: Sequence[Experiment], *, timeout: float | None, quiet: bool
) -> None:
    """Wait for one after the other, to the last even where one fails."""
    from tombola.errors import ExperimentCancelled, ExperimentFailed  # noqa: PLC0415  # as in Session.client

    failed = False
    for position, experiment in enumerate(experiments):
        try:
            experiment.wait(progress=not quiet, timeout=timeout)
        except KeyboardInterrupt:
            session.note("")
            for going in experiments[position:]:
                session.note(f"the experiment goes on; come back with: tombola wait {going.id}")
            raise typer.Exit(INTERRUPTED) from None
        except (ExperimentFailed, ExperimentCancelled) as error:
            session.note(f"tombola: {error}")
            failed = True
        else:
            _tell_end(session, experiment)
    if session.json:
        _print(session, experiments)
    if failed:
        raise typer.Exit(FAILED)


def _tell_end(session: Session, experiment: Experiment) -> None:
    if session.json:
        return
    from tombola.cli._format import actual_line, adaptive_line  # noqa: PLC0415  # results load with it
    from tombola.spec import ExperimentSpec  # noqa: PLC0415  # as above

    progress, parity = experiment.progress, isinstance(experiment.spec, ExperimentSpec)
    session.text(
        f"{experiment.id} {experiment.name}: {experiment.status}, {progress.successes} of "
        f"{progress.runs_total} runs {'reached success' if parity else 'have scores'}"
    )

    if experiment.adaptive is not None:
        session.text(adaptive_line(experiment.adaptive))
    if experiment.actual is not None:
        session.text(actual_line(experiment.quote, experiment.actual))
    session.note(f"read it with: tombola {'table' if parity else 'comparison'} {experiment.id}")


def _print(session: Session, experiments: Sequence[Experiment]) -> None:
    """Print one as an object, several as an array."""
    if len(experiments) == 1:
        session.model(experiments[0].data)
    else:
        session.models(experiment.data for experiment in experiments)


def _show_quote(session: Session, answer: DryRun) -> None:
    if session.json:
        session.model(answer)
        return
    from tombola.cli.render import print_quote  # noqa: PLC0415  # rich and the results load with it

    print_quote(answer.spec.name, answer.quote)
