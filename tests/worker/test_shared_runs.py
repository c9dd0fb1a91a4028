"""Nothing is trained twice: real engines train for several experiments at once, and every run is counted."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from sqlalchemy import func, select

from service.doorbell import Doorbell
from service.lab import allocation, answers
from service.lab.experiments import Lab
from service.settings import Settings
from service.store import cells, shards
from service.store.models import Run, Shard
from service.sweeper import sweep
from tombola.spec import BoundarySeeds, ExperimentSpec, Seeds
from worker.member import Member
from worker.training import train_shard

SECONDS = 0.2  #: of a shard: many small ones
SPEC = ExperimentSpec.model_validate(
    {
        "name": "small",
        "target": {"kind": "parity", "n": 12, "k": 2},
        "grid": {"width": [4, 32], "samples": [40, 400], "sparsity": [2, None]},
        "training": {"max_steps": 600, "eval_every": 100, "test_samples": 256},
        "seeds": {"count": 10},
    }
)
ADAPTIVE = SPEC.model_copy(update={"name": "adaptive", "seeds": BoundarySeeds(max=24)})
WIDER = SPEC.model_copy(
    update={
        "name": "wider",
        "grid": SPEC.grid.model_copy(update={"width": [4, 16, 32]}),
        "seeds": Seeds(count=14, start=3),
    }
)


class Counting:
    """An engine that notes the runs which it has trained to their end, and rests after each if it shall."""

    def __init__(self, engine, trained, pace):
        self._engine, self._trained, self._pace = engine, trained, pace

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def train(self, runs, on_finished, should_stop, on_checkpoint=None):
        def note(finished):
            self._trained[finished.run] += 1
            time.sleep(self._pace())
            on_finished(finished)

        return self._engine.train(runs, note, should_stop, on_checkpoint)


class Laboratory:
    """Two workers in threads, with engines, heartbeats and leases of their own; the test is the sweeper."""

    def __init__(self, database, database_url, broker_url):
        self.database = database
        self.lab = Lab(SECONDS)
        self.trained = Counter()  #: how often each run was trained to its end
        self.pace = 0.0  #: seconds of rest after each run
        self.settings = Settings(
            database_url=database_url,
            broker_url=broker_url,
            device="cpu",
            heartbeat_seconds=0.1,
            shard_seconds=SECONDS,
            threads=1,
        )
        self.doorbell = Doorbell(self.settings)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(2)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.doorbell.close()

    def _work(self, number):
        member = Member(self.settings)
        member.engine = Counting(member.engine, self.trained, lambda: self.pace)
        while not self._stop.is_set():
            with self.database.read() as session:
                queued = session.scalars(select(Shard.id).where(Shard.state == "queued").limit(2)).all()
            if queued:
                train_shard(member, queued[number % len(queued)])
            else:
                time.sleep(0.02)
        member.close()

    def submit(self, spec):
        with self.database.write() as session:
            return self.lab.submit(session, spec)[0].id

    def change(self, name, experiment_id):
        with self.database.write() as session:
            getattr(self.lab, name)(session, experiment_id)

    def look(self, experiment_id):
        with self.database.read() as session:
            return answers.experiment(session, answers.known(session, experiment_id))

    def wait(self, *ids, until=lambda found: found.status.finished, seconds=120):
        deadline = time.monotonic() + seconds
        while not all(until(self.look(item)) for item in ids):
            assert time.monotonic() < deadline, [self.look(item) for item in ids]
            sweep(self.database, self.doorbell, self.lab)
            time.sleep(0.05)

    def stored(self):
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(Run))

    def accounted(self, *ids):
        return sum(found.actual.runs_trained for item in ids if (found := self.look(item)).actual is not None)

    def assert_nothing_trained_twice(self):
        assert self.stored() > 0
        assert set(self.trained.values()) == {1}, "no run was trained to its end twice"
        assert len(self.trained) == self.stored()


@pytest.fixture
def laboratory(database, database_url, broker_url):
    with Laboratory(database, database_url, broker_url) as laboratory:
        yield laboratory


def test_experiments_under_way_at_once_share_every_run_they_have_in_common(laboratory):
    ids = [laboratory.submit(spec) for spec in (SPEC, ADAPTIVE, WIDER, ADAPTIVE)]
    laboratory.wait(*ids)
    assert {laboratory.look(item).status for item in ids} == {"succeeded"}
    laboratory.assert_nothing_trained_twice()
    assert laboratory.accounted(*ids) == laboratory.stored()
    asked = sum(laboratory.look(item).progress.runs_done for item in ids)
    assert laboratory.stored() < asked / 2, "much was shared, or this test shows nothing"
    with laboratory.database.read() as session:
        first, second = (answers.success_table(session, ids[number]).cells for number in (1, 3))
    assert first == second


def test_a_larger_grid_pays_only_for_what_is_new_and_its_quote_says_so(laboratory):
    laboratory.wait(laboratory.submit(SPEC))
    first = laboratory.stored()
    wider = laboratory.submit(WIDER)
    quote = laboratory.look(wider).quote
    # Of twelve cells eight are there, with seeds 3 to 9 of the 3 to 16 that are asked for.
    assert (quote.runs, quote.runs_existing, quote.runs_pending) == (168, 56, 0)
    assert quote.run_steps == (168 - 56) * SPEC.training.max_steps
    laboratory.wait(wider)
    assert laboratory.accounted(wider) == laboratory.stored() - first == 168 - 56
    adaptive = laboratory.submit(ADAPTIVE)
    laboratory.wait(adaptive)
    done = laboratory.look(adaptive)
    # It decides on the consecutive seeds from 0 on: with those, seeds 0 to 16, nearly all is there.
    assert done.quote.runs_existing > 0
    assert done.progress.runs_done == sum(
        allocation.walk(ADAPTIVE.seeds, outcomes).complete for outcomes in outcomes_of(laboratory, adaptive)
    )
    assert laboratory.accounted(adaptive) == done.progress.runs_done - done.progress.runs_reused
    laboratory.assert_nothing_trained_twice()
    before = laboratory.stored()
    again = laboratory.submit(ADAPTIVE)
    assert laboratory.look(again).status == "succeeded"
    assert laboratory.look(again).quote.runs == laboratory.look(again).quote.runs_existing
    assert laboratory.stored() == before


def outcomes_of(laboratory, experiment_id):
    """Return, for each cell, whether its configuration's runs succeeded, by seed; all that are stored."""
    with laboratory.database.read() as session:
        table = {cell.configuration_id: {} for cell in cells.of(session, experiment_id)}
        for run in session.scalars(select(Run).where(Run.configuration_id.in_(table))):
            table[run.configuration_id][run.seed] = run.outcome == "success"
    return list(table.values())


@pytest.mark.parametrize(
    ("database_url", "ending"),
    [("sqlite", "cancel"), ("sqlite", "pause"), ("sqlite", "delete"), ("postgresql", "cancel")],
    indirect=["database_url"],
)
def test_what_is_in_training_when_its_experiment_ends_goes_on_for_others(laboratory, ending):
    many = SPEC.model_copy(update={"seeds": Seeds(count=40)})
    laboratory.pace = 0.004
    first = laboratory.submit(many)
    heirs = [laboratory.submit(many), laboratory.submit(ADAPTIVE)]
    laboratory.wait(first, until=lambda found: found.progress.runs_done > 0)
    with laboratory.database.read() as session:
        assert shards.leased(session, [first]), "a shard is in training"
    laboratory.change("cancel" if ending == "delete" else ending, first)
    if ending == "delete":
        laboratory.change("delete", first)
    laboratory.wait(*heirs)
    assert {laboratory.look(item).status for item in heirs} == {"succeeded"}
    laboratory.assert_nothing_trained_twice()
    if ending == "pause":
        assert laboratory.look(first).status == "succeeded", "the others trained what it wanted"
    if ending != "delete":
        assert laboratory.accounted(first, *heirs) == laboratory.stored()
