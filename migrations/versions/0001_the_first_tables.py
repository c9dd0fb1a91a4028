"""The first tables.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_api_keys_name")),
    )
    op.create_table(
        "configurations",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column(
            "document",
            DOCUMENT,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configurations")),
        sa.UniqueConstraint("hash", name=op.f("uq_configurations_hash")),
    )
    op.create_table(
        "environments",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=40), nullable=False),
        sa.Column("device", sa.String(length=120), nullable=False),
        sa.Column(
            "versions",
            DOCUMENT,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environments")),
        sa.UniqueConstraint("hash", name=op.f("uq_environments_hash")),
    )
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=True),
        sa.Column("spec", DOCUMENT, nullable=False),
        sa.Column(
            "quote",
            DOCUMENT,
            nullable=False,
        ),
        sa.Column("idempotency_scope", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("runs_total", sa.Integer(), nullable=False),
        sa.Column("runs_done", sa.Integer(), nullable=False),
        sa.Column("runs_reused", sa.Integer(), nullable=False),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.Column("diverged", sa.Integer(), nullable=False),
        sa.Column("cost_total", sa.Float(), nullable=False),
        sa.Column("cost_done", sa.Float(), nullable=False),
        sa.Column("timed_from", TIME, nullable=True),
        sa.Column("timed_cost", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_experiments_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
        sa.UniqueConstraint(
            "idempotency_scope",
            "idempotency_key",
            name=op.f("uq_experiments_idempotency_scope_idempotency_key"),
        ),
    )
    op.create_index(op.f("ix_experiments_status_id"), "experiments", ["status", "id"])

    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("hostname", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(length=100), nullable=False),
        sa.Column("engine", sa.String(length=40), nullable=False),
        sa.Column("device", sa.String(length=120), nullable=False),
        sa.Column(
            "versions",
            DOCUMENT,
            nullable=False,
        ),
        sa.Column("shard_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.Column("stopped_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_index(op.f("ix_workers_seen_at"), "workers", ["seen_at"])

    op.create_table(
        "cells",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("experiment_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("configuration_id", BIG_INT, nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=True),
        sa.Column("sparsity", sa.Integer(), nullable=True),
        sa.Column("seed_start", sa.BigInteger(), nullable=False),
        sa.Column("seed_count", sa.Integer(), nullable=False),
        sa.Column("run_cost", sa.Float(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.Column("censored", sa.Integer(), nullable=False),
        sa.Column("diverged", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["configuration_id"], ["configurations.id"], name=op.f("fk_cells_configuration_id_configurations")
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_cells_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cells")),
        sa.UniqueConstraint("experiment_id", "position", name=op.f("uq_cells_experiment_id_position")),
    )
    op.create_index(op.f("ix_cells_configuration_id"), "cells", ["configuration_id"])

    op.create_table(
        "events",
        sa.Column("experiment_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("data", DOCUMENT, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_events_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("experiment_id", "number", name=op.f("pk_events")),
    )
    op.create_table(
        "runs",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("configuration_id", BIG_INT, nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("train_error", sa.Float(), nullable=True),
        sa.Column("test_error", sa.Float(), nullable=True),
        sa.Column("wall_seconds", sa.Float(), nullable=False),
        sa.Column("flops", sa.Float(), nullable=False),
        sa.Column("environment_id", BIG_INT, nullable=False),
        sa.Column("finished_at", TIME, nullable=False),
        sa.CheckConstraint("outcome IN ('success', 'censored', 'diverged')", name=op.f("ck_runs_outcome")),
        sa.ForeignKeyConstraint(
            ["configuration_id"], ["configurations.id"], name=op.f("fk_runs_configuration_id_configurations")
        ),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environments.id"], name=op.f("fk_runs_environment_id_environments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("configuration_id", "seed", name=op.f("uq_runs_configuration_id_seed")),
    )
    op.create_table(
        "shards",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("experiment_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("cost_recorded", sa.Float(), nullable=False),
        sa.Column("fraction", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_expires_at", TIME, nullable=True),
        sa.Column("worker_id", sa.String(length=26), nullable=True),
        sa.Column("rung_at", TIME, nullable=True),
        sa.Column("reason", sa.String(length=2000), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'leased', 'done', 'failed', 'dropped')", name=op.f("ck_shards_state")
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_shards_experiment_id_experiments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shards")),
    )
    op.create_index(op.f("ix_shards_experiment_id_state"), "shards", ["experiment_id", "state"])
    op.create_index(op.f("ix_shards_state_lease_expires_at"), "shards", ["state", "lease_expires_at"])
    op.create_index(op.f("ix_shards_state_rung_at"), "shards", ["state", "rung_at"])

    op.create_table(
        "cell_steps",
        sa.Column("cell_id", BIG_INT, nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name=op.f("fk_cell_steps_cell_id_cells"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cell_id", "steps", name=op.f("pk_cell_steps")),
    )
    op.create_table(
        "curves",
        sa.Column("run_id", BIG_INT, nullable=False),
        sa.Column(
            "document",
            DOCUMENT,
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_curves_run_id_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_curves")),
    )
    op.create_table(
        "shard_items",
        sa.Column("shard_id", BIG_INT, nullable=False),
        sa.Column("configuration_id", BIG_INT, nullable=False),
        sa.Column("seed_start", sa.BigInteger(), nullable=False),
        sa.Column("seed_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["configuration_id"],
            ["configurations.id"],
            name=op.f("fk_shard_items_configuration_id_configurations"),
        ),
        sa.ForeignKeyConstraint(
            ["shard_id"], ["shards.id"], name=op.f("fk_shard_items_shard_id_shards"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("shard_id", "configuration_id", "seed_start", name=op.f("pk_shard_items")),
    )
    op.create_index(op.f("ix_shard_items_configuration_id"), "shard_items", ["configuration_id"])


def downgrade() -> None:
    op.drop_table("shard_items")
    op.drop_table("curves")
    op.drop_table("cell_steps")
    op.drop_table("shards")
    op.drop_table("runs")
    op.drop_table("events")
    op.drop_table("cells")
    op.drop_table("workers")
    op.drop_table("experiments")
    op.drop_table("environments")
    op.drop_table("configurations")
    op.drop_table("api_keys")
