"""Data sets in the store: each content once, whatever file it came in."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.lab.datasets.columnar import from_parquet, to_parquet
from service.lab.datasets.profiling import profile
from service.lab.datasets.table import Table
from service.lab.errors import DatasetInUse, DatasetNameTaken, UnknownDataset
from service.store import datasets, experiments
from service.store.database import lock_planning, now
from service.store.models import Dataset as Row
from tombola.results import Dataset, DatasetProfile, ExperimentStatus

#: No slash, so that it can stand in a path; no id, so that it is not taken for one.
NAME_PATTERN = "^(?!imports$|[0-9a-f]{64}$)[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_MANY_CLASSES = 2
_UNFINISHED = tuple(status.value for status in ExperimentStatus if not status.finished)
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class About:
    """What a data set's owner says besides the table."""

    name: str
    licence: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set that can be stored."""

    described: Dataset
    data: bytes


def prepare(table: Table, about: About) -> Prepared:
    """Describe a table and write it as it is stored; takes time, and no transaction."""
    digests = table.digests()
    known = profile(table, digests)
    data = to_parquet(table)
    categoricals = sum(column.kind == "categorical" for column in known.columns)
    described = Dataset(
        id=table.content_hash(digests),
        name=about.name,
        target=table.target,
        task="multiclass" if len(known.classes) > _MANY_CLASSES else "binary",
        rows=table.data.num_rows,
        columns=len(known.columns),
        numbers=len(known.columns) - categoricals,
        categoricals=categoricals,
        classes=len(known.classes),
        size=len(data),
        licence=about.licence,
        source=about.source,
        created_at=None,
        profile=known,
    )
    return Prepared(described, data)


def store(session: Session, prepared: Prepared) -> tuple[Dataset, bool]:
    """Store a data set, unless its content is there already; return it as stored, and whether it is new.

    Raises:
        DatasetNameTaken: Another table has its name.
    """
    values = prepared.described.model_dump(mode="json", exclude={"size", "created_at"})
    checksum = hashlib.sha256(prepared.data).hexdigest()
    new = datasets.add(session, values | {"checksum": checksum, "created_at": now()}, prepared.data)
    row = datasets.get(session, prepared.described.id)
    if row is None:
        other = datasets.get(session, prepared.described.name)
        raise DatasetNameTaken(prepared.described.name, "unknown" if other is None else other.id)
    return answer(row), new


def known(session: Session, id_or_name: str) -> Row:
    """Return the row of a data set.

    Raises:
        UnknownDataset: There is none with this id or name.
    """
    row = datasets.get(session, id_or_name)
    if row is None:
        raise UnknownDataset(id_or_name)
    return row


def answer(row: Row, *, with_profile: bool = True) -> Dataset:
    """Return a stored data set as it is answered."""
    fields = {name: getattr(row, name) for name in Dataset.model_fields if name != "profile"}
    return Dataset(**fields, profile=DatasetProfile.model_validate(row.profile) if with_profile else None)


def load(session: Session, id_or_name: str) -> Table:
    """Return the table of a data set.

    Raises:
        UnknownDataset: There is none with this id or name.
        ValueError: It is damaged in the store.
    """
    row = known(session, id_or_name)
    data = b"".join(datasets.file(session, row.id))
    if hashlib.sha256(data).hexdigest() != row.checksum:
        raise ValueError(
            f"data set {row.name} ({row.id}) is damaged: {len(data)} bytes, right are {row.size}"
        )
    return from_parquet(data, row.target)


def delete(session: Session, id_or_name: str) -> None:
    """Delete a data set; finished runs on it stay.

    Raises:
        UnknownDataset: There is none with this id or name.
        DatasetInUse: An experiment that has not ended needs it.
    """
    lock_planning(session)  # nobody submits meanwhile what needs it
    row = known(session, id_or_name)
    needing = experiments.unfinished_on(session, row.id, _UNFINISHED)
    if needing is not None:
        raise DatasetInUse(row.name, needing)
    datasets.remove(session, row.id)
    _log.info("deleted data set %s (%s)", row.name, row.id)


def name_of(text: str) -> str:
    """Return a name that a data set may have, made of any text."""
    found = _NO_NAME.sub("-", text).strip("-._")[:100]
    return found if re.fullmatch(NAME_PATTERN, found) else "data-set"
