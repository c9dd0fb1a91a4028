"""Workers' work without training: shards claimed and recorded with made-up outcomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import select
from ulid import ULID

from service.lab import fleet, shards
from service.lab.datasets import storing
from service.lab.datasets.storing import About
from service.lab.datasets.table import Asked, assemble
from service.lab.experiments import Lab
from service.lab.shards import Claim, RunRecord, TrainedBy
from service.store import workers
from service.store.database import Database, clock
from service.store.models import Shard, Worker
from tombola.results import Dataset
from tombola.spec import ExperimentSpec, TabularSpec

BY = TrainedBy("made-up", "cpu", {"python": "3"})


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without workers, plan and quote for two cores, whatever this host has."""
    monkeypatch.setattr(fleet.os, "cpu_count", lambda: 2)


@pytest.fixture
def lab() -> Lab:
    return Lab(shard_seconds=0.1)


@pytest.fixture
def spec() -> ExperimentSpec:
    return ExperimentSpec.model_validate(
        {
            "name": "made up",
            "target": {"kind": "parity", "n": 10, "k": 2},
            "grid": {"width": [4, 8], "samples": [50, None], "sparsity": [2, None]},
            "training": {"max_steps": 40_000},
            "seeds": {"count": 5},
        }
    )


def outcome_of(configuration_id: int, seed: int) -> tuple[str, int]:
    """Return outcome and steps: made up, but always the same for the same run, as real ones are."""
    return [("success", 500), ("success", 1500), ("censored", 40_000), ("diverged", 500)][
        (3 * configuration_id + seed) % 4
    ]


def record_of(configuration_id: int, seed: int, outcome: str, steps: int) -> RunRecord:
    return RunRecord(
        configuration_id=configuration_id,
        seed=seed,
        outcome=outcome,
        steps=steps,
        train_error=0.1,
        test_error=None if outcome == "diverged" else 0.2,
        wall_seconds=1.0,
        flops=1e9,
        curve={"steps": [steps], "train_error": [0.1], "test_error": [0.2]},
    )


class Hands:
    """What a worker does, step by step."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.outcome_of = outcome_of
        self.by = BY

    def queued(self) -> list[int]:
        with self.database.read() as session:
            return list(session.scalars(select(Shard.id).where(Shard.state == "queued").order_by(Shard.id)))

    def states(self) -> list[str]:
        with self.database.read() as session:
            return list(session.scalars(select(Shard.state).order_by(Shard.id)))

    def claim(
        self, shard_id: int, *, lease_seconds: float = 30, by: TrainedBy = BY, **options: Any
    ) -> Claim | None:
        with self.database.write() as session:
            return shards.claim(
                session,
                shard_id,
                **{"worker_id": "hands", "lease_seconds": lease_seconds, "by": by, **options},
            )

    def record(
        self, claim: Claim, runs: list[tuple[int, int]], *, complete: bool = False, by: TrainedBy = BY
    ) -> int:
        with self.database.write() as session:
            records = [record_of(*run, *self.outcome_of(*run)) for run in runs]
            return shards.record(session, claim, records, by, complete=complete)

    def train(self, shard_id: int) -> Claim | None:
        claim = self.claim(shard_id)
        if claim is not None:
            self.record(claim, list(claim.runs), complete=True)
        return claim

    def train_all(self) -> None:
        while ids := self.queued():
            self.train(ids[0])


@pytest.fixture
def make_record() -> Callable[..., RunRecord]:
    """Return `make(configuration_id, seed, score=…)`: a finished run with made-up numbers."""

    def make(configuration_id: int, seed: int, **fields: Any) -> RunRecord:
        return dataclasses.replace(record_of(configuration_id, seed, "success", 500), **fields)

    return make


@pytest.fixture
def dataset(database: Database) -> Dataset:
    """A table of 100 rows in the store: two numbers and a column of three categories, two classes."""
    table = pa.table(
        {
            "a": [float(row % 10) for row in range(100)],
            "b": [float(row * row % 17) for row in range(100)],
            "c": ["red", "green", "blue", "red"] * 25,
            "y": ["no" if row % 10 < 4 else "yes" for row in range(100)],
        }
    )
    with database.write() as session:
        prepared = storing.prepare(assemble(table, Asked("y")), About("colours"))
        return storing.store(session, prepared)[0]


@pytest.fixture
def tabular_spec(dataset: Dataset) -> TabularSpec:
    """2 splits x 2 sizes x (2 networks + 2 forests + logistic regression) x 1 seed."""
    return TabularSpec.model_validate(
        {
            "name": "on colours",
            "target": {"kind": "tabular", "datasets": [dataset.name]},
            "grid": {"fractions": [0.5, 1.0], "splits": 2},
            "models": [
                {"kind": "mlp", "width": [8], "learning_rate": [0.1], "max_steps": 300},
                {"kind": "forest", "trials": 2},
                {"kind": "logistic", "trials": 1},
            ],
        }
    )


@pytest.fixture
def hands(database: Database) -> Hands:
    return Hands(database)


@pytest.fixture
def hire(database: Database) -> Callable[..., str]:
    """Return `hire(**columns)`: it registers a live worker and returns its id."""

    def hire(**columns: Any) -> str:
        with database.write() as session:
            at = clock(session)
            row = Worker(
                **{
                    "id": str(ULID()),
                    "hostname": "made-up",
                    "pid": 1,
                    "queue": "tombola",
                    "engine": "native",
                    "device": "cpu",
                    "device_name": "a processor",
                    "detail": "made up",
                    "lanes": 2,
                    "versions": {},
                    "started_at": at,
                    "seen_at": at,
                    **columns,
                }
            )
            workers.add(session, row)
            return row.id

    return hire


@pytest.fixture
def submit(database: Database, lab: Lab) -> Callable[..., str]:
    def submit(spec: ExperimentSpec, **options: str) -> str:
        with database.write() as session:
            return lab.submit(session, spec, **options)[0].id

    return submit
