"""Adaptive experiments, on SQLite and on PostgreSQL: who trains what and when changes nothing."""

from __future__ import annotations

import functools
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from service.lab import allocation, answers, shards
from service.lab.errors import IllegalTransition
from service.lab.times import times
from service.store import configurations, events
from service.store.models import Base, Run
from service.store.runs import Slice
from tombola.spec import BoundarySeeds, HalfWidthSeeds, Seeds

RATES = {1: 0.0, 2: 0.15, 4: 0.5, 8: 0.85, 16: 1.0}
BOUNDARY = BoundarySeeds(max=40)

#: What has nothing to do with locks or SQL.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@functools.cache
def succeeds(width, seed):
    """Return a made-up outcome: some rate for each width, always the same for the same run."""
    return random.Random(f"{width} {seed}").random() < RATES[width]  # noqa: S311  # a simulation


@pytest.fixture
def adaptive(spec):
    grid = spec.grid.model_copy(update={"width": list(RATES), "samples": [50], "sparsity": [2]})
    return spec.model_copy(update={"grid": grid, "seeds": BOUNDARY})


@pytest.fixture
def hands(hands):
    known = {}

    def outcome_of(configuration_id, seed):
        if configuration_id not in known:
            with hands.database.read() as session:
                known.update(configurations.load(session, [configuration_id]))
        good = succeeds(known[configuration_id].width, seed)
        return ("success", 500) if good else ("censored", 40_000)

    hands.outcome_of = outcome_of
    return hands


def look(database, experiment_id):
    with database.read() as session:
        return answers.experiment(session, answers.known(session, experiment_id))


def table(database, experiment_id):
    with database.read() as session:
        return answers.success_table(session, experiment_id).cells


def change(database, lab, name, experiment_id):
    with database.write() as session:
        getattr(lab, name)(session, experiment_id)


def run_count(database):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Run))


def finish(database, lab, hands):
    """Train until nothing is queued and nothing is to be decided."""
    while True:
        hands.train_all()
        if not lab.advance_all(database):
            return


def expected(seeds, width, start=0):
    """Return what the law says: a walk over the outcomes in the order of their seeds."""
    return allocation.walk(seeds, {number: succeeds(width, start + number) for number in range(seeds.max)})


def assert_as_the_law_has_it(database, experiment_id, seeds):
    done = look(database, experiment_id)
    assert done.status == "succeeded"
    rows = table(database, experiment_id)
    for row in rows:
        prefix = expected(seeds, row.width, seeds.start)
        assert (row.runs, row.runs_total, row.successes, row.decision) == (
            prefix.complete,
            prefix.complete,
            prefix.successes,
            prefix.decision,
        )
        assert row.interval.method == "confidence-sequence"
    assert done.progress.runs_done == done.progress.runs_total == sum(row.runs for row in rows)
    with database.read() as session:
        listed = answers.run_page(session, experiment_id, Slice(1000, None, {}))
        taken = times(session, experiment_id).cells
    assert len(listed) == done.progress.runs_done, "not one run more than was spent"
    for number, cell in enumerate(taken):
        own = [run.steps for run in listed if run.cell == number]
        assert cell.steps.mean == pytest.approx(sum(own) / len(own)), "whoever trained the runs"
    assert sum(run.outcome == "success" for run in listed) == done.progress.successes


def test_each_cell_takes_the_runs_that_it_needs(database, lab, adaptive, submit, hands):
    experiment_id = submit(adaptive)
    first = look(database, experiment_id)
    assert first.progress.runs_total == 5 * allocation.rounds(BOUNDARY)[0] == 35
    assert (first.adaptive.cells_open, first.adaptive.runs_most) == (5, 5 * BOUNDARY.max)
    assert first.adaptive.saving is None
    finish(database, lab, hands)
    assert_as_the_law_has_it(database, experiment_id, BOUNDARY)
    assert [row.decision for row in table(database, experiment_id)] == [
        "below",
        "below",
        "undecided",
        "above",
        "above",
    ]
    assert [row.runs for row in table(database, experiment_id)][::4] == [7, 7]
    done = look(database, experiment_id)
    assert (done.adaptive.cells_below, done.adaptive.cells_above, done.adaptive.cells_undecided) == (2, 2, 1)
    assert done.adaptive.runs_spent == run_count(database) == done.actual.runs_trained
    assert done.adaptive.runs_fixed == 5 * 40
    assert done.adaptive.saving == 200 / done.adaptive.runs_spent
    assert 0 < done.adaptive.runs_one_look < done.adaptive.runs_fixed
    assert done.progress.fraction == 1


