"""What a worker does with an import: claim it, fetch, store and note each data set, end it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from http.client import HTTPException

from sqlalchemy.orm import Session

from service.lab.datasets import importing
from service.lab.datasets.importing import Claim, LostImport
from service.lab.datasets.storing import Prepared
from service.lab.errors import BadTable
from service.settings import Settings
from service.store.database import Database
from worker.patience import patiently
from worker.tabular.downloads import Downloads, SourceError

#: One data set: what was asked for, and how it is had.
Wanted = tuple[str, Callable[[], Prepared]]
#: What says of one data set that it is not to be had, and nothing of others.
_NOT_TO_BE_HAD = (SourceError, BadTable, OSError, HTTPException)

_log = logging.getLogger(__name__)


def import_datasets(
    database: Database, settings: Settings, stopping: threading.Event, import_id: str
) -> None:
    """Import what a message names, if it is still to be had; a second message finds it taken or done.

    Args:
        database: The database.
        settings: Where OpenML and the cache are.
        stopping: Set when the worker shall stop: the import is given back between two data sets.
        import_id: Which.
    """
    if stopping.is_set():
        return  # the sweeper rings again for what is left queued

    def act(step: Callable[[Session], None]) -> None:
        patiently(stopping)(_transaction, database, step)

    claim = patiently(stopping)(_claim, database, import_id)
    if claim is None:
        _log.info("import %s is not to be had", import_id)
        return
    _log.info("import %s: %s %s", import_id, claim.source, claim.what)
    downloads = Downloads(
        settings.openml_url,
        settings.downloads,
        settings.openml_retries,
        settings.max_dataset_bytes,
        stopping,
    )
    try:
        _import(claim, downloads, act)
    except LostImport as lost:
        _log.warning("%s", lost)
    except Exception as error:  # noqa: BLE001  # whatever it is, the import must not hang
        _log.exception("import %s failed", import_id)
        act(partial(importing.fail, held=claim, reason=f"{type(error).__name__}: {error}"))


def _import(claim: Claim, downloads: Downloads, act: Callable[[Callable[[Session], None]], None]) -> None:
    try:
        wanted = _wanted(claim, downloads)
    except _NOT_TO_BE_HAD as error:
        if not downloads.stopping.is_set():
            act(partial(importing.fail, held=claim, reason=_said(error)))
            return
        wanted = []
    act(lambda session: importing.plan(session, claim, len(wanted)))
    for number, (origin, get) in enumerate(wanted):
        if origin in claim.done:
            continue
        got: Prepared | str
        try:
            got = "" if downloads.stopping.is_set() else get()
        except _NOT_TO_BE_HAD as error:
            got = _said(error)
        if downloads.stopping.is_set():
            break
        act(partial(importing.record, held=claim, number=number, origin=origin, got=got))
    if downloads.stopping.is_set():
        act(lambda session: importing.give_back(session, claim))
        _log.info("import %s is given back", claim.import_id)
    else:
        act(lambda session: importing.finish(session, claim))
        _log.info("import %s has ended", claim.import_id)


def _wanted(claim: Claim, downloads: Downloads) -> list[Wanted]:
    # scikit-learn and pandas load with it: a second for those who import, and nothing for those who train.
    from worker.tabular import sources  # noqa: PLC0415

    if claim.source == "sklearn":
        return [(f"sklearn {claim.what}", partial(sources.bundled_dataset, claim.what))]
    numbers = [int(claim.what)]
    if claim.source == "openml-suite":
        numbers = sources.openml_suite(numbers[0], downloads)
    return [
        (f"openml {number}", partial(sources.openml_dataset, number, downloads))
        for number in dict.fromkeys(numbers)
    ]


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"it cannot be fetched: {text}" if isinstance(error, OSError | HTTPException) else text


def _claim(database: Database, import_id: str) -> Claim | None:
    with database.write() as session:
        return importing.claim(session, import_id)


def _transaction(database: Database, step: Callable[[Session], None]) -> None:
    with database.write() as session:
        step(session)
