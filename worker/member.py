"""One worker process: its engine, its database, its row in the fleet."""

from __future__ import annotations

import os
import platform
import socket
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from ulid import ULID

from service.doorbell import Doorbell
from service.lab.shards import TrainedBy
from service.settings import Settings
from service.store import workers
from service.store.database import Database, clock
from service.store.models import Worker
from worker.engine import Engine, select_engine
from worker.hardware import device_name
from worker.heartbeat import Heartbeat

_LONGEST_DETAIL = 200
_LIBRARIES = ("tombola-server", "torch", "triton", "numpy")


class Member:
    """What a worker process has from its start to its end."""

    def __init__(self, settings: Settings) -> None:
        """Choose the engine, register in the fleet and start the heartbeat.

        Raises:
            EngineError: The settings name an engine or a device that is not here.
        """
        self.settings = settings
        self.engine: Engine = select_engine(settings.engine, settings.device, threads=settings.threads)
        self.trained_by = TrainedBy(
            self.engine.name,
            self.engine.device,
            software_versions() | dict(self.engine.versions),
            device_name=device_name(self.engine),
            lanes=self.engine.lanes,
        )
        self.id = str(ULID())
        self.database = Database(settings.sqlalchemy_url)
        self.doorbell = Doorbell(settings)
        self.heartbeat = Heartbeat(
            self.database,
            self.id,
            interval_seconds=settings.heartbeat_seconds,
            lease_seconds=settings.lease_seconds,
        )
        with self.database.write() as session:
            workers.add(session, self._row(clock(session)))
        self.heartbeat.start()

    def _row(self, at: datetime) -> Worker:
        return Worker(
            id=self.id,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            queue=self.settings.queue,
            engine=self.engine.name,
            device=self.engine.device,
            device_name=self.trained_by.device_name,
            detail=self.engine.detail[:_LONGEST_DETAIL],
            lanes=self.engine.lanes,
            versions=dict(self.trained_by.versions),
            started_at=at,
            seen_at=at,
        )

    def stop_soon(self) -> None:
        """Make the training in progress, if any, stop at its next look; its shard will be given back."""
        self.heartbeat.stopping.set()

    def close(self) -> None:
        """Say goodbye to the fleet."""
        self.heartbeat.end()
        with self.database.write() as session:
            workers.stop(session, self.id)
        self.doorbell.close()
        self.database.close()


def software_versions() -> dict[str, str]:
    """Return the versions that could matter to a number, by name."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
