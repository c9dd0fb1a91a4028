"""What `tombola doctor` finds out about the server's parts."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version

from sqlalchemy.exc import SQLAlchemyError

import migrations
from service.doorbell import Doorbell, DoorbellError
from service.lab.work import QUEUES
from service.settings import Settings
from service.store import workers
from service.store.database import Database


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    text: str
    ok: bool


def server(settings: Settings) -> list[Finding]:
    """Look at versions, database and broker."""
    return [
        Finding(
            "versions",
            f"tombola-server {version('tombola-server')}, Python {platform.python_version()}",
            ok=True,
        ),
        _database(settings),
        _broker(settings),
    ]


def _database(settings: Settings) -> Finding:
    database = Database(settings.sqlalchemy_url, create=False)
    url = database.shown
    try:
        with database.read() as session:
            found = migrations.current(session.connection())
            if found != migrations.head():
                text = (
                    f"{url} is at revision {found or 'none'}, not {migrations.head()}: run `tombola migrate`"
                )
                return Finding("database", text, ok=False)
            text = f"{url} at revision {found}, {workers.alive_count(session)} worker(s) alive"
            return Finding("database", text, ok=True)
    except SQLAlchemyError as error:
        if not settings.database_url:
            return Finding("database", f"none at {url} yet; `tombola serve` makes it", ok=True)
        reason = str(getattr(error, "orig", error)).strip().replace("\n", " ")
        return Finding("database", f"{url} cannot be reached: {reason}", ok=False)
    finally:
        database.close()


def _broker(settings: Settings) -> Finding:
    doorbell = Doorbell(settings)
    try:
        return Finding("broker", f"{sum(map(doorbell.waiting, QUEUES))} message(s) waiting", ok=True)
    except DoorbellError as error:
        if "broker_url" in settings.model_fields_set:
            return Finding("broker", str(error), ok=False)
        return Finding(
            "broker", "TOMBOLA_BROKER_URL is not set; `tombola serve` has a broker of its own", ok=True
        )
    finally:
        doorbell.close()