@on_sqlite
def test_narrow_intervals_are_a_goal_as_well(database, lab, adaptive, submit, hands):
    seeds = HalfWidthSeeds(half_width=0.2, max=100)
    experiment_id = submit(adaptive.model_copy(update={"seeds": seeds}))
    finish(database, lab, hands)
    assert_as_the_law_has_it(database, experiment_id, seeds)
    rows = table(database, experiment_id)
    assert {row.decision for row in rows} == {"narrow"}
    assert all((row.interval.high - row.interval.low) / 2 <= 0.2 for row in rows)
    assert rows[0].runs < rows[2].runs


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_outcome_does_not_depend_on_the_order_of_arrival(data, database, lab, adaptive, hands):
    """Whatever shards are claimed, in part, by whom, with what in the store before: the same table."""
    with database.write() as session:
        for name in reversed(Base.metadata.sorted_tables):
            session.execute(delete(name))
    seeds = BOUNDARY.model_copy(update={"start": data.draw(st.integers(0, 5)), "max": 24})
    mine = adaptive.model_copy(update={"seeds": seeds})
    others = [
        adaptive.model_copy(
            update={
                "name": f"other {number}",
                "seeds": data.draw(
                    st.one_of(
                        st.builds(type(adaptive.seeds), max=st.integers(8, 30), start=st.integers(0, 9)),
                        st.builds(Seeds, count=st.integers(1, 12), start=st.integers(0, 20)),
                    )
                ),
            }
        )
        for number in range(data.draw(st.integers(0, 2)))
    ]
    with database.write() as session:
        ids = [lab.submit(session, other)[0].id for other in others]
    for _ in range(data.draw(st.integers(0, 4))):
        _some_work(data, database, lab, hands)
    with database.write() as session:
        experiment_id = lab.submit(session, mine)[0].id
    for _ in range(data.draw(st.integers(0, 8))):
        _some_work(data, database, lab, hands)
    for other in ids:
        if data.draw(st.booleans()) and look(database, other).status in ("queued", "running"):
            change(database, lab, data.draw(st.sampled_from(["cancel", "pause"])), other)
    finish(database, lab, hands)
    assert_as_the_law_has_it(database, experiment_id, seeds)


def _some_work(data, database, lab, hands):
    """Train a part of some shard, or take a decision at some moment."""
    queued = hands.queued()
    if not queued or data.draw(st.integers(0, 3)) == 0:
        lab.advance_all(database)
        return
    claim = hands.claim(data.draw(st.sampled_from(queued)))
    some = data.draw(st.lists(st.sampled_from(list(claim.runs)), unique=True)) if claim.runs else []
    hands.record(claim, some)
    if data.draw(st.booleans()):
        hands.record(claim, list(claim.runs), complete=True)
    else:
        with database.write() as session:
            shards.give_back(session, claim)


def test_rounds_of_cells_go_on_while_others_are_in_training(database, lab, adaptive, submit, hands):
    experiment_id = submit(adaptive)
    *ids, last = hands.queued()
    assert ids, "several shards, or this test shows nothing"
    slow = hands.claim(last)
    for shard_id in ids:
        hands.train(shard_id)
    assert lab.advance_all(database)
    assert hands.queued(), "look-ahead: the other cells' rounds are planned already"
    hands.train_all()
    hands.record(slow, list(slow.runs), complete=True)
    finish(database, lab, hands)
    assert_as_the_law_has_it(database, experiment_id, BOUNDARY)


@on_sqlite
def test_while_shards_are_queued_decisions_wait_so_that_rounds_go_together(
    database, lab, adaptive, submit, hands
):
    submit(adaptive)
    hands.train(hands.queued()[0])
    assert hands.queued()
    assert not lab.advance_all(database)


def test_it_waits_for_runs_that_another_trains_and_asks_for_those_that_nobody_wants(
    database, lab, adaptive, submit, hands
):
    fixed = adaptive.model_copy(update={"seeds": Seeds(count=10)})
    first, second = submit(fixed), submit(adaptive)
    assert look(database, second).quote.runs_pending == 50
    with database.read() as session:
        assert lab.is_waiting(session, second)
    finish(database, lab, hands)
    assert look(database, first).progress.runs_done == 50
    assert_as_the_law_has_it(database, second, BOUNDARY)
    assert sum(look(database, item).actual.runs_trained for item in (first, second)) == run_count(database)


def test_runs_in_the_store_are_decided_on_at_once_and_no_more_of_them_than_the_rule_spends(
    database, lab, adaptive, submit, hands
):
    submit(adaptive.model_copy(update={"seeds": Seeds(count=BOUNDARY.max)}))
    hands.train_all()
    experiment_id = submit(adaptive)
    assert hands.queued() == []
    assert_as_the_law_has_it(database, experiment_id, BOUNDARY)
    done = look(database, experiment_id)
    assert done.actual is None
    assert done.progress.runs_reused == done.progress.runs_done < run_count(database)
    assert done.quote.runs == done.quote.runs_existing == done.progress.runs_done


