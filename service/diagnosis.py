"""What `tombola doctor` finds out about the server's parts."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version

from sqlalchemy.exc import SQLAlchemyError

import migrations
from service.doorbell import Doorbell, DoorbellError
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
        return Finding("database", f"{url} cannot be reached: {error}", ok=False)
    finally:
        database.close()


def _broker(settings: Settings) -> Finding:
    doorbell = Doorbell(settings)
    try:
        return Finding("broker", f"{doorbell.waiting()} message(s) waiting", ok=True)
    except DoorbellError as error:
        return Finding("broker", f"{error} (`tombola serve` starts its own)", ok=False)
    finally:
        doorbell.close()
