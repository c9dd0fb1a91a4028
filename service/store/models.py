"""The tables. Runs belong to configurations; cells point to configurations; shards are plans, not results."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

#: What a shard holds; `service.lab.work` says more.
ShardKind = Literal["parity", "networks", "estimators"]

BigInt = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER key
Document = JSON().with_variant(JSONB, "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A time with its zone: SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Store in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Read as UTC."""
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can address them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: Document}  # noqa: RUF012  # read by SQLAlchemy


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


class Dataset(Base):
    """A table with a class to learn, named by the hash of its content; it never changes."""

    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    target: Mapped[str] = mapped_column(String(200))
    task: Mapped[str] = mapped_column(String(20))
    rows: Mapped[int]
    columns: Mapped[int]  # besides the target
    numbers: Mapped[int]
    categoricals: Mapped[int]
    classes: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    checksum: Mapped[str] = mapped_column(String(64))  # of the parts together
    licence: Mapped[str | None] = mapped_column(String(500))
    source: Mapped[str | None] = mapped_column(String(500))
    profile: Mapped[dict[str, Any]] = mapped_column(Document, deferred=True)  # megabytes of wide tables
    created_at: Mapped[datetime]


class DatasetPart(Base):
    """A piece of a data set's Parquet file."""

    __tablename__ = "dataset_parts"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class DatasetImport(Base):
    """Data sets that a worker fetches from elsewhere, and what became of each."""

    __tablename__ = "dataset_imports"
    __table_args__ = (Index(None, "status", "rung_at"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    source: Mapped[str] = mapped_column(String(20))
    what: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(1000))
    attempts: Mapped[int]
    total: Mapped[int | None]
    token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None]
    rung_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportedDataset(Base):
    """One data set of an import: there under its id, or not there for a reason."""

    __tablename__ = "imported_datasets"

    import_id: Mapped[str] = mapped_column(
        ForeignKey("dataset_imports.id", ondelete="CASCADE"), primary_key=True
    )
    origin: Mapped[str] = mapped_column(String(120), primary_key=True)
    number: Mapped[int]
    dataset_id: Mapped[str | None] = mapped_column(String(64))  # deleted ones stay told of
    name: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str | None] = mapped_column(String(1000))


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
