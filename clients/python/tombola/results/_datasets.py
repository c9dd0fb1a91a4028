"""Data sets: tables with a class to learn, what is known of them, and imports from elsewhere."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tombola.results._base import Answer

#: How a column is read. How it is encoded and imputed is said by those who train on it, inside their folds.
ColumnKind = Literal["number", "categorical"]
DatasetTask = Literal["binary", "multiclass"]
#: Data sets that come with scikit-learn.
BundledName = Literal["breast_cancer", "digits", "iris", "wine"]


class ClassCount(Answer):
    """How many rows a class has."""

    label: str
    rows: int
    share: float = Field(description="Of all rows.")


class DatasetColumn(Answer):
    """One column that classes are told from."""

    name: str
    kind: ColumnKind
    missing: int = Field(description="Rows without a value; they stay without one here.")
    distinct: int = Field(description="Different values, missing ones not counted.")
    minimum: float | None = Field(default=None, description="Of numbers.")
    maximum: float | None = Field(default=None, description="Of numbers.")
    mean: float | None = Field(default=None, description="Of numbers.")
    categories: list[str] | None = Field(
        default=None, description="The first ones by text, of a categorical column; long ones are cut."
    )


class LeakingColumn(Answer):
    """A column that tells the class alone, which is seldom so by nature."""

    name: str
    accuracy: float = Field(
        description="Rows whose class is that of most other rows with the same value (numbers: in the same "
        "of up to 256 quantile bins), as a share of all."
    )


class DatasetProfile(Answer):
    """What a table holds, and what looks wrong with it."""

    classes: list[ClassCount]
    balance: float = Field(description="Rows of the smallest class over rows of the largest.")
    columns: list[DatasetColumn] = Field(description="All but the target, in the order of the table.")
    missing_values: int
    duplicate_rows: int = Field(description="Rows, target included, that stand further up already.")
    constant_columns: list[str] = Field(description="One value, in every row.")
    duplicate_columns: list[tuple[str, str]] = Field(description="A column, and one further up equal to it.")
    identifier_columns: list[str] = Field(
        description="Whole numbers that differ in all rows, or categories that do in 95 % of them."
    )
    leaking_columns: list[LeakingColumn]
    warnings: list[str] = Field(description="All of the above that should be looked at, in words.")


class Dataset(Answer):
    """A table with a class to learn; it never changes."""

    id: str = Field(
        description="SHA-256 of the columns' names, kinds and values and of the target, whatever the file's "
        "format was."
    )
    name: str
    target: str = Field(description="Column with the classes.")
    task: DatasetTask
    rows: int
    columns: int = Field(description="Columns besides the target.")
    numbers: int = Field(description="Columns of numbers.")
    categoricals: int = Field(description="Columns of categories.")
    classes: int
    size: int = Field(description="Bytes as it is stored (Parquet).")
    licence: str | None = None
    source: str | None = None
    created_at: datetime | None = Field(description="Null where nothing was stored (`dry_run`).")
    profile: DatasetProfile | None = Field(default=None, description="Null in listings.")


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class OpenmlImport(_Request):
    """Asks for one data set of OpenML."""

    source: Literal["openml"]
    id: int = Field(ge=1, le=2**31 - 1, description="Number of the data set.", examples=[40945])


class OpenmlSuiteImport(_Request):
    """Asks for all data sets of a benchmark suite of OpenML."""

    source: Literal["openml-suite"]
    id: int = Field(ge=1, le=2**31 - 1, description="Number of the suite.", examples=[337])


class BundledImport(_Request):
    """Asks for a data set that comes with scikit-learn; needs no network."""

    source: Literal["sklearn"]
    name: BundledName = Field(description="Which.")


ImportRequest = Annotated[OpenmlImport | OpenmlSuiteImport | BundledImport, Field(discriminator="source")]


class ImportStatus(StrEnum):
    """Where an import is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """Whether it has come to an end."""
        return self in {ImportStatus.SUCCEEDED, ImportStatus.FAILED}


class ImportedDataset(Answer):
    """What became of one of the data sets that an import asked for."""

    origin: str = Field(description="What was asked for, such as `openml 40945`.")
    dataset: str | None = Field(description="Id of the data set, if it is there now.")
    name: str | None = None
    reason: str | None = Field(default=None, description="Why it is not.")


class DatasetImport(Answer):
    """The import of a data set, or of a suite of them, by a worker."""

    id: str
    source: str
    what: str = Field(description="Number or name of what is imported.")
    status: ImportStatus
    reason: str | None = Field(default=None, description="Why it failed.")
    total: int | None = Field(description="Data sets asked for, once that is known.")
    datasets: list[ImportedDataset]
    attempts: int
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
