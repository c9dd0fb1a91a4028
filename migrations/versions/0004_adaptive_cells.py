"""Cells whose number of runs their own outcomes decide.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cells", sa.Column("decision", sa.String(length=16), nullable=True))
    op.create_index(
        op.f("ix_cells_open"),
        "cells",
        ["experiment_id"],
        sqlite_where=sa.text("decision = 'open'"),
        postgresql_where=sa.text("decision = 'open'"),
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_cells_open"), table_name="cells")
    op.drop_column("cells", "decision")
