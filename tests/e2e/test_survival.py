"""What goes wrong in the middle of an experiment costs time, and never a run or a number."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import redis

from service.doorbell import Doorbell
from service.settings import Settings
from service.store.database import Database
from service.store.models import Experiment as ExperimentRow
from service.store.models import Shard
from tombola.results import ExperimentStatus
from worker.engine import Run, select_engine


@pytest.fixture
def stack(new_stack):
    """Start a stack that trains on one core: what takes long enough to be disturbed costs half as much."""
    return new_stack(TOMBOLA_THREADS="1")


@pytest.fixture(scope="session")
def undisturbed():
    """Return a function giving what the engine makes of a spec when nothing goes wrong, by cell and seed."""
    known = {}

    def outcomes(spec):
        if spec.name not in known:
            cells = spec.configurations()
            runs = [Run(cell, seed) for cell in cells for seed in range(spec.seeds.count)]
            finished = []
            assert select_engine("auto", "cpu").train(runs, finished.append, lambda _: False)
            known[spec.name] = {
                (cells.index(item.run.configuration), item.run.seed): (
                    item.outcome,
                    item.steps,
                    item.train_error,
                    item.test_error,
                )
                for item in finished
            }
        return known[spec.name]

    return outcomes


def runs_of(experiment):
    """Return every run of an experiment by cell and seed, and check that none comes twice."""
    rows = list(experiment.runs())
    found = {(row.cell, row.seed): (row.outcome, row.steps, row.train_error, row.test_error) for row in rows}
    assert len(found) == len(rows)
    return found


def assert_as_undisturbed(stack, experiment, spec, undisturbed):
    """Every run is present exactly once, with the outcome it would have had, and is counted once."""
    experiment = experiment.wait(progress=False, timeout=120)
    assert experiment.status == ExperimentStatus.SUCCEEDED
    expected = undisturbed(spec)
    assert runs_of(experiment) == expected
    table = experiment.success_table()
    for position, cell in enumerate(table.cells):
        outcomes = [value[0] for (number, _), value in expected.items() if number == position]
        assert cell.runs == cell.runs_total == len(outcomes) == spec.seeds.count
        assert cell.successes == outcomes.count("success")
        assert cell.diverged == outcomes.count("diverged")
    assert len(stack.outcomes()) == spec.run_count


def in_training(stack, experiment):
    """Tell whether a shard is being trained and is well under way."""
    progress = experiment.refresh().progress
    leased = [worker for worker in stack.client().workers.list() if worker.alive and worker.shard]
    return bool(leased) and 0.05 < progress.fraction < 0.8


def caught_in_training(stack, experiment):
    """Halt the worker and tell whether that was in the middle of a shard; if not, let it go on."""
    if not in_training(stack, experiment):
        return False
    stack.signal("worker", signal.SIGSTOP)
    database = Database(stack.database_url)
    with database.read() as session:
        caught = session.query(Shard).filter(Shard.state == "leased").first() is not None
    database.close()
    if not caught:
        stack.signal("worker", signal.SIGCONT)
    return caught


def broker_url(stack):
    """Return the broker of a stack, from the environment of its worker."""
    environ = Path(f"/proc/{stack.child('worker')}/environ").read_text()
    pairs = dict(pair.partition("=")[::2] for pair in environ.split("\0"))
    return pairs["TOMBOLA_BROKER_URL"]


def test_a_worker_killed_in_the_middle_of_a_shard_loses_no_run(stack, spec, eventually, undisturbed):
    experiment = stack.client().experiments.create(spec)
    eventually(lambda: caught_in_training(stack, experiment), what="a shard in the worker's hands")
    stack.kill("worker")
    assert_as_undisturbed(stack, experiment, spec, undisturbed)
    events = [event for event in experiment.events() if event.type == "shard_failed"]
    assert events, "the killed worker's shard was taken back"


def test_a_message_delivered_many_times_trains_a_shard_once(stack, spec, eventually, undisturbed):
    experiment = stack.client().experiments.create(spec)
    eventually(lambda: in_training(stack, experiment), what="a shard in training")
    database = Database(stack.database_url)
    with database.read() as session:
        ids = [shard.id for shard in session.query(Shard).all()]
    doorbell = Doorbell(Settings(broker_url=broker_url(stack)))
    doorbell.ring(ids * 3)
    doorbell.close()
    assert_as_undisturbed(stack, experiment, spec, undisturbed)
    with database.read() as session:
        assert {shard.attempts for shard in session.query(Shard).all()} == {1}
    database.close()


def test_an_emptied_broker_delays_and_loses_nothing(stack, spec, eventually, undisturbed):
    experiment = stack.client().experiments.create(spec)
    eventually(lambda: in_training(stack, experiment), what="a shard in training")
    with redis.Redis.from_url(broker_url(stack)) as connection:
        connection.flushall()
    assert_as_undisturbed(stack, experiment, spec, undisturbed)


def test_a_killed_broker_comes_back_and_loses_nothing(stack, spec, eventually, undisturbed):
    experiment = stack.client().experiments.create(spec)
    eventually(lambda: in_training(stack, experiment), what="a shard in training")
    pid = stack.kill("broker")
    eventually(lambda: stack.child("broker") not in (None, pid), what="another broker")
    assert_as_undisturbed(stack, experiment, spec, undisturbed)


def test_a_killed_api_comes_back_and_loses_nothing(stack, spec, eventually, undisturbed):
    experiment = stack.client().experiments.create(spec)
    eventually(lambda: in_training(stack, experiment), what="a shard in training")
    stack.kill("api")
    eventually(lambda: stack.client().version(), what="an answer of another API process")
    assert_as_undisturbed(stack, experiment, spec, undisturbed)


def test_a_stack_killed_whole_goes_on_when_started_again(stack, spec, eventually, undisturbed):
    client = stack.client()
    experiment = client.experiments.create(spec)
    eventually(lambda: in_training(stack, experiment), what="a shard in training")
    children = [stack.child(name) for name in ("api", "worker", "sweeper", "broker")]
    stack.process.kill()
    stack.process.wait()
    stack.process.stdout.close()
    eventually(lambda: not any(alive(pid) for pid in children), what="the end of the orphaned children")
    stack.start()
    assert_as_undisturbed(stack, stack.client().experiments.get(experiment.id), spec, undisturbed)


def alive(pid):
    """Tell whether a process runs; one that ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_stopped_stack_gives_its_shard_back_and_goes_on_when_started_again(
    stack, spec, eventually, undisturbed
):
    experiment = stack.client().experiments.create(spec)
    eventually(lambda: in_training(stack, experiment), what="a shard in training")
    stack.stop(signal.SIGTERM)
    database = Database(stack.database_url)
    with database.read() as session:
        states = {shard.state for shard in session.query(Shard).all()}
        attempts = [shard.attempts for shard in session.query(Shard).filter(Shard.state == "queued").all()]
        status = session.get(ExperimentRow, experiment.id).status
    database.close()
    assert "leased" not in states
    assert set(attempts) == {0}, "giving back is no attempt"
    assert status == "running"
    stack.start()
    assert_as_undisturbed(stack, stack.client().experiments.get(experiment.id), spec, undisturbed)


