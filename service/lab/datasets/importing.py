"""Imports: data sets that a worker fetches, in a row that survives whatever happens to the worker.

The message that names an import is only a doorbell. An import is claimed by compare and set with a lease,
each data set is stored and noted in one transaction, and who takes it up again goes on behind what is noted.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session
from ulid import ULID

from service.lab.datasets import storing
from service.lab.datasets.storing import Prepared
from service.lab.errors import DatasetNameTaken, UnknownImport
from service.store import imports
from service.store.database import clock, now
from service.store.models import DatasetImport as Row
from tombola.results import BundledImport, DatasetImport, ImportedDataset, ImportRequest, ImportStatus

#: A worker that has not fetched a data set in this time is taken for dead.
LEASE = timedelta(minutes=15)
#: Times that an import is begun before it fails.
MAX_ATTEMPTS = 3
_LONGEST_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Claim:
    """An import in the hands of one worker.

    Attributes:
        import_id: Which.
        token: Proof that it is still this worker's.
        source: Where from.
        what: Number or name of what is fetched.
        done: Data sets that are noted already, by their origin.
    """

    import_id: str
    token: str
    source: str
    what: str
    done: frozenset[str]


class LostImport(Exception):  # noqa: N818  # reads as what it is
    """The import is another worker's by now, or was taken back."""


def submit(session: Session, request: ImportRequest) -> Row:
    """Store an import, queued."""
    row = Row(
        id=str(ULID()),
        source=request.source,
        what=request.name if isinstance(request, BundledImport) else str(request.id),
        status=ImportStatus.QUEUED.value,
        attempts=0,
        created_at=now(),
    )
    imports.add(session, row)
    return row


def claim(session: Session, import_id: str) -> Claim | None:
    """Take a queued import, or return None: it is somebody else's, or has ended."""
    row = imports.get(session, import_id)
    if row is None or row.status != ImportStatus.QUEUED:
        return None
    token, at = secrets.token_hex(16), clock(session)
    taken = imports.change(
        session,
        import_id,
        status=ImportStatus.QUEUED.value,
        token=None,
        values={
            "status": ImportStatus.RUNNING.value,
            "token": token,
            "lease_until": at + LEASE,
            "attempts": row.attempts + 1,
            "started_at": row.started_at or at,
        },
    )
    if taken is None:
        return None
    done = frozenset(item.origin for item in imports.noted(session, import_id))
    return Claim(import_id, token, taken.source, taken.what, done)


def plan(session: Session, held: Claim, total: int) -> None:
    """Note how many data sets an import has.

    Raises:
        LostImport: It is not this worker's any more.
    """
    _change(session, held, total=total, lease_until=clock(session) + LEASE)


def record(session: Session, held: Claim, number: int, origin: str, got: Prepared | str) -> None:
    """Store a data set and note it with its import; harmless when it is there already.

    Args:
        session: An open write transaction.
        held: Whose.
        number: Place of the data set in its import.
        origin: What was asked for.
        got: The data set, or why it is not there.

    Raises:
        LostImport: It is not this worker's any more; nothing was stored.
    """
    _change(session, held, lease_until=clock(session) + LEASE)
    values = {"import_id": held.import_id, "origin": origin, "number": number}
    if isinstance(got, str):
        imports.note(session, values | {"reason": got[:_LONGEST_REASON]})
        return
    try:
        stored, _ = storing.store(session, got)
    except DatasetNameTaken:
        # Other versions of a data set have its name, too; the number tells them apart.
        other = storing.name_of(f"{got.described.name[:60]}-{origin}")
        renamed = Prepared(got.described.model_copy(update={"name": other}), got.data)
        try:
            stored, _ = storing.store(session, renamed)
        except DatasetNameTaken as error:
            imports.note(session, values | {"reason": str(error)[:_LONGEST_REASON]})
            return
    imports.note(session, values | {"dataset_id": stored.id, "name": stored.name})


def finish(session: Session, held: Claim) -> None:
    """End an import whose data sets are all noted: it has failed if none of them is there.

    Raises:
        LostImport: It is not this worker's any more.
    """
    noted = imports.noted(session, held.import_id)
    missing = [item for item in noted if item.dataset_id is None]
    if missing:
        failed = len(missing) == len(noted)
        more = f" ({len(missing)} of {len(noted)} data sets are not there)" if len(noted) > 1 else ""
        reason = f"{missing[0].origin}: {missing[0].reason}{more}"
        _end(session, held, ImportStatus.FAILED if failed else ImportStatus.SUCCEEDED, reason)
    else:
        _end(session, held, ImportStatus.SUCCEEDED, None)


def fail(session: Session, held: Claim, reason: str) -> None:
    """End an import that cannot go on.

    Raises:
        LostImport: It is not this worker's any more.
    """
    _end(session, held, ImportStatus.FAILED, reason)


def give_back(session: Session, held: Claim) -> None:
    """Queue an import again that its worker could not end, because it shall stop.

    Raises:
        LostImport: It is not this worker's any more.
    """
    row = _queue_again(session, held)
    row.attempts -= 1  # that was no failure


def take_back_expired(session: Session) -> Sequence[str]:
    """Queue imports again whose worker is dead, or let them fail after the last attempt; return their ids."""
    rows = imports.expired(session, clock(session))
    for row in rows:
        held = Claim(row.id, row.token or "", row.source, row.what, frozenset())
        with suppress(LostImport):  # another sweeper was faster
            if row.attempts >= MAX_ATTEMPTS:
                fail(session, held, f"its worker was lost {row.attempts} times")
            else:
                _queue_again(session, held)
    return [row.id for row in rows]


def answer(session: Session, import_id: str) -> DatasetImport:
    """Return an import as it is answered.

    Raises:
        UnknownImport: There is none with this id.
    """
    row = imports.get(session, import_id)
    if row is None:
        raise UnknownImport(import_id)
    fields = {name: getattr(row, name) for name in DatasetImport.model_fields if name != "datasets"}
    return DatasetImport(
        **fields,
        datasets=[
            ImportedDataset(origin=item.origin, dataset=item.dataset_id, name=item.name, reason=item.reason)
            for item in imports.noted(session, import_id)
        ],
    )


def _queue_again(session: Session, held: Claim) -> Row:
    return _change(
        session, held, status=ImportStatus.QUEUED.value, token=None, lease_until=None, rung_at=None
    )


def _end(session: Session, held: Claim, status: ImportStatus, reason: str | None) -> None:
    _change(
        session,
        held,
        status=status.value,
        reason=None if reason is None else reason[:_LONGEST_REASON],
        token=None,
        lease_until=None,
        finished_at=now(),
    )


def _change(session: Session, held: Claim, **values: object) -> Row:
    row = imports.change(
        session, held.import_id, status=ImportStatus.RUNNING.value, token=held.token, values=values
    )
    if row is None:
        raise LostImport(f"import {held.import_id} is not this worker's any more")
    return row
