"""`tombola keys`: API keys. Run where the database is: keys are made and revoked in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands import options

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Whose key it is, such as `ada` or `ci`.")]


@app.command()
def create(name: Name, data_dir: options.DataDir = None) -> None:
    """Make a key and print it: it is stored hashed and never shown again.

    From the first key on, the server asks every request for one.
    """
    from service.store import keys

    with _writing(data_dir) as session:
        if keys.by_name(session, name) is not None:
            options.fail(f"there is a key named {name!r} already: choose another name")
        key = keys.new_key()
        keys.add(session, name, key)
    typer.echo(key)
    typer.echo("Keep it: it cannot be shown again. Use it as TOMBOLA_API_KEY.", err=True)


@app.command("list")
def list_(data_dir: options.DataDir = None) -> None:
    """List keys: name, first letters, when made, when revoked."""
    from service.store import keys

    with _writing(data_dir) as session:
        for row in keys.all_keys(session):
            revoked = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else "valid"
            typer.echo(f"{row.name}\t{row.prefix}…\t{row.created_at:%Y-%m-%d %H:%M}\t{revoked}")


@app.command()
def revoke(name: Name, data_dir: options.DataDir = None) -> None:
    """Revoke a key, at once."""
    from service.store import keys

    with _writing(data_dir) as session:
        if not keys.revoke(session, name):
            options.fail(f"there is no valid key named {name!r}; `tombola keys list` shows all")
    typer.echo(f"Revoked {name}.")


@contextmanager
def _writing(data_dir: object) -> Iterator[Session]:
    """Open a write transaction on the configured database, its tables made if need be."""
    import migrations
    from service.store.database import Database

    database = Database(options.settings(data_dir=data_dir).sqlalchemy_url)
    try:
        with database.write() as session:
            migrations.upgrade(session.connection())
        with database.write() as session:
            yield session
    finally:
        database.close()
