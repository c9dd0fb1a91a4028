"""Which queues workers consume, and the processors of theirs.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("queues", sa.String(length=40), server_default="main", nullable=False))
    op.add_column(
        "workers", sa.Column("processor", sa.String(length=120), server_default="unknown", nullable=False)
    )
    op.add_column("workers", sa.Column("threads", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    for name in ("threads", "processor", "queues"):
        op.drop_column("workers", name)
