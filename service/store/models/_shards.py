"""Shards: plans, not results."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.models._base import Base, BigInt

#: What a shard holds; `service.lab.work` says more.
ShardKind = Literal["parity", "networks", "estimators"]


class Shard(Base):
    """Runs to be trained together: the unit of dispatch, lease and recovery. Live while queued or leased."""

    __tablename__ = "shards"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'leased', 'done', 'failed', 'dropped')", name="state"),
        Index(None, "experiment_id", "state"),
        Index(None, "state", "rung_at"),
        Index(None, "state", "lease_expires_at"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    experiment_id: Mapped[str] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(16), default="queued")
    # What trains it: "parity", "networks" (on tables), or "estimators", which have a queue of their own.
    kind: Mapped[ShardKind] = mapped_column(String(16), default="parity", server_default="parity")
    cost: Mapped[float] = mapped_column(Float)  # of the runs that its last claim found missing
    cost_recorded: Mapped[float] = mapped_column(
        Float, default=0.0
    )  # of those recorded since, and in checkpoints
    fraction: Mapped[float] = mapped_column(Float, default=0.0)  # how far the engine says it is
    attempts: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_expires_at: Mapped[datetime | None]
    worker_id: Mapped[str | None] = mapped_column(String(26))
    rung_at: Mapped[datetime | None]  # when its message was sent last
    reason: Mapped[str | None] = mapped_column(String(2000))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ShardItem(Base):
    """A range of seeds of one configuration inside a shard."""

    __tablename__ = "shard_items"
    __table_args__ = (Index(None, "configuration_id"),)

    shard_id: Mapped[int] = mapped_column(ForeignKey("shards.id", ondelete="CASCADE"), primary_key=True)
    configuration_id: Mapped[int] = mapped_column(ForeignKey("configurations.id"), primary_key=True)
    seed_start: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seed_count: Mapped[int]
