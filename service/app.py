"""The API application."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from service.api import (
    analysis,
    comparison_pictures,
    comparisons,
    datasets,
    documents,
    events,
    experiments,
    fleet,
    health,
    monitoring,
    pictures,
    plans,
    presets,
    problems,
    reports,
    runs,
    tables,
)
from service.api.auth import Gate
from service.api.kept import Kept
from service.api.metrics import Metrics
from service.api.middleware import BodyLimit, HeadAsGet, Observed
from service.api.state import State
from service.doorbell import Doorbell
from service.lab.experiments import Lab
from service.settings import Settings, is_loopback
from service.store.database import Database

_ROUTERS = (
    experiments,
    events,
    tables,
    analysis,
    comparisons,
    reports,
    pictures,
    comparison_pictures,
    runs,
    datasets,
    plans,
    presets,
    fleet,
    health,
    monitoring,
)
_log = logging.getLogger(__name__)


def create_app(
    settings: Settings, *, database: Database | None = None, doorbell: Doorbell | None = None
) -> FastAPI:
    """Return the application; it does not migrate the database, and `/readyz` says when that is missing.

    Args:
        settings: Where things are, and what is allowed.
        database: A database to use; by default that of the settings, closed with the application.
        doorbell: A doorbell to use; by default that of the settings, closed with the application.
    """
    opened: list[Database | Doorbell] = []
    if database is None:
        database = Database(settings.sqlalchemy_url)
        opened.append(database)
    if doorbell is None:
        doorbell = Doorbell(settings)
        opened.append(doorbell)
    state = State(
        settings=settings,
        database=database,
        doorbell=doorbell,
        lab=Lab(settings.shard_seconds),
        gate=Gate(closed=settings.admin_key is not None or not is_loopback(settings.host)),
        metrics=Metrics(database),
        kept=Kept(),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(_look_at_gate, state)
        try:
            yield
        finally:
            for resource in opened:
                resource.close()

    app = FastAPI(
        title="Tombola",
        summary="Training as a service for the odds of learning.",
        version=fleet.server_version(),
        lifespan=lifespan,
        generate_unique_id_function=documents.operation_id,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
    )
    app.state.tombola = state
    for module in _ROUTERS:
        app.include_router(module.router)
    problems.install(app)
    documents.install(app)
    # The last one added stands outermost.
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, larger=datasets.body_limits(settings))
    app.add_middleware(Observed, metrics=state.metrics)
    app.add_middleware(HeadAsGet)
    return app


def _look_at_gate(state: State) -> None:
    """Close the gate if there are keys already: revoking them later must not open it."""
    try:
        with state.database.read() as session:
            state.gate.look(session)
    except SQLAlchemyError as error:
        # Nobody comes in as long as that is so, and the gate looks again at every request.
        _log.warning("cannot look for API keys yet: %s", error)
