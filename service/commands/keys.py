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
@options.reporting
def create(name: Name, data_dir: options.DataDir = None) -> None:
    """Make a key and print it: it is stored hashed and never shown again.

    From the first key on, the server asks every request for one.
    """
    from service.store import keys

    if not 0 < len(name) <= keys.NAME_LENGTH:
        options.fail(f"a name has 1 to {keys.NAME_LENGTH} characters, not {len(name)}")
    with _writing(data_dir, make=True) as session:
        if keys.by_name(session, name) is not None:
            options.fail(f"there is a key named {name!r} already: choose another name")
        key = keys.new_key()
        keys.add(session, name, key)
    typer.echo(key)
    typer.echo("Keep it: it cannot be shown again. Use it as TOMBOLA_API_KEY.", err=True)


@app.command("list")
@options.reporting
def list_(data_dir: options.DataDir = None) -> None:
    """List keys: name, first letters, when made, when revoked."""
    from service.store import keys

    with _writing(data_dir) as session:
        for row in keys.all_keys(session):
            revoked = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else "valid"
            typer.echo(f"{row.name}\t{row.prefix}…\t{row.created_at:%Y-%m-%d %H:%M}\t{revoked}")


@app.command()
@options.reporting
def revoke(name: Name, data_dir: options.DataDir = None) -> None:
    """Revoke a key, at once."""
    from service.store import keys

    with _writing(data_dir) as session:
        if not keys.revoke(session, name):
            options.fail(f"there is no valid key named {name!r}; `tombola keys list` shows all")
    typer.echo(f"Revoked {name}.")


@contextmanager
def _writing(data_dir: object, *, make: bool = False) -> Iterator[Session]:
    """Open a write transaction on the configured database, and say which that is."""
    import migrations
    from service.store.database import Database

    url = options.settings(data_dir=data_dir).sqlalchemy_url
    database = Database(url, create=make)
    typer.echo(f"Database: {database.shown}", err=True)
    try:
        if not make and not database.has_tables():
            options.fail("there is no Tombola in that database yet: set TOMBOLA_DATABASE_URL or --data-dir")
        with database.write() as session:
            if make:
                migrations.upgrade(session.connection())
            yield session
    finally:
        database.close()
