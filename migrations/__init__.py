"""Database migrations: the same versions for SQLite and PostgreSQL."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_LOCK_KEY = int.from_bytes(b"migrate", "big")


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration; the scripts lie in this package."""
    alembic = Config()
    alembic.set_main_option("script_location", str(files("migrations")))
    alembic.attributes["connection"] = connection
    return alembic


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the database up to a revision, in the transaction of this connection."""
    if connection.dialect.name == "postgresql":
        # Two services that start at once must not both make the tables.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
    command.upgrade(config(connection), revision)


def head() -> str:
    """Return the newest revision."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    if revision is None:
        raise LookupError("the package has no revisions")
    return revision


def current(connection: Connection) -> str | None:
    """Return the revision of a database, None where there is none yet."""
    return MigrationContext.configure(connection).get_current_revision()


def downgrade(connection: Connection, revision: str) -> None:
    """Take the database down to a revision (`base` is empty), in the transaction of this connection."""
    command.downgrade(config(connection), revision)
