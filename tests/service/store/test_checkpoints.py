"""Checkpoints in the store, on SQLite and on PostgreSQL."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from service.store import checkpoints, configurations
from service.store.checkpoints import Trainer
from service.store.database import now
from service.store.models import Checkpoint, CheckpointPart
from service.store.parts import PART_BYTES
from tombola.spec import ExperimentSpec

OURS = Trainer("torch", "cpu", "torch 2.8.0")
OTHERS = [
    OURS._replace(engine="native"),
    OURS._replace(device="cuda"),
    OURS._replace(software="torch 2.9.0"),
]
VALUES = ["configuration_id", "seed", "steps", "curve", "wall_seconds", "checksum", "saved_at"]
LARGE = hashlib.shake_256(b"a state").digest(2 * PART_BYTES + 12_345)


@pytest.fixture
def configuration_id(database):
    spec = ExperimentSpec.model_validate(
        {
            "name": "one cell",
            "target": {"kind": "parity", "n": 10, "k": 2},
            "grid": {"width": [4], "samples": [50]},
        }
    )
    with database.write() as session:
        return next(
            iter(configurations.ensure(session, {c.hash(): c for c in spec.configurations()}).values())
        )


@pytest.fixture
def put(database, configuration_id):
    def put(trainer, steps, data, *, seed=0):
        values = {
            "configuration_id": configuration_id,
            "seed": seed,
            "steps": steps,
            "curve": {"steps": [steps]},
            "wall_seconds": 1.5,
            "checksum": f"{steps}",
            "saved_at": now(),
        }
        with database.write() as session:
            return checkpoints.save(session, trainer, values, data)

    return put


def read(database, trainer, configuration_id, seed=0):
    with database.read() as session:
        row = checkpoints.find(session, trainer, configuration_id, seed)
        return None if row is None else (row.steps, row.size, checkpoints.parameters(session, row.id))


def count(database, model):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


@pytest.mark.parametrize("data", [b"", b"x", LARGE[:PART_BYTES], LARGE], ids=len)
def test_a_state_of_any_size_comes_back_as_it_was(database, configuration_id, put, data):
    assert put(OURS, 100, data)
    assert read(database, OURS, configuration_id) == (100, len(data), data)
    assert count(database, CheckpointPart) == -(-len(data) // PART_BYTES)


def test_the_further_state_wins_whoever_comes_last(database, configuration_id, put):
    assert put(OURS, 100, LARGE)
    assert put(OURS, 200, b"further")
    assert not put(OURS, 150, LARGE), "a worker that lost its lease comes late"
    assert not put(OURS, 200, b"as far")
    assert read(database, OURS, configuration_id) == (200, 7, b"further")
    assert count(database, Checkpoint) == count(database, CheckpointPart) == 1


def test_engines_devices_and_versions_keep_their_own(database, configuration_id, put):
    for number, trainer in enumerate([OURS, *OTHERS]):
        assert put(trainer, 100 + number, trainer.software.encode())
    for number, trainer in enumerate([OURS, *OTHERS]):
        data = trainer.software.encode()
        assert read(database, trainer, configuration_id) == (100 + number, len(data), data)
    with database.read() as session:
        assert checkpoints.steps(session, OURS, [configuration_id]) == {(configuration_id, 0): (100, 103)}


def test_a_run_forgotten_leaves_nothing_and_others_stay(database, configuration_id, put):
    for trainer in (OURS, *OTHERS):
        put(trainer, 100, LARGE)
    put(OURS, 100, b"another seed", seed=1)
    with database.write() as session:
        checkpoints.forget_runs(session, {(configuration_id, 0)})
    assert read(database, OURS, configuration_id) is None
    assert read(database, OURS, configuration_id, seed=1) == (100, 12, b"another seed")
    assert count(database, Checkpoint) == count(database, CheckpointPart) == 1


def test_who_saves_and_who_forgets_never_wait_for_each_other(database, configuration_id, put):
    put(OURS, 100, b"", seed=1)
    put(OURS, 100, b"", seed=0)  # stored last, saved first

    def forget():
        with database.write() as session:
            checkpoints.forget_runs(session, {(configuration_id, 0), (configuration_id, 1)})

    with ThreadPoolExecutor(1) as thread:
        with database.write() as session:
            for seed in (0, 1):
                row = session.scalars(select(Checkpoint).where(Checkpoint.seed == seed)).one()
                values = {name: getattr(row, name) for name in VALUES}
                checkpoints.save(session, OURS, values | {"steps": 200}, b"")
                if not seed:
                    forgotten = thread.submit(forget)
                    time.sleep(0.3)  # it has come to the row that is saved
        forgotten.result()
    assert count(database, Checkpoint) == 0
