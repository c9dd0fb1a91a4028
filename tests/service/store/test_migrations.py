"""Migrations, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

import migrations
from service.store.database import Database
from service.store.models import Base


@pytest.fixture
def empty(database_url):
    database = Database(database_url)
    yield database
    database.close()


def tables(database):
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_upgrade_makes_the_tables_of_the_models_and_nothing_else(empty):
    with empty.write() as session:
        migrations.upgrade(session.connection())
        context = MigrationContext.configure(session.connection(), opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
        assert migrations.current(session.connection()) == migrations.head()
    assert tables(empty) == set(Base.metadata.tables)


def test_upgrade_repeated_changes_nothing(empty):
    for _ in range(2):
        with empty.write() as session:
            migrations.upgrade(session.connection())
    assert tables(empty) == set(Base.metadata.tables)


def test_every_revision_goes_down_and_up_again(empty):
    script = ScriptDirectory.from_config(migrations.config())
    for revision in reversed([item.revision for item in script.walk_revisions()]):
        with empty.write() as session:
            migrations.upgrade(session.connection(), revision)
            migrations.downgrade(session.connection(), "-1")
            migrations.upgrade(session.connection(), revision)
    with empty.write() as session:
        migrations.downgrade(session.connection(), "base")
    assert tables(empty) == set()


def test_every_constraint_has_a_name_of_the_convention(database):
    inspector = inspect(database.engine)
    for table in Base.metadata.tables:
        assert inspector.get_pk_constraint(table)["name"] == f"pk_{table}"
        for constraint in inspector.get_unique_constraints(table):
            assert constraint["name"].startswith(f"uq_{table}_")
        for key in inspector.get_foreign_keys(table):
            assert key["name"].startswith(f"fk_{table}_")
        for index in inspector.get_indexes(table):
            assert index["name"].startswith((f"ix_{table}_", f"uq_{table}_"))
