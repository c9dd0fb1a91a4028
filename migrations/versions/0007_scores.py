"""Scores of runs on tables; kinds of shards.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "scores",
        sa.Column("run_id", BIG_INT, nullable=False),
        sa.Column("validation_accuracy", sa.Float(), nullable=True),
        sa.Column("validation_auc", sa.Float(), nullable=True),
        sa.Column("validation_loss", sa.Float(), nullable=True),
        sa.Column("validation_rows", sa.Integer(), nullable=False),
        sa.Column("test_accuracy", sa.Float(), nullable=True),
        sa.Column("test_auc", sa.Float(), nullable=True),
        sa.Column("test_loss", sa.Float(), nullable=True),
        sa.Column("test_rows", sa.Integer(), nullable=False),
        sa.Column("core_seconds", sa.Float(), nullable=True),
        sa.Column("importance", DOCUMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_scores_run_id_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_scores")),
    )
    op.add_column("shards", sa.Column("kind", sa.String(length=16), server_default="parity", nullable=False))


def downgrade() -> None:
    op.drop_column("shards", "kind")
    op.drop_table("scores")
