"""What the application holds, and how a request gets at it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.api.auth import Gate
from service.api.kept import Kept
from service.api.metrics import Metrics
from service.doorbell import Doorbell, ring_new, ring_new_imports
from service.lab.experiments import Lab
from service.settings import Settings
from service.store.database import Database

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """One application's parts; none of them is shared with another application in the process."""

    settings: Settings
    database: Database
    doorbell: Doorbell
    lab: Lab
    gate: Gate
    metrics: Metrics
    kept: Kept

    def ring(self) -> None:
        """Ring for new shards. Runs after the answer, so whatever fails here is the sweeper's to mend."""
        try:
            ring_new(self.database, self.doorbell)
        except SQLAlchemyError as error:
            _log.warning("not rung, the sweeper will: %s", error)

    def ring_imports(self) -> None:
        """Ring for new imports; as `ring`."""
        try:
            ring_new_imports(self.database, self.doorbell)
        except SQLAlchemyError as error:
            _log.warning("not rung, the sweeper will: %s", error)


def state_of(request: Request) -> State:
    """Return the state of the application that serves this request."""
    return cast("State", request.app.state.tombola)


def _read(request: Request) -> Iterator[Session]:
    with state_of(request).database.read() as session:
        yield session


def _write(request: Request) -> Iterator[Session]:
    with state_of(request).database.write() as session:
        yield session


AppState = Annotated[State, Depends(state_of)]
#: Both end before the answer is sent: what a client was told is committed, and streams hold no connection.
ReadSession = Annotated[Session, Depends(_read, scope="function")]
WriteSession = Annotated[Session, Depends(_write, scope="function")]
