"""Migrations, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

import migrations
from service.store.database import Database
from service.store.models import Base, CellTotals, Experiment, Worker


@pytest.fixture
def empty(empty_url):
    database = Database(empty_url)
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


def test_the_totals_of_cells_are_counted_from_the_runs_that_are_there(empty):
    at = "2026-01-01 00:00:00+00:00"
    with empty.write() as session:
        migrations.upgrade(session.connection(), "0003")
        session.execute(
            text(
                "INSERT INTO experiments (id, name, status, spec, quote, idempotency_scope, runs_total,"
                " runs_done, runs_reused, successes, diverged, cost_total, cost_done, timed_cost, version,"
                " created_at)"
                " VALUES ('E', 'old', 'running', '{}', '{}', '', 3, 3, 0, 2, 0, 1.0, 0.0, 0.0, 1, :at)"
            ),
            {"at": at},
        )
        session.execute(text("INSERT INTO configurations VALUES (1, 'h', '{}')"))
        session.execute(text("INSERT INTO environments VALUES (1, 'h', 'torch', 'cpu', '{}')"))
        session.execute(
            text(
                "INSERT INTO cells (id, experiment_id, position, configuration_id, width, seed_start,"
                " seed_count, run_cost, runs, successes, censored, diverged)"
                " VALUES (7, 'E', 0, 1, 4, 10, 3, 1.0, 3, 2, 1, 0)"
            )
        )
        session.execute(
            text(
                "INSERT INTO runs (configuration_id, seed, outcome, steps, wall_seconds, flops,"
                " environment_id, finished_at) VALUES (1, :seed, :outcome, :steps, 0.5, 2e9, 1, :at)"
            ),
            [
                {"seed": seed, "outcome": outcome, "steps": steps, "at": at}
                for seed, outcome, steps in (
                    (9, "success", 1),  # before the cell's seeds
                    (10, "success", 500),
                    (11, "success", 70_000),
                    (12, "censored", 1_000_000),
                    (13, "success", 1),  # behind them
                )
            ],
        )
    with empty.write() as session:
        migrations.upgrade(session.connection())
    with empty.read() as session:
        won, lost = (session.get(CellTotals, (7, outcome)) for outcome in ("success", "censored"))
        assert session.scalar(text("SELECT count(*) FROM cell_totals")) == 2
        assert (won.runs, won.steps, won.steps_squared) == (2, 70_500, 500**2 + 70_000**2)
        assert (won.flops, won.flops_squared) == (4e9, 8e18)
        assert (won.wall_seconds, won.wall_seconds_squared) == (1.0, 0.5)
        assert (lost.runs, lost.steps, lost.steps_squared) == (1, 1_000_000, 1e12)


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