@pytest.mark.parametrize(("leave", "come_back"), [("pause", "resume"), ("cancel", "retry")])
def test_it_can_be_left_and_taken_up_again_at_any_round(
    database, lab, adaptive, submit, hands, leave, come_back
):
    experiment_id = submit(adaptive)
    hands.train_all()
    change(database, lab, leave, experiment_id)
    assert not lab.advance_all(database)
    assert hands.queued() == []
    with database.write() as session:
        lab.settle(session, experiment_id)
    assert hands.queued() == []
    # Meanwhile another one trains some of what it will want.
    submit(adaptive.model_copy(update={"seeds": Seeds(count=12)}))
    hands.train_all()
    change(database, lab, come_back, experiment_id)
    finish(database, lab, hands)
    assert_as_the_law_has_it(database, experiment_id, BOUNDARY)


def test_a_cancelled_one_is_taken_over_and_can_be_deleted(database, lab, adaptive, submit, hands):
    first, second = submit(adaptive), submit(adaptive)
    hands.train_all()
    lab.advance_all(database)
    claim = hands.claim(hands.queued()[0])
    change(database, lab, "cancel", first)
    with database.write() as session:
        lab.delete(session, first)
    hands.record(claim, list(claim.runs), complete=True)
    finish(database, lab, hands)
    assert_as_the_law_has_it(database, second, BOUNDARY)


def test_a_shard_that_fails_for_good_fails_it_after_all_that_could_go_on(
    database, lab, adaptive, submit, hands
):
    experiment_id = submit(adaptive)
    bad = hands.queued()[0]
    for _ in range(shards.MAX_ATTEMPTS):
        claim = hands.claim(bad)
        with database.write() as session:
            shards.fail(session, claim, "the engine said no")
    finish(database, lab, hands)
    failed = look(database, experiment_id)
    assert failed.status == "failed"
    assert "the engine said no" in failed.reason
    assert failed.adaptive.cells_open > 0
    assert failed.adaptive.cells_open + failed.adaptive.cells_above + failed.adaptive.cells_below >= 4
    change(database, lab, "retry", experiment_id)
    finish(database, lab, hands)
    assert_as_the_law_has_it(database, experiment_id, BOUNDARY)


@on_sqlite
def test_an_idempotency_key_finds_it_again(database, lab, adaptive):
    with database.write() as session:
        first, _ = lab.submit(session, adaptive, idempotency_key="k")
    with database.write() as session:
        again, new = lab.submit(session, adaptive, idempotency_key="k")
    assert (again.id, new) == (first.id, False)


@on_sqlite
def test_its_events_tell_of_rounds_and_decisions_and_end_with_the_status(
    database, lab, adaptive, submit, hands
):
    experiment_id = submit(adaptive)
    finish(database, lab, hands)
    with database.read() as session:
        found = events.after(session, experiment_id, 0)
    assert [event.number for event in found] == list(range(1, len(found) + 1))
    decided = [event.data["cells"] for event in found if event.type == "decided"]
    assert sum(sum(cells.values()) for cells in decided) == 5
    totals = [event.data["runs_total"] for event in found if event.type == "progress"]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]
    assert (found[-1].type, found[-1].data["status"]) == ("status", "succeeded")


@on_sqlite
def test_its_progress_counts_what_is_forecast_and_ends_at_one(database, lab, adaptive, submit, hands):
    experiment_id = submit(adaptive)
    seen = [look(database, experiment_id)]
    while look(database, experiment_id).status != "succeeded":
        hands.train_all()
        seen.append(look(database, experiment_id))
        lab.advance_all(database)
    assert seen[0].progress.fraction == 0
    assert all(0 < item.progress.fraction < 1 for item in seen[1:])
    assert all(
        item.progress.runs_done <= item.progress.runs_total <= item.adaptive.runs_most for item in seen
    )
    assert look(database, experiment_id).progress.fraction == 1


def test_workers_that_train_and_decide_at_once_end_with_the_same_table(
    database, lab, adaptive, submit, hands
):
    """Recording takes the shared lock and deciding the exclusive one: no deadlock, no run counted twice."""
    ids = [submit(adaptive)]

    def work():
        idle = 0
        while idle < 20:
            queued = hands.queued()
            claim = hands.claim(random.choice(queued)) if queued else None  # noqa: S311  # any
            if claim is None:
                idle += 1
            else:
                runs = list(claim.runs)
                hands.record(claim, runs[: len(runs) // 2])
                hands.record(claim, runs, complete=True)
            idle = 0 if lab.advance_all(database) else idle

    def use():
        ids.append(submit(adaptive))
        submit(adaptive.model_copy(update={"seeds": Seeds(count=9, start=4)}))
        with suppress(IllegalTransition):  # it may have succeeded
            change(database, lab, "cancel", ids[0])

    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(work) for _ in range(3)] + [pool.submit(use)]
    for job in jobs:
        job.result()
    finish(database, lab, hands)
    assert_as_the_law_has_it(database, ids[1], BOUNDARY)
