"""Quotes: what is there, what is not, and the range of what that takes."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from service.lab import answers, cost
from service.store.models import Run
from tombola.spec import BoundarySeeds, HalfWidthSeeds


def quote(database, lab, spec):
    with database.read() as session:
        return lab.quote(session, spec)


def grown(spec, count):
    return spec.model_copy(update={"seeds": spec.seeds.model_copy(update={"count": count})})


def ordered(estimate):
    return 0 < estimate.low < estimate.expected < estimate.high


def test_a_quote_of_unknown_runs_reaches_from_their_first_evaluation_to_their_budget(database, lab, spec):
    found = quote(database, lab, spec)
    budget = spec.training.max_steps
    assert (found.runs, found.runs_existing, found.runs_pending) == (40, 0, 0)
    assert found.run_steps == found.expected_run_steps == 40 * budget
    assert found.flops == found.expected_flops
    seconds = sum(
        5 * cost.run_seconds(item, budget, cost.SPEEDS["native", "cpu"]) for item in spec.configurations()
    )
    assert found.core_seconds.expected == pytest.approx(seconds)
    assert found.core_seconds.high == pytest.approx(2 * seconds), "an assumed speed may be half of that"
    assert found.core_seconds.low < seconds * 500 / budget
    assert found.gpu_seconds is None
    assert found.wall_seconds.expected == pytest.approx(seconds / 2)
    assert found.seconds == pytest.approx(seconds / 2)
    assert found.memory_bytes == max(cost.run_bytes(item) for item in spec.configurations())
    assert found.workers == 0
    (machines,) = found.machines
    assert (machines.engine, machines.device, machines.lanes, machines.workers) == ("native", "cpu", 2, 0)
    assert not machines.measured
    assert found.basis.startswith(
        "no worker is alive, so one is assumed: 1 x native on unknown (cpu, 2 lanes)"
    )


def test_finished_runs_of_a_configuration_tell_how_many_steps_its_others_take(
    database, lab, spec, submit, hands
):
    submit(spec)
    hands.train_all()
    with database.write() as session:
        session.execute(update(Run).values(steps=1000))
    found = quote(database, lab, grown(spec, 15))
    budget, cells = spec.training.max_steps, spec.cell_count
    assert (found.runs_existing, found.runs_with_history) == (40, 80)
    assert found.run_steps == 80 * budget
    # Five took a thousand steps; a sixth is counted at the budget.
    assert found.expected_run_steps == pytest.approx(cells * 10 * (5 * 1000 + budget) / 6, abs=1)
    assert found.expected_flops < found.flops / 4
    assert ordered(found.core_seconds)
    assert ordered(found.wall_seconds)
    assert "for 80 of 80 runs" in found.basis


def test_a_quote_of_what_is_there_or_in_training_costs_nothing(database, lab, spec, submit, hands):
    submit(spec)
    pending = quote(database, lab, spec)
    assert (pending.runs_pending, pending.run_steps, pending.core_seconds.high) == (40, 0, 0)
    hands.train_all()
    there = quote(database, lab, spec)
    assert (there.runs_existing, there.flops, there.wall_seconds.high, there.memory_bytes) == (40, 0, 0, 0)


def test_a_fleet_of_cores_and_gpus_shares_the_work_and_is_quoted_apart(database, lab, spec, hire):
    hire()
    alone = quote(database, lab, spec)
    hire(engine="torch", device="cuda:0", device_name="a GPU", lanes=1)
    both = quote(database, lab, spec)
    assert (alone.workers, both.workers) == (1, 2)
    assert both.core_seconds.expected < alone.core_seconds.expected
    assert ordered(both.gpu_seconds)
    # All are busy to the end: two cores and one GPU.
    assert both.core_seconds.expected == pytest.approx(2 * both.gpu_seconds.expected)
    assert both.wall_seconds.expected < alone.wall_seconds.expected
    assert [item.device for item in both.machines] == ["cpu", "cuda"]


def test_no_experiment_is_quoted_shorter_than_its_longest_run(database, lab, spec, hire):
    for _ in range(10):
        hire(lanes=64)
    few = grown(spec, 1)
    longest = max(
        cost.run_seconds(item, item.training.max_steps, cost.SPEEDS["native", "cpu"])
        for item in few.configurations()
    )
    found = quote(database, lab, few)
    assert found.wall_seconds.expected == pytest.approx(longest)


def test_the_high_end_covers_a_last_run_that_trains_while_other_lanes_are_idle(database, lab, spec, hire):
    hire(lanes=2)
    one_cell = spec.grid.model_copy(update={"width": [8], "samples": [50], "sparsity": [2]})
    (item,) = (three := grown(spec, 3).model_copy(update={"grid": one_cell})).configurations()
    run = cost.run_seconds(item, item.training.max_steps, cost.SPEEDS["native", "cpu"])
    # Two rounds, the second with one run; and each may take twice as long as was assumed.
    assert quote(database, lab, three).wall_seconds.high == pytest.approx(2 * 2 * run)


def test_nothing_to_train_is_said(database, lab, spec, submit, hands):
    submit(spec)
    hands.train_all()
    found = quote(database, lab, spec)
    assert found.basis == "nothing to train"
    assert found.wall_seconds.high == found.core_seconds.high == 0


def test_quoted_and_actual_stand_side_by_side(database, lab, spec, submit, hands):
    experiment_id = submit(spec)

    def look():
        with database.read() as session:
            return answers.experiment(session, answers.known(session, experiment_id))

    assert look().actual is None
    hands.train(hands.queued()[0])
    under_way = look().actual
    assert 0 < under_way.runs_trained < 40
    assert under_way.wall_seconds is None
    hands.train_all()
    done = look()
    assert done.actual.runs_trained == 40
    assert 0 < done.actual.run_steps <= done.quote.run_steps
    assert done.actual.flops == 40 * 1e9
    assert done.actual.core_seconds == 40
    assert done.actual.wall_seconds >= 0
    again = submit(spec)
    with database.read() as session:
        assert answers.experiment(session, answers.known(session, again)).actual is None


def test_a_quote_of_adaptive_seeds_reaches_from_the_first_round_to_the_most(database, lab, spec):
    found = quote(database, lab, spec.model_copy(update={"seeds": BoundarySeeds(max=100)}))
    cells, budget = spec.cell_count, spec.training.max_steps
    assert found.runs == found.adaptive_runs.high == cells * 100
    assert found.adaptive_runs.low == cells * 7
    assert found.adaptive_runs.low < found.adaptive_runs.expected < found.adaptive_runs.high
    assert found.run_steps == cells * 100 * budget
    # Nobody knows how many steps a run takes, but how many runs a cell takes on average.
    assert found.expected_run_steps == pytest.approx(found.adaptive_runs.expected * budget, rel=0.01)
    assert ordered(found.core_seconds)
    first_round = quote(database, lab, grown(spec, 7))
    assert found.core_seconds.low == pytest.approx(first_round.core_seconds.low)
    most = quote(database, lab, grown(spec, 100))
    assert found.core_seconds.high == pytest.approx(most.core_seconds.high)
    assert most.adaptive_runs is None


def test_a_quote_of_adaptive_seeds_decides_on_what_is_there(database, lab, spec, submit, hands):
    hands.outcome_of = lambda key, _: ("success", 500) if key % 2 else ("censored", 40_000)
    submit(grown(spec, 9))
    hands.train_all()
    found = quote(database, lab, spec.model_copy(update={"seeds": BoundarySeeds(max=100)}))
    cells = spec.cell_count
    assert found.runs == found.runs_existing == found.adaptive_runs.low == cells * 7
    assert (found.run_steps, found.wall_seconds.high) == (0, 0)
    harder = quote(database, lab, spec.model_copy(update={"seeds": BoundarySeeds(probability=0.9, max=100)}))
    # Those that always fail are below 0.9 with the first four; the others are not above it after all nine.
    assert harder.adaptive_runs.low == cells / 2 * 4 + cells / 2 * 12
    assert harder.runs == cells / 2 * 4 + cells / 2 * 100
    assert harder.runs_existing == cells / 2 * 4 + cells / 2 * 9


def test_a_goal_that_no_cell_can_reach_is_said(database, lab, spec):
    hopeless = quote(
        database, lab, spec.model_copy(update={"seeds": HalfWidthSeeds(half_width=0.05, max=20)})
    )
    assert hopeless.basis.endswith(
        "no cell can be decided within 20 runs: all will take so many and stay undecided"
    )
    assert hopeless.adaptive_runs.low == hopeless.adaptive_runs.high == 20 * spec.cell_count
