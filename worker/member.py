"""One worker process: its engine, its database, its row in the fleet."""

from __future__ import annotations

import os
import platform
import socket
from datetime import datetime

from ulid import ULID

from service.doorbell import Doorbell
from service.lab.shards import TrainedBy
from service.lab.work import QUEUES
from service.settings import Settings
from service.store import workers
from service.store.database import Database, clock
from service.store.models import Worker
from worker.engine import Engine, select_engine
from worker.engine.seam import TabularEngine
from worker.hardware import device_name, processor
from worker.heartbeat import Heartbeat
from worker.tabular.engines import TableEngines, threads
from worker.versions import installed

_LONGEST_DETAIL = 200
_NO_ENGINE = "models of libraries, imports of data sets"
_LIBRARIES = ("tombola-server", "torch", "triton", "numpy")


class Member:
    """What a worker process has from its start to its end."""

    def __init__(self, settings: Settings) -> None:
        """Choose the engine, register in the fleet and start the heartbeat.

        Who consumes the CPU queue only needs no engine for parities, and no device.

        Raises:
            EngineError: The settings name an engine or a device that is not here.
        """
        self.settings = settings
        self.kinds = {kind for queue in settings.consumed for kind in QUEUES[queue]}
        self.engine: Engine | None = (
            select_engine(settings.engine, settings.device, threads=settings.threads)
            if "parity" in self.kinds
            else None
        )
        self.trained_by = (
            TrainedBy(
                "estimators",
                "cpu",
                software_versions(),
                device_name=processor(),
                lanes=threads(settings),
            )
            if self.engine is None
            else TrainedBy(
                self.engine.name,
                self.engine.device,
                software_versions() | dict(self.engine.versions),
                device_name=device_name(self.engine),
                lanes=self.engine.lanes,
            )
        )
        self.id = str(ULID())
        self.database = Database(settings.sqlalchemy_url)
        self.doorbell = Doorbell(settings)
        self.tables = TableEngines(self.database, settings, self.trained_by.device)
        self.heartbeat = Heartbeat(
            self.database,
            self.id,
            interval_seconds=settings.heartbeat_seconds,
            lease_seconds=settings.lease_seconds,
            kinds=self.kinds,
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
            queues=self.settings.queues,
            engine=self.trained_by.engine,
            device=self.trained_by.device,
            device_name=self.trained_by.device_name,
            detail=_NO_ENGINE if self.engine is None else self.engine.detail[:_LONGEST_DETAIL],
            lanes=self.trained_by.lanes,
            processor=processor(),
            threads=threads(self.settings),
            versions=dict(self.trained_by.versions),
            started_at=at,
            seen_at=at,
        )

    def trained_on_table(self, engine: TabularEngine) -> TrainedBy:
        """Return what stands behind runs that an engine for tables has trained here."""
        return TrainedBy(
            engine.name,
            engine.device,
            software_versions() | dict(engine.versions),
            device_name=processor() if engine.device == "cpu" else self.trained_by.device_name,
            lanes=engine.lanes,
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
    return {"python": platform.python_version()} | installed(_LIBRARIES)
