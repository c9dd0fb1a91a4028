"""Commands about the server: its presets, its workers, its version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tombola._client.about import own_version
from tombola.cli._command import command
from tombola.cli._specs import Scale, check_preset

if TYPE_CHECKING:
    from tombola.cli._session import Session

_PANEL = "Server"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app,
        _PANEL,
        "tombola presets",
        "tombola presets quickstart > spec.json",
        "tombola presets paper/figure-1 --scale gpu-hour --json",
    )(presets)
    command(app, _PANEL)(workers)
    command(app, _PANEL)(version)


def presets(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Print the spec of this one, or its specs.",
            show_default=False,
            callback=check_preset,
        ),
    ] = None,
    *,
    scale: Scale = None,
) -> None:
    """List the ready experiments, or print the spec of one; of several experiments an array of specs."""
    if name is not None:
        preset = session.client.presets.get(name, scale=scale)
        if session.json:
            session.model(preset)
        elif len(preset.specs) == 1:
            session.model(preset.spec)
        else:
            session.models(preset.specs)
        return
    if scale is not None:
        raise typer.BadParameter("--scale goes with the name of a preset")
    found = session.client.presets.list()
    if session.json:
        session.models(found)
        return
    from tombola.cli.render import print_table  # noqa: PLC0415  # rich and the results load with it

    rows = [
        [
            preset.name,
            ", ".join(preset.scales),
            str(preset.run_count),
            preset.description.partition(". ")[0].rstrip("."),
        ]
        for preset in found
    ]
    print_table(["<name", "<scales", "runs", "<description"], rows)


def workers(session: Session) -> None:
    """List the workers: where and how each trains, and what."""
    found = session.client.workers.list()
    if session.json:
        session.models(found)
        return
    from tombola.cli.render import print_table  # noqa: PLC0415  # rich and the results load with it

    rows = [
        [
            worker.id,
            worker.hostname,
            str(worker.pid),
            "+".join(worker.queues),
            worker.engine,
            worker.device,
            str(worker.lanes),
            worker.device_name,
            worker.detail,
            ("idle" if worker.shard is None else f"shard {worker.shard}") if worker.alive else "gone",
            worker.seen_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        ]
        for worker in found
    ]
    if not rows:
        session.note("no workers: experiments wait until one starts")
        return
    columns = [
        "<id",
        "<host",
        "pid",
        "<queues",
        "<engine",
        "<device",
        "lanes",
        "<name",
        "<detail",
        "<state",
        "<last seen",
    ]
    print_table(columns, rows)


def version(session: Session) -> None:
    """Print the versions of the client and of the server."""
    client = own_version()
    if not session.json:
        session.text(f"client {client}")
    server = session.client.version()
    if session.json:
        session.value({"client": client, "server": server.model_dump(mode="json")})
        return
    session.text(f"server {server.version} at {session.client.url}")
    for name, number in server.libraries.items():
        session.text(f"  {name} {number}")
