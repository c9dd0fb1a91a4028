"""The engines of a worker for runs on tables, made when the first shard asks for one."""

from __future__ import annotations

import os
from collections.abc import Callable

from service.lab.work import Kind
from service.settings import Settings
from service.store.database import Database
from worker.engine.errors import EngineError
from worker.engine.seam import TabularEngine


class TableEngines:
    """Engines by the kind of shard that they train; the worker keeps each once it is made."""

    def __init__(self, database: Database, settings: Settings, device: str) -> None:
        """Prepare engines on the tables of a store; scikit-learn and torch's networks load when asked for."""
        self._database = database
        self._settings = settings
        self._device = device
        self._made: dict[Kind, TabularEngine] = {}
        self.makers: dict[Kind, Callable[[], TabularEngine]] = {
            "networks": self._networks,
            "estimators": self._estimators,
        }

    def engine(self, kind: Kind) -> TabularEngine:
        """Return the engine for shards of a kind.

        Raises:
            EngineError: It cannot be had here.
        """
        if kind not in self._made:
            self._made[kind] = self.makers[kind]()
        return self._made[kind]

    def _networks(self) -> TabularEngine:
        raise EngineError(f"this worker has no engine for networks on tables on {self._device}")

    def _estimators(self) -> TabularEngine:
        raise EngineError("this worker has no engine for models of libraries on tables")


def threads(settings: Settings) -> int:
    """Return how many cores models of libraries train on."""
    return settings.threads or os.cpu_count() or 1
