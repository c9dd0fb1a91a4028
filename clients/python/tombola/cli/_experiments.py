"""Commands that list, show and change experiments."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tombola.cli._command import command
from tombola.cli._errors import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tombola._client.experiment import Experiment
    from tombola.cli._session import Session

_PANEL = "Experiments"
Id = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the experiment, or `latest`.", show_default=False)
]
Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, _PANEL, "tombola ls --status running", "tombola ls --all --json")(ls)
    command(app, _PANEL, "tombola show latest")(show)
    for action, text in (
        ("cancel", "End an experiment now; its finished runs stay readable."),
        ("pause", "Begin no more shards of an experiment until it is resumed."),
        ("resume", "Go on with a paused experiment."),
        ("retry", "Train again what failed or was cancelled; finished runs are kept."),
    ):
        command(app, _PANEL, f"tombola {action} latest", name=action)(_change(action, text))
    command(app, _PANEL, "tombola delete ID", "tombola delete latest --yes")(delete)


def ls(
    session: Session,
    *,
    status: Annotated[
        Status | None, typer.Option(help="Only those in this state.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="Show all of them.")] = False,
) -> None:
    """List experiments, newest first."""
    found = session.client.experiments.list(status=status, limit=None if everything else limit)
    if session.json:
        session.models(experiment.data for experiment in found)
        return
    from tombola.cli.render import print_table  # noqa: PLC0415  # rich and the results load with it

    rows = [
        [
            experiment.id,
            experiment.name,
            str(experiment.status),
            f"{experiment.progress.runs_done}/{experiment.progress.runs_total}",
            str(experiment.progress.successes),
            experiment.created_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        ]
        for experiment in found
    ]
    if not rows:
        session.note(
            "no such experiments" if status else "no experiments yet: tombola submit --preset quickstart"
        )
        return
    columns = ["<id", "<name", "<status", "runs", "successes", "<created"]
    print_table(columns, rows)
    if not everything and len(rows) == limit:
        session.note(f"the newest {limit}; --all shows all")


def show(session: Session, experiment_id: Id) -> None:
    """Show one experiment: its state, what it costs, as quoted and in fact, and what was asked."""
    experiment = session.experiment(experiment_id)
    if session.json:
        session.model(experiment.data)
        return
    for name, value in _facts(experiment):
        session.text(f"{name:<10} {value}")


def _facts(experiment: Experiment) -> list[tuple[str, str]]:
    from tombola._client.progress import describe  # noqa: PLC0415  # results load with it
    from tombola.cli._format import actual_line, adaptive_line, quote_line  # noqa: PLC0415  # as above
    from tombola.spec import ExperimentSpec  # noqa: PLC0415  # as above

    facts = [("id", experiment.id), ("name", experiment.name), ("status", str(experiment.status))]
    if experiment.reason:
        facts.append(("reason", experiment.reason))
    facts += [
        ("progress", f"{experiment.progress.fraction:.0%}, {describe(experiment.data)}"),
        ("quote", quote_line(experiment.quote)),
    ]
    if experiment.adaptive is not None:
        facts.append(("adaptive", adaptive_line(experiment.adaptive)))
    if experiment.actual is not None:
        facts.append(("actual", actual_line(experiment.quote, experiment.actual)))
    tabular = not isinstance(experiment.spec, ExperimentSpec)  # what is null there was not given
    document = experiment.spec.model_dump(mode="json", exclude={"name"}, exclude_none=tabular)
    for section, values in document.items():
        parts = values if isinstance(values, list) else [values]
        facts.extend((section if part is parts[0] else "", _value(section, part)) for part in parts)
    for name in ("created", "started", "finished"):
        moment = getattr(experiment, f"{name}_at")
        if moment is not None:
            facts.append((name, moment.astimezone().isoformat(sep=" ", timespec="seconds")))
    return facts


def _value(key: str, value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(name, part)}" for name, part in value.items())
    if isinstance(value, list):
        return "[" + " ".join(_value(key, item) for item in value) + "]"
    if value is None:
        return "online" if key == "samples" else "dense"
    return str(value)


def _change(action: str, text: str) -> Callable[[Session, str], None]:
    def change(session: Session, experiment_id: Id) -> None:
        experiment: Experiment = getattr(session.experiment(experiment_id), action)()
        if session.json:
            session.model(experiment.data)
        else:
            session.text(f"{experiment.id} {experiment.name}: {experiment.status}")

    change.__doc__ = text
    return change


def delete(
    session: Session,
    experiment_id: Id,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove an experiment that has ended; its finished runs stay on the server, for others to use."""
    experiment = session.experiment(experiment_id)
    if not yes and not sys.stdin.isatty():
        raise typer.BadParameter(
            f"give --yes to delete {experiment.id} {experiment.name} without being asked"
        )
    if not yes and not typer.confirm(f"delete {experiment.id} {experiment.name}?", err=True):
        raise typer.Exit(FAILED)
    experiment.delete()
    if session.json:
        session.value({"deleted": experiment.id})
    else:
        session.text(f"{experiment.id} {experiment.name}: deleted")
