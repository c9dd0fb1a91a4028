"""Runs and what they brought, and runs between two segments of their training."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.models._base import Base, BigInt, Document


class Environment(Base):
    """What trained a run: engine, device and software versions, shared by many runs."""

    __tablename__ = "environments"
    __table_args__ = (UniqueConstraint("hash"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    hash: Mapped[str] = mapped_column(String(64))
    engine: Mapped[str] = mapped_column(String(40))
    device: Mapped[str] = mapped_column(String(120))
    versions: Mapped[dict[str, Any]]


class Run(Base):
    """A finished run. Never changed, never counted twice: unique on configuration and seed."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("configuration_id", "seed"),
        CheckConstraint("outcome IN ('success', 'censored', 'diverged')", name="outcome"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    configuration_id: Mapped[int] = mapped_column(ForeignKey("configurations.id"))
    seed: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str] = mapped_column(String(16))
    steps: Mapped[int]
    train_error: Mapped[float | None] = mapped_column(Float)
    test_error: Mapped[float | None] = mapped_column(Float)
    wall_seconds: Mapped[float] = mapped_column(Float)
    flops: Mapped[float] = mapped_column(Float)
    environment_id: Mapped[int] = mapped_column(ForeignKey("environments.id"))
    finished_at: Mapped[datetime]


class Curve(Base):
    """The evaluations of a run, apart from it so that listings stay narrow."""

    __tablename__ = "curves"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    document: Mapped[dict[str, Any]]


class Score(Base):
    """What a run on a table scored on its validation and its test rows."""

    __tablename__ = "scores"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    validation_accuracy: Mapped[float | None] = mapped_column(Float)
    validation_auc: Mapped[float | None] = mapped_column(Float)
    validation_loss: Mapped[float | None] = mapped_column(Float)
    validation_rows: Mapped[int]
    test_accuracy: Mapped[float | None] = mapped_column(Float)
    test_auc: Mapped[float | None] = mapped_column(Float)
    test_loss: Mapped[float | None] = mapped_column(Float)
    test_rows: Mapped[int]
    # The run's seconds times those of cores that passed in one; without them a lane is taken as one core.
    core_seconds: Mapped[float | None] = mapped_column(Float)
    importance: Mapped[list[dict[str, Any]] | None] = mapped_column(Document, deferred=True)


class Checkpoint(Base):
    """A run between two segments of its training; goes when the run is recorded.

    The state is in the parts. It is of use to the same engine, kind of device and software only.
    """

    __tablename__ = "checkpoints"
    __table_args__ = (UniqueConstraint("configuration_id", "seed", "engine", "device", "software"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    configuration_id: Mapped[int] = mapped_column(ForeignKey("configurations.id"))
    seed: Mapped[int] = mapped_column(BigInteger)
    engine: Mapped[str] = mapped_column(String(40))
    device: Mapped[str] = mapped_column(String(40))  # "cpu" or "cuda", without index
    software: Mapped[str] = mapped_column(String(255))
    steps: Mapped[int]
    curve: Mapped[dict[str, Any]]
    wall_seconds: Mapped[float] = mapped_column(Float)
    size: Mapped[int] = mapped_column(BigInteger)  # bytes of all parts together
    checksum: Mapped[str] = mapped_column(String(64))
    saved_at: Mapped[datetime]


class CheckpointPart(Base):
    """A piece of a checkpoint's state: no statement has to carry hundreds of megabytes."""

    __tablename__ = "checkpoint_parts"

    checkpoint_id: Mapped[int] = mapped_column(
        ForeignKey("checkpoints.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
