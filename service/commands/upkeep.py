"""`tombola migrate`, `doctor` and `worker-health`: looking after a deployment."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands import options

if TYPE_CHECKING:
    from service.diagnosis import Finding
    from service.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (migrate, doctor):
        app.command(rich_help_panel=options.PANEL)(options.reporting(command))
    app.command("worker-health", rich_help_panel=options.PANEL)(options.reporting(worker_health))


def migrate(
    *,
    ensure_admin_key: Annotated[
        bool, typer.Option("--ensure-admin-key", help="Also register the key in TOMBOLA_ADMIN_KEY.")
    ] = False,
    data_dir: options.DataDir = None,
) -> None:
    """Bring the database up to date. Safe to repeat."""
    import migrations
    from service.store import keys
    from service.store.database import Database

    settings = options.settings(data_dir=data_dir)
    database = Database(settings.sqlalchemy_url)
    try:
        with database.write() as session:
            migrations.upgrade(session.connection())
        typer.echo(f"The database is at revision {migrations.head()}.")
        if ensure_admin_key:
            if settings.admin_key is None or len(settings.admin_key.get_secret_value()) < keys.MIN_LENGTH:
                options.fail(
                    f"TOMBOLA_ADMIN_KEY must be set to a secret of at least {keys.MIN_LENGTH} characters"
                )
            with database.write() as session:
                keys.ensure(session, "admin", settings.admin_key.get_secret_value())
            typer.echo("The admin key is registered.")
    finally:
        database.close()


def doctor(data_dir: options.DataDir = None) -> None:
    """Check this installation: database, broker, engine and device; exit code 1 if something is amiss."""
    from service import diagnosis
    from service.processes import forget_celery_broker

    forget_celery_broker()
    settings = options.settings(data_dir=data_dir)
    amiss = False
    for finding in (*diagnosis.server(settings), *_engines(settings)):
        typer.echo(f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}: {finding.text}")
        amiss = amiss or not finding.ok
    if amiss:
        raise typer.Exit(1)


def _engines(settings: Settings) -> list[Finding]:
    from service.diagnosis import Finding

    try:
        from worker.engine import EngineError, select_engine
    except ImportError as error:
        return [Finding("engine", f"not installed ({error}): this host can serve, but not train", ok=True)]
    try:
        engine = select_engine(settings.engine, settings.device, threads=settings.threads)
    except EngineError as error:
        return [Finding("engine", str(error), ok=False)]
    from worker.hardware import device_name

    text = f"{engine.name} on {engine.device} ({device_name(engine)}): {engine.detail}"
    return [Finding("engine", f"{text}; {os.cpu_count()} CPU cores here", ok=True)]


def worker_health() -> None:
    """Exit 0 if a worker of this host reported lately, else 1 (for container health checks)."""
    from service.store import workers
    from service.store.database import Database

    database = Database(options.settings().sqlalchemy_url)
    try:
        with database.read() as session:
            alive = workers.alive_on(session, socket.gethostname())
    finally:
        database.close()
    if not alive:
        options.fail("no worker of this host reported within the last 30 s", code=1)
    typer.echo(f"{alive} worker(s) alive on {socket.gethostname()}.")
