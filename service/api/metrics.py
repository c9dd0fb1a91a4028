"""Prometheus metrics of one application, in a registry of its own."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service.store import checkpoints, shards, totals, workers
from service.store.database import Database
from tombola.results import ExperimentStatus

_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"})
_SHARD_STATES = ("queued", "leased", "done", "failed", "dropped")


class Metrics:
    """Counts requests, and reads the rest from the database when somebody asks."""

    def __init__(self, database: Database) -> None:
        """Start at zero."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tombola_http_requests",
            "Answers by method, route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "tombola_http_request_seconds",
            "Time until an answer started.",
            ["method", "route"],
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(_StoreCollector(database))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, status).inc()
        self._seconds.labels(known, route).observe(seconds)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics as text and its media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _StoreCollector(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[Metric]:
        """Describe nothing, so that registering does not ask the database."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Count what the database holds."""
        with self._database.read() as session:
            experiments = totals.experiments_by_status(session)
            states = shards.counts_by_state(session)
            finished, alive = totals.runs(session), workers.alive_count(session)
            held = checkpoints.total_bytes(session)
        by_status = GaugeMetricFamily(
            "tombola_experiments", "Experiments by status.", labels=["status"], value=None
        )
        for status in ExperimentStatus:
            by_status.add_metric([status], experiments.get(status, 0))
        by_state = GaugeMetricFamily("tombola_shards", "Shards by state.", labels=["state"])
        for state in _SHARD_STATES:
            by_state.add_metric([state], states.get(state, 0))
        return [
            by_status,
            by_state,
            CounterMetricFamily("tombola_runs_finished", "Runs in the store.", value=finished),
            GaugeMetricFamily("tombola_workers_alive", "Live workers.", value=alive),
            GaugeMetricFamily("tombola_checkpoint_bytes", "States of unfinished runs.", value=held),
        ]
