"""Experiments, their cells and the counts of these."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.models._base import Base, BigInt


class Experiment(Base):
    """A spec and its counters; `runs_done` and `version` move in every transaction that changes it."""

    __tablename__ = "experiments"
    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')", name="status"
        ),
        UniqueConstraint("idempotency_scope", "idempotency_key"),
        Index(None, "status", "id"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(2000))
    spec: Mapped[dict[str, Any]]
    quote: Mapped[dict[str, Any]]
    idempotency_scope: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    runs_total: Mapped[int]
    runs_done: Mapped[int] = mapped_column(default=0)
    runs_reused: Mapped[int] = mapped_column(default=0)
    successes: Mapped[int] = mapped_column(default=0)
    diverged: Mapped[int] = mapped_column(default=0)
    # Costs are seconds of the cost model's reference core, for progress and ETA.
    cost_total: Mapped[float] = mapped_column(Float)
    cost_done: Mapped[float] = mapped_column(Float, default=0.0)
    # The ETA's clock: since when runs are trained without a break, and the cost that was done by then.
    timed_from: Mapped[datetime | None]
    timed_cost: Mapped[float] = mapped_column(Float, default=0.0)
    # What its own shards have trained, to compare with its quote.
    runs_trained: Mapped[int] = mapped_column(default=0, server_default="0")
    steps_trained: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    flops_trained: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    core_seconds: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    gpu_seconds: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    version: Mapped[int] = mapped_column(default=0)  # number of the last event
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Configuration(Base):
    """What a run depends on besides its seed, identified by the hash of its canonical JSON."""

    __tablename__ = "configurations"
    __table_args__ = (UniqueConstraint("hash"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]]


class Cell(Base):
    """One point of an experiment's grid, with the counts of its finished runs."""

    __tablename__ = "cells"
    __table_args__ = (
        UniqueConstraint("experiment_id", "position"),
        Index(None, "configuration_id"),
        # The few among all cells whose next round may have to be decided.
        Index(
            "ix_cells_open",
            "experiment_id",
            sqlite_where=text("decision = 'open'"),
            postgresql_where=text("decision = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    experiment_id: Mapped[str] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    position: Mapped[int]
    configuration_id: Mapped[int] = mapped_column(ForeignKey("configurations.id"))
    width: Mapped[int]  # 0 where the model has no hidden layer
    samples: Mapped[int | None]
    sparsity: Mapped[int | None]
    seed_start: Mapped[int] = mapped_column(BigInteger)
    seed_count: Mapped[int]  # of an adaptive cell, the end of the round that it is in
    run_cost: Mapped[float] = mapped_column(Float)
    decision: Mapped[str | None] = mapped_column(String(16))  # of an adaptive cell; "open" wants more
    runs: Mapped[int] = mapped_column(default=0)
    successes: Mapped[int] = mapped_column(default=0)
    censored: Mapped[int] = mapped_column(default=0)
    diverged: Mapped[int] = mapped_column(default=0)


class CellSteps(Base):
    """How many runs of a cell succeeded at a step: the median without reading the runs."""

    __tablename__ = "cell_steps"

    cell_id: Mapped[int] = mapped_column(ForeignKey("cells.id", ondelete="CASCADE"), primary_key=True)
    steps: Mapped[int] = mapped_column(primary_key=True)
    successes: Mapped[int]


class CellTotals(Base):
    """What the runs of a cell took, by outcome: means and spreads without reading the runs."""

    __tablename__ = "cell_totals"

    cell_id: Mapped[int] = mapped_column(ForeignKey("cells.id", ondelete="CASCADE"), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)
    runs: Mapped[int]
    steps: Mapped[int] = mapped_column(BigInteger)
    steps_squared: Mapped[float] = mapped_column(Float)  # sums of squares, as below
    flops: Mapped[float] = mapped_column(Float)
    flops_squared: Mapped[float] = mapped_column(Float)
    wall_seconds: Mapped[float] = mapped_column(Float)
    wall_seconds_squared: Mapped[float] = mapped_column(Float)


class Event(Base):
    """What happened to an experiment, numbered without gaps by its `version`."""

    __tablename__ = "events"

    experiment_id: Mapped[str] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
