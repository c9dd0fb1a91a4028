"""The engines of a worker for runs on tables, made when the first shard asks for one."""

from __future__ import annotations

from collections.abc import Callable

import joblib

from service.lab.datasets import storing
from service.lab.datasets.table import Table
from service.lab.work import Kind
from service.settings import Settings
from service.store.database import Database
from worker.engine.seam import TabularEngine
from worker.engine.tables import Provider


class TableEngines:
    """Engines by the kind of shard that they train; the worker keeps each once it is made."""

    def __init__(self, database: Database, settings: Settings, device: str) -> None:
        """Prepare engines on the tables of a store; scikit-learn and torch's networks load when asked for."""
        self._database = database
        self._settings = settings
        self._device = device
        self._kept: Provider | None = None
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
        from worker.engine.mlp import MlpEngine  # noqa: PLC0415  # for those who train networks

        return MlpEngine(self._provider(), self._device)

    def _estimators(self) -> TabularEngine:
        from worker.tabular.estimators import EstimatorEngine  # noqa: PLC0415  # scikit-learn loads with it

        return EstimatorEngine(self._provider(), threads(self._settings))

    def _provider(self) -> Provider:
        from worker.tabular.preparation import providing  # noqa: PLC0415  # as above

        if self._kept is None:
            self._kept = providing(self._load)
        return self._kept

    def _load(self, dataset: str) -> Table:
        with self._database.read() as session:
            return storing.load(session, dataset)


def threads(settings: Settings) -> int:
    """Return how many cores models of libraries train on: by default those that the container may use."""
    return settings.threads or joblib.cpu_count()
