from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab.cost import evaluations_within, run_flops, run_seconds, step_flops
from service.lab.planning import Missing, cut, shard_length
from service.store.shards import SeedRange
from tombola.spec import Configuration, ParityTarget, TrainingSettings

ranges = st.lists(
    st.builds(
        Missing,
        st.builds(
            SeedRange,
            st.integers(1, 5),
            st.integers(0, 1_000).map(lambda start: start * 1_000),
            st.integers(1, 200),
        ),
        st.floats(0.01, 30),
    ),
    max_size=12,
    unique_by=lambda part: (part.seeds.configuration_id, part.seeds.seed_start),
)


def runs_in(items):
    return Counter(
        (item.configuration_id, seed)
        for item in items
        for seed in range(item.seed_start, item.seed_start + item.seed_count)
    )


@given(ranges, st.floats(0.5, 120))
def test_cutting_puts_every_run_into_exactly_one_shard(missing, seconds):
    shards = cut(missing, seconds)
    assert runs_in(item for _, items in shards for item in items) == runs_in(part.seeds for part in missing)
    assert all(items for _, items in shards)


@given(ranges, st.floats(0.5, 120))
def test_a_shard_is_longer_than_asked_only_by_the_rounding_of_a_run(missing, seconds):
    dearest = max((part.run_cost for part in missing), default=0)
    for cost, _ in cut(missing, seconds):
        assert cost <= seconds + dearest


@given(ranges, st.floats(0.5, 120))
def test_costs_of_shards_add_up_to_the_cost_of_their_runs(missing, seconds):
    total = sum(part.run_cost * part.seeds.seed_count for part in missing)
    assert math.isclose(sum(cost for cost, _ in cut(missing, seconds)), total, rel_tol=1e-9, abs_tol=1e-9)


def test_shards_are_about_equal():
    missing = [Missing(SeedRange(1, 0, 100), 1.0)]
    assert [cost for cost, _ in cut(missing, 30)] == pytest.approx([25, 25, 25, 25])


def test_little_work_is_cut_finer_for_many_workers_but_not_to_dust():
    missing = [Missing(SeedRange(1, 0, 60), 1.0)]
    assert shard_length(missing, shard_seconds=60, workers=1) == 20
    assert shard_length(missing, shard_seconds=60, workers=2) == 10
    assert shard_length(missing, shard_seconds=60, workers=1000) == 5
    assert shard_length(missing * 1000, shard_seconds=60, workers=2) == 60


def configuration(**changes):
    training = changes.pop("training", {})
    values = {"target": ParityTarget(n=50, k=3), "width": 100, "samples": 1000, "sparsity": 2, **changes}
    return Configuration(training=TrainingSettings(**training), **values)


def test_flops_of_a_step_are_those_of_its_matrix_products():
    # Forward and weight gradient of the hidden layer: 2 x 2 B (n+1) r, and lower-order terms.
    products = 4 * 32 * 51 * 100
    assert products < step_flops(configuration()) < 1.1 * products


def test_a_full_batch_costs_as_its_training_set():
    full = configuration(training={"batch_size": "full"}, samples=3200)
    assert step_flops(full) == pytest.approx(100 * step_flops(configuration()), rel=0.05)


@pytest.mark.parametrize(
    ("max_steps", "steps", "expected"), [(1000, 1000, 2), (1200, 1200, 3), (1200, 1000, 2), (100, 100, 1)]
)
def test_evaluations_fall_on_multiples_and_on_the_last_step(max_steps, steps, expected):
    assert evaluations_within(TrainingSettings(max_steps=max_steps, eval_every=500), steps) == expected


def test_cost_is_linear_in_steps_and_flops_include_evaluations():
    short, long = (configuration(training={"max_steps": steps}) for steps in (10_000, 20_000))
    assert run_seconds(long) == pytest.approx(2 * run_seconds(short))
    assert run_flops(short, 10_000) > 10_000 * step_flops(short)
