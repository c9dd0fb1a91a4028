"""Alembic's environment: runs the versions on the connection it was given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from service.settings import Settings
from service.store.database import Database
from service.store.models import Base


def run() -> None:
    """Migrate, on the given connection or on the configured database (for `alembic` by hand)."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    database = Database(Settings().sqlalchemy_url)
    with database.write() as session:
        migrate(session.connection())


def migrate(connection: Connection) -> None:
    """Run the versions; `render_as_batch` lets SQLite alter tables."""
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


run()
