"""Migrations, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

import migrations
from service.store.database import Database
from service.store.models import Base, Experiment, Worker


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


def test_a_database_of_the_first_version_keeps_its_rows_on_the_way_up_and_down(empty):
    at = "2026-01-01 00:00:00+00:00"
    with empty.write() as session:
        migrations.upgrade(session.connection(), "0001")
        session.execute(
            text(
                "INSERT INTO experiments (id, name, status, spec, quote, idempotency_scope, runs_total,"
                " runs_done, runs_reused, successes, diverged, cost_total, cost_done, timed_cost, version,"
                " created_at)"
                " VALUES ('E', 'old', 'running', '{}', '{}', '', 1, 0, 0, 0, 0, 1.0, 0.0, 0.0, 1, :at)"
            ),
            {"at": at},
        )
        session.execute(text("INSERT INTO events VALUES ('E', 1, 'status', '{}', :at)"), {"at": at})
        session.execute(
            text(
                "INSERT INTO workers (id, hostname, pid, queue, engine, device, versions, started_at,"
                " seen_at) VALUES ('W', 'h', 1, 'q', 'torch', 'cpu', '{}', :at, :at)"
            ),
            {"at": at},
        )
    with empty.write() as session:
        migrations.upgrade(session.connection())
    with empty.read() as session:
        experiment, worker = session.get(Experiment, "E"), session.get(Worker, "W")
        assert (experiment.runs_trained, experiment.core_seconds) == (0, 0.0)
        assert (worker.lanes, worker.device_name) == (1, "unknown")
    with empty.write() as session:
        migrations.downgrade(session.connection(), "0001")
    with empty.read() as session:
        for table in ("experiments", "events", "workers"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 1, table  # noqa: S608  # listed here


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
