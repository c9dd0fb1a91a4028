"""Measured speeds, what experiments really took, and how workers train.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Columns are added and dropped in place: a batch would copy the table, and on SQLite dropping the old copy
# of `experiments` would delete the cells and events that point to it.
TRAINED = (
    ("runs_trained", sa.Integer()),
    ("steps_trained", sa.BigInteger()),
    ("flops_trained", sa.Float()),
    ("core_seconds", sa.Float()),
    ("gpu_seconds", sa.Float()),
)


def upgrade() -> None:
    op.create_table(
        "speeds",
        sa.Column("engine", sa.String(length=40), nullable=False),
        sa.Column("device_name", sa.String(length=120), nullable=False),
        sa.Column("width_class", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("log_factor", sa.Float(), nullable=False),
        sa.Column("variance", sa.Float(), nullable=False),
        sa.Column("evidence", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("engine", "device_name", "width_class", name=op.f("pk_speeds")),
    )
    for name, kind in TRAINED:
        op.add_column("experiments", sa.Column(name, kind, server_default="0", nullable=False))
    op.add_column(
        "workers", sa.Column("device_name", sa.String(length=120), server_default="unknown", nullable=False)
    )
    op.add_column(
        "workers", sa.Column("detail", sa.String(length=200), server_default="unknown", nullable=False)
    )
    op.add_column("workers", sa.Column("lanes", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    for name in ("lanes", "detail", "device_name"):
        op.drop_column("workers", name)
    for name, _ in reversed(TRAINED):
        op.drop_column("experiments", name)
    op.drop_table("speeds")
