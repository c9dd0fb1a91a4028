"""What the runs of each cell took, by outcome.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNT_WHAT_IS_THERE = """
    INSERT INTO cell_totals
        (cell_id, outcome, runs, steps, steps_squared,
         flops, flops_squared, wall_seconds, wall_seconds_squared)
    SELECT cells.id, runs.outcome, count(*),
        sum(runs.steps), sum(1.0 * runs.steps * runs.steps),
        sum(runs.flops), sum(runs.flops * runs.flops),
        sum(runs.wall_seconds), sum(runs.wall_seconds * runs.wall_seconds)
    FROM cells JOIN runs ON runs.configuration_id = cells.configuration_id
        AND runs.seed >= cells.seed_start AND runs.seed < cells.seed_start + cells.seed_count
    GROUP BY cells.id, runs.outcome
"""


def upgrade() -> None:
    op.create_table(
        "cell_totals",
        sa.Column("cell_id", BIG_INT, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("steps", sa.BigInteger(), nullable=False),
        sa.Column("steps_squared", sa.Float(), nullable=False),
        sa.Column("flops", sa.Float(), nullable=False),
        sa.Column("flops_squared", sa.Float(), nullable=False),
        sa.Column("wall_seconds", sa.Float(), nullable=False),
        sa.Column("wall_seconds_squared", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["cells.id"], name=op.f("fk_cell_totals_cell_id_cells"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cell_id", "outcome", name=op.f("pk_cell_totals")),
    )
    op.execute(COUNT_WHAT_IS_THERE)


def downgrade() -> None:
    op.drop_table("cell_totals")
