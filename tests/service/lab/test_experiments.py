"""The life of experiments, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import func, select

from service.lab import answers, shards
from service.lab.errors import IdempotencyConflict, IllegalTransition, UnknownExperiment
from service.lab.statistics.survival import median_steps
from service.store import events
from service.store import shards as store_shards
from service.store.database import now
from service.store.models import Cell, Experiment, Run


def look(database, experiment_id):
    with database.read() as session:
        return answers.experiment(session, answers.known(session, experiment_id))


def table(database, experiment_id):
    with database.read() as session:
        return answers.success_table(session, experiment_id)


def change(database, lab, name, experiment_id):
    with database.write() as session:
        getattr(lab, name)(session, experiment_id)


def assert_counts_match_runs(database):
    """The counters of every experiment and cell are what a full scan of the runs gives."""
    with database.read() as session:
        runs = {(run.configuration_id, run.seed): run for run in session.scalars(select(Run))}
        for experiment in session.scalars(select(Experiment)):
            done = 0
            rows = answers.success_table(session, experiment.id).cells
            cells = session.scalars(
                select(Cell).where(Cell.experiment_id == experiment.id).order_by(Cell.position)
            )
            for cell, row in zip(cells, rows, strict=True):
                mine = [
                    runs[cell.configuration_id, seed]
                    for seed in range(cell.seed_start, cell.seed_start + cell.seed_count)
                    if (cell.configuration_id, seed) in runs
                ]
                outcomes = [run.outcome for run in mine]
                assert row.runs == len(mine)
                assert row.successes == outcomes.count("success")
                assert row.censored == outcomes.count("censored")
                assert row.diverged == outcomes.count("diverged")
                steps = {}
                for run in mine:
                    if run.outcome == "success":
                        steps[run.steps] = steps.get(run.steps, 0) + 1
                assert row.median_steps == (median_steps(steps, len(mine)) if mine else None)
                done += len(mine)
            assert experiment.runs_done == done


def test_an_experiment_goes_from_queued_through_running_to_succeeded(database, lab, spec, submit, hands):
    experiment_id = submit(spec)
    assert look(database, experiment_id).status == "queued"
    first, *rest = hands.queued()
    assert rest, "several shards, or this test shows nothing"
    hands.train(first)
    running = look(database, experiment_id)
    assert running.status == "running"
    assert 0 < running.progress.runs_done < running.progress.runs_total == spec.run_count
    assert 0 < running.progress.fraction < 1
    hands.train_all()
    done = look(database, experiment_id)
    assert done.status == "succeeded"
    assert done.progress.runs_done == spec.run_count
    assert done.progress.fraction == 1
    assert done.finished_at is not None
    assert_counts_match_runs(database)


def test_events_are_numbered_without_gaps_and_end_with_the_last_status(database, spec, submit, hands):
    experiment_id = submit(spec)
    hands.train_all()
    with database.read() as session:
        found = events.after(session, experiment_id, 0)
    assert [event.number for event in found] == list(range(1, len(found) + 1))
    assert [event.data["status"] for event in found if event.type == "status"] == [
        "queued",
        "running",
        "succeeded",
    ]


def test_the_same_run_recorded_twice_is_counted_once(database, spec, submit, hands):
    experiment_id = submit(spec)
    claim = hands.claim(hands.queued()[0])
    runs = list(claim.runs)
    assert hands.record(claim, runs[:3]) == 3
    assert hands.record(claim, runs) == len(runs) - 3
    assert hands.record(claim, runs, complete=True) == 0
    assert look(database, experiment_id).progress.runs_done == len(runs)
    assert_counts_match_runs(database)


def test_a_second_experiment_counts_what_exists_waits_for_what_is_pending_and_plans_the_rest(
    database, spec, submit, hands
):
    first = submit(spec)
    hands.train(hands.queued()[0])
    done = look(database, first).progress.runs_done
    wider = spec.model_copy(update={"grid": spec.grid.model_copy(update={"width": [4, 8, 16]})})
    second = submit(wider)
    quote = look(database, second).quote
    assert quote.runs_existing == done == look(database, second).progress.runs_reused
    assert quote.runs_pending == spec.run_count - done
    hands.train_all()
    for experiment_id in (first, second):
        assert look(database, experiment_id).status == "succeeded"
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == wider.run_count
    assert_counts_match_runs(database)


def test_overlapping_seed_ranges_share_their_runs(database, spec, submit, hands):
    submit(spec)
    hands.train_all()
    later = spec.model_copy(update={"seeds": spec.seeds.model_copy(update={"start": 3, "count": 6})})
    experiment_id = submit(later)
    assert look(database, experiment_id).progress.runs_reused == 2 * spec.cell_count
    hands.train_all()
    assert look(database, experiment_id).status == "succeeded"
    assert_counts_match_runs(database)


def test_a_grid_that_is_there_already_succeeds_at_once(database, spec, submit, hands):
    submit(spec)
    hands.train_all()
    again = submit(spec)
    assert look(database, again).status == "succeeded"
    assert hands.queued() == []
    assert_counts_match_runs(database)


@pytest.mark.parametrize("ending", ["cancel", "pause"])
def test_runs_somebody_else_waits_for_are_taken_over(database, lab, spec, submit, hands, ending):
    first, second = submit(spec), submit(spec)
    claim = hands.claim(hands.queued()[0])
    change(database, lab, ending, first)
    assert look(database, first).status == {"cancel": "cancelled", "pause": "paused"}[ending]
    with database.write() as session:
        assert shards.renew(session, claim, fraction=0.5, lease_seconds=30), "it is the other's now"
    assert look(database, second).status == "running"
    hands.train_all()
    assert look(database, second).status == "running", "nobody else was given what is being trained"
    assert hands.record(claim, list(claim.runs), complete=True) == len(claim.runs)
    assert look(database, second).status == "succeeded"
    assert look(database, second).actual.runs_trained == spec.run_count
    assert_counts_match_runs(database)


def test_a_shard_that_nobody_wants_all_of_is_dropped_and_planned_anew(database, lab, spec, submit, hands):
    first = submit(spec)
    claim = hands.claim(hands.queued()[0])
    second = submit(spec.model_copy(update={"seeds": spec.seeds.model_copy(update={"start": 1})}))
    change(database, lab, "cancel", first)
    with database.write() as session:
        assert not shards.renew(session, claim, fraction=0.5, lease_seconds=30)
    # The worker had finished some of it: kept, and counted for both.
    hands.record(claim, list(claim.runs)[:2])
    hands.train_all()
    assert look(database, second).status == "succeeded"
    assert_counts_match_runs(database)


def test_a_paused_experiment_plans_nothing_until_resumed_and_keeps_its_runs(
    database, lab, spec, submit, hands
):
    experiment_id = submit(spec)
    hands.train(hands.queued()[0])
    change(database, lab, "pause", experiment_id)
    assert hands.queued() == []
    with database.write() as session:
        lab.settle(session, experiment_id)
    assert hands.queued() == []
    before = look(database, experiment_id).progress.runs_done
    change(database, lab, "resume", experiment_id)
    hands.train_all()
    done = look(database, experiment_id)
    assert done.status == "succeeded"
    assert before < done.progress.runs_done == spec.run_count


def test_a_cancelled_experiment_can_be_retried(database, lab, spec, submit, hands):
    experiment_id = submit(spec)
    change(database, lab, "cancel", experiment_id)
    assert hands.queued() == []
    change(database, lab, "retry", experiment_id)
    hands.train_all()
    assert look(database, experiment_id).status == "succeeded"


@pytest.mark.parametrize(
    ("path", "name", "says"),
    [
        ((), "resume", "only a paused experiment can be resumed"),
        ((), "retry", "only a failed or cancelled experiment can be retried"),
        (("cancel",), "cancel", "only a queued, running or paused experiment can be cancelled"),
        (("cancel",), "pause", "only a queued or running experiment can be paused"),
        (("pause",), "pause", "only a queued or running experiment can be paused"),
    ],
)
def test_an_illegal_transition_says_what_would_be_legal(database, lab, spec, submit, path, name, says):
    experiment_id = submit(spec)
    for step in path:
        change(database, lab, step, experiment_id)
    with pytest.raises(IllegalTransition, match=says):
        change(database, lab, name, experiment_id)


def test_only_an_ended_experiment_can_be_deleted_and_its_runs_stay(database, lab, spec, submit, hands):
    experiment_id = submit(spec)
    with database.write() as session, pytest.raises(IllegalTransition, match="cancel it first"):
        lab.delete(session, experiment_id)
    hands.train_all()
    with database.write() as session:
        lab.delete(session, experiment_id)
    with database.read() as session:
        with pytest.raises(UnknownExperiment):
            answers.known(session, experiment_id)
        assert session.scalar(select(func.count()).select_from(Run)) == spec.run_count
    again = submit(spec)
    assert look(database, again).status == "succeeded"


def test_a_shard_that_fails_three_times_fails_its_experiment_and_keeps_its_finished_runs(
    database, lab, spec, submit, hands
):
    experiment_id = submit(spec)
    bad, *good = hands.queued()
    for shard_id in good:
        hands.train(shard_id)
    for attempt in range(3):
        assert look(database, experiment_id).status in ("queued", "running")
        claim = hands.claim(bad)
        hands.record(claim, list(claim.runs)[attempt : attempt + 1])
        with database.write() as session:
            shards.fail(session, claim, "RuntimeError: the engine said no")
    failed = look(database, experiment_id)
    assert failed.status == "failed"
    assert "failed 3 times" in failed.reason
    assert "the engine said no" in failed.reason
    assert 3 <= failed.progress.runs_done < spec.run_count
    assert_counts_match_runs(database)
    change(database, lab, "retry", experiment_id)
    hands.train_all()
    assert look(database, experiment_id).status == "succeeded"
    assert_counts_match_runs(database)


def test_an_experiment_whose_runs_failed_in_anothers_shard_trains_them_itself(
    database, lab, spec, submit, hands
):
    first, second = submit(spec), submit(spec)
    bad, *good = hands.queued()
    for shard_id in good:
        hands.train(shard_id)
    for _ in range(3):
        claim = hands.claim(bad)
        with database.write() as session:
            shards.fail(session, claim, "no")
    assert look(database, first).status == "failed"
    with database.write() as session:
        lab.settle(session, second)
    hands.train_all()
    assert look(database, second).status == "succeeded"
    assert look(database, first).progress.runs_done == spec.run_count


def test_a_resumed_experiment_does_not_fail_for_a_shard_whose_runs_others_train_now(
    database, lab, spec, submit, hands
):
    first = submit(spec)
    bad = hands.queued()[0]
    for _ in range(3):
        claim = hands.claim(bad)
        with database.write() as session:
            shards.fail(session, claim, "no")
    change(database, lab, "pause", first)
    second = submit(spec)
    change(database, lab, "resume", first)
    with database.write() as session:
        lab.settle(session, first)
    assert look(database, first).status == "queued"
    hands.train_all()
    assert {look(database, item).status for item in (first, second)} == {"succeeded"}


def test_an_experiment_that_waits_for_anothers_shards_is_known_to_wait(database, lab, spec, submit, hands):
    first, second = submit(spec), submit(spec)
    with database.read() as session:
        assert lab.is_waiting(session, second)
    change(database, lab, "pause", first)
    change(database, lab, "pause", second)
    change(database, lab, "resume", second)
    hands.train_all()
    with database.read() as session:
        assert not lab.is_waiting(session, second)


def test_the_clock_of_an_eta_stops_while_nobody_trains(database, spec, submit, hands):
    experiment_id = submit(spec)
    claim = hands.claim(hands.queued()[0])
    hands.record(claim, list(claim.runs)[:1])
    with database.write() as session:
        shards.give_back(session, claim)
        assert answers.known(session, experiment_id).timed_from is None
    again = hands.claim(claim.shard_id)
    with database.read() as session:
        row = answers.known(session, experiment_id)
        assert row.timed_from is not None
        assert row.timed_cost == row.cost_done > 0
    assert len(again.runs) == len(claim.runs) - 1


def test_ringing_and_pausing_at_once_never_deadlock(database, lab, spec, submit, hands):
    many = spec.model_copy(update={"seeds": spec.seeds.model_copy(update={"count": 60})})
    experiment_id = submit(many)

    def ring():
        for _ in range(60):
            with database.write() as session:
                store_shards.mark_rung(session, hands.queued(), now())

    def steer():
        for _ in range(15):
            change(database, lab, "pause", experiment_id)
            change(database, lab, "resume", experiment_id)

    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(ring), pool.submit(ring), pool.submit(steer)]
    for job in jobs:
        job.result()
    assert hands.queued()


def test_an_idempotency_key_makes_one_experiment_and_refuses_another_spec(database, lab, spec):
    with database.write() as session:
        first, new = lab.submit(session, spec, idempotency_key="k", scope="a")
        assert new
    with database.write() as session:
        again, new = lab.submit(session, spec, idempotency_key="k", scope="a")
        assert (again.id, new) == (first.id, False)
        other, new = lab.submit(session, spec, idempotency_key="k", scope="b")
        assert new
        assert other.id != first.id
    changed = spec.model_copy(update={"name": "other"})
    with database.write() as session, pytest.raises(IdempotencyConflict, match=first.id):
        lab.submit(session, changed, idempotency_key="k", scope="a")


def test_workers_and_submitters_at_once_count_every_run_once(database, lab, spec, submit, hands):
    """Four workers train, two users submit overlapping grids and cancel, all at the same time."""
    ids = [submit(spec)]

    def work():
        for _ in range(200):
            if not (queued := hands.queued()):
                return
            if (claim := hands.claim(queued[0])) is not None:
                runs = list(claim.runs)
                hands.record(claim, runs[: len(runs) // 2])
                hands.record(claim, runs, complete=True)

    def use(start):
        for shift in range(3):
            seeds = spec.seeds.model_copy(update={"start": start + 2 * shift})
            ids.append(submit(spec.model_copy(update={"seeds": seeds})))
        with suppress(IllegalTransition):
            change(database, lab, "cancel", ids[-1])

    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(work) for _ in range(4)] + [pool.submit(use, start) for start in range(2)]
    for job in jobs:
        job.result()
    for experiment_id in ids:
        with database.write() as session:
            lab.settle(session, experiment_id)
    hands.train_all()
    assert {look(database, experiment_id).status for experiment_id in ids} <= {"succeeded", "cancelled"}
    assert_counts_match_runs(database)
