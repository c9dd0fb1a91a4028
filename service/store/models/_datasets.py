"""Data sets and their imports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.models._base import Base, Document


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
