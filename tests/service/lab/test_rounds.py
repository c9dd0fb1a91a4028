"""Adaptive experiments, on SQLite and on PostgreSQL: who trains what and when changes nothing."""

from __future__ import annotations

import functools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from service.lab import allocation, answers, shards
from service.store import configurations
from service.store.models import Base, Run
from tombola.spec import BoundarySeeds, HalfWidthSeeds, Seeds

RATES = {1: 0.0, 2: 0.15, 4: 0.5, 8: 0.85, 16: 1.0}
BOUNDARY = BoundarySeeds(max=40)


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
        assert row.interval.method == "confidence_sequence"
    assert done.progress.runs_done == done.progress.runs_total == sum(row.runs for row in rows)
    with database.read() as session:
        listed = answers.run_page(session, experiment_id, limit=1000, after=None, where={})
    assert len(listed) == done.progress.runs_done, "not one run more than was spent"
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


def test_narrow_intervals_are_a_goal_as_well(database, lab, adaptive, submit, hands):
    seeds = HalfWidthSeeds(half_width=0.2, max=100)
    experiment_id = submit(adaptive.model_copy(update={"seeds": seeds}))
    finish(database, lab, hands)
    assert_as_the_law_has_it(database, experiment_id, seeds)
    rows = table(database, experiment_id)
    assert {row.decision for row in rows} == {"narrow"}
    assert all((row.interval.high - row.interval.low) / 2 <= 0.2 for row in rows)
    assert rows[0].runs < rows[2].runs


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
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
