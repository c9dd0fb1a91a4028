"""Health: for load balancers and supervisors."""

from __future__ import annotations

import logging
from typing import Literal

from fastapi import Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

import migrations
from service.api import documents
from service.api.routes import open_router
from service.api.state import AppState
from service.doorbell import Doorbell, DoorbellError
from service.store.database import Database

router = open_router("health")

_OK = "ok"
_log = logging.getLogger(__name__)


class Life(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether requests can be served; each check is `ok` or says what is missing."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str]


@router.get("/", include_in_schema=False)
def root() -> RedirectResponse:
    """Lead browsers to the documentation."""
    return RedirectResponse("/docs")


@router.get("/livez", responses=documents.open_problems())
def get_livez() -> Life:
    """Tell that the process lives; asks nobody else."""
    return Life()


@router.get("/readyz", responses={503: {"model": Readiness}, **documents.open_problems()})
def get_readyz(state: AppState, response: Response) -> Readiness:
    """Tell whether database, schema and broker are there; 503 where not."""
    checks = {**_database(state.database), "broker": _broker(state.doorbell)}
    ready = all(check == _OK for check in checks.values())
    response.status_code = 200 if ready else 503
    return Readiness(status="ready" if ready else "not ready", checks=checks)


def _database(database: Database) -> dict[str, str]:
    try:
        with database.read() as session:
            current = migrations.current(session.connection())
    except SQLAlchemyError as error:
        _log.warning("not ready: %s", error)
        return {"database": "cannot be reached", "schema": "unknown"}
    needed = migrations.head()
    if current == needed:
        return {"database": _OK, "schema": _OK}
    schema = f"is at {current or 'no revision'}, this server needs {needed}: run `tombola migrate`"
    return {"database": _OK, "schema": schema}


def _broker(doorbell: Doorbell) -> str:
    try:
        doorbell.waiting()
    except DoorbellError as error:
        _log.warning("not ready: %s", error)
        return "cannot be reached"
    return _OK
