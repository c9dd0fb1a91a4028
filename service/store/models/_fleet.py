"""Workers, how fast they are, and who may ask."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.models._base import Base, BigInt


class Worker(Base):
    """A worker process, as it last said of itself."""

    __tablename__ = "workers"
    __table_args__ = (Index(None, "seen_at"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    hostname: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    queue: Mapped[str] = mapped_column(String(100))
    engine: Mapped[str] = mapped_column(String(40))
    device: Mapped[str] = mapped_column(String(120))
    device_name: Mapped[str] = mapped_column(String(120), server_default="unknown")
    detail: Mapped[str] = mapped_column(String(200), server_default="unknown")
    lanes: Mapped[int] = mapped_column(server_default="1")
    queues: Mapped[str] = mapped_column(String(40), default="main,cpu", server_default="main")  # with commas
    # What models of libraries train on, beside or without a GPU.
    processor: Mapped[str] = mapped_column(String(120), default="unknown", server_default="unknown")
    threads: Mapped[int] = mapped_column(default=1, server_default="1")
    versions: Mapped[dict[str, Any]]
    shard_id: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]


class Speed(Base):
    """By how much an engine on a device is slower than assumed, for widths of one octave (`lab.learning`)."""

    __tablename__ = "speeds"

    engine: Mapped[str] = mapped_column(String(40), primary_key=True)
    device_name: Mapped[str] = mapped_column(String(120), primary_key=True)
    width_class: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    log_factor: Mapped[float] = mapped_column(Float)
    variance: Mapped[float] = mapped_column(Float)
    evidence: Mapped[float] = mapped_column(Float)  # seconds of training, older ones faded
    updated_at: Mapped[datetime]


class ApiKey(Base):
    """A bearer key, known only by its SHA-256: keys are long and random, so no slow hash is needed."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("digest"), UniqueConstraint("name"))

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