def test_a_paused_experiment_stops_and_goes_on_when_resumed(stack, spec, eventually, undisturbed):
    experiment = stack.client().experiments.create(spec)
    eventually(lambda: in_training(stack, experiment), what="a shard in training")
    experiment.pause()
    eventually(
        lambda: all(worker.shard is None for worker in stack.client().workers.list()),
        seconds=20,
        what="an idle worker",
    )
    done = experiment.refresh().progress.runs_done
    time.sleep(2)
    assert experiment.refresh().progress.runs_done == done < spec.run_count
    assert experiment.status == ExperimentStatus.PAUSED
    experiment.resume()
    assert_as_undisturbed(stack, experiment, spec, undisturbed)


def test_an_experiment_takes_over_the_runs_of_a_cancelled_one(stack, spec, eventually, undisturbed):
    client = stack.client()
    first = client.experiments.create(spec)
    eventually(lambda: in_training(stack, first), what="a shard in training")
    second = client.experiments.create(spec.model_copy(update={"name": spec.name}))
    quote = second.quote
    assert quote.runs_existing + quote.runs_pending == spec.run_count
    assert quote.run_steps == 0
    first.cancel()
    assert_as_undisturbed(stack, second, spec, undisturbed)
    assert first.refresh().status == ExperimentStatus.CANCELLED


def test_the_same_grid_again_trains_nothing(stack, spec):
    client = stack.client()
    first = client.experiments.create(spec).wait(progress=False)
    second = client.experiments.create(spec)
    assert second.status == ExperimentStatus.SUCCEEDED
    assert second.progress.runs_reused == spec.run_count
    assert second.success_table().cells == first.success_table().cells


def test_a_second_stack_on_the_same_data_folder_is_refused(stack):
    second = subprocess.run(
        [os.sys.executable, "-m", "tombola", "serve", "--port", "0", "--data-dir", str(stack.data_dir)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert "another Tombola uses" in second.stderr
    assert "--data-dir" in second.stderr


def test_two_workers_on_postgresql_train_every_run_once(
    new_stack, postgres_url, spec, eventually, undisturbed
):
    stack = new_stack("pg", TOMBOLA_DATABASE_URL=postgres_url)
    environment = {
        **os.environ,
        "TOMBOLA_DATABASE_URL": postgres_url,
        "TOMBOLA_BROKER_URL": broker_url(stack),
        "TOMBOLA_LEASE_SECONDS": "3",
        "TOMBOLA_HEARTBEAT_SECONDS": "0.3",
    }
    second = subprocess.Popen(
        [os.sys.executable, "-m", "tombola", "worker"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        client = stack.client()
        eventually(lambda: sum(item.alive for item in client.workers.list()) == 2, what="two workers")
        experiment = client.experiments.create(spec)
        eventually(
            lambda: any(item.pid == second.pid and item.shard for item in client.workers.list()),
            what="a shard in the second worker's hands",
        )
        second.kill()
        assert_as_undisturbed(stack, experiment, spec, undisturbed)
    finally:
        second.kill()
        second.wait()
