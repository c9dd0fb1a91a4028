"""Laws of the cost model."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.lab import cost
from service.lab.cost import REFERENCE, SPEEDS, evaluations_within, run_bytes, run_flops, run_seconds
from tombola.spec import Configuration, ParityTarget, TrainingSettings


def configuration(**changes):
    training = changes.pop("training", {})
    values = {"target": ParityTarget(n=50, k=3), "width": 100, "samples": 1000, "sparsity": 2, **changes}
    return Configuration(training=TrainingSettings(**training), **values)


@st.composite
def configurations(draw):
    samples = draw(st.none() | st.integers(1, 100_000))
    batch = st.integers(1, 1000) if samples is None else st.integers(1, 1000) | st.just("full")
    training = {
        "batch_size": draw(batch),
        "max_steps": draw(st.integers(1, 100_000)),
        "eval_every": draw(st.integers(1, 5_000)),
        "test_samples": draw(st.integers(1, 10_000)),
    }
    target = ParityTarget(n=draw(st.integers(1, 500)), k=1)
    return configuration(
        target=target, width=draw(st.integers(1, 50_000)), samples=samples, sparsity=None, training=training
    )


speeds = st.sampled_from(list(SPEEDS.values()))


@given(configurations(), speeds, st.integers(1, 1000))
def test_a_wider_run_costs_more(item, speed, more):
    wider = item.model_copy(update={"width": item.width + more})
    steps = item.training.max_steps
    assert run_seconds(wider, steps, speed) >= run_seconds(item, steps, speed)
    assert run_flops(wider, steps) > run_flops(item, steps)
    assert run_bytes(wider) > run_bytes(item)


@given(configurations(), speeds, st.integers(1, 500))
def test_more_inputs_cost_more(item, speed, more):
    deeper = item.model_copy(update={"target": ParityTarget(n=item.target.n + more, k=1)})
    steps = item.training.max_steps
    assert run_seconds(deeper, steps, speed) >= run_seconds(item, steps, speed)
    assert cost.step_bytes(deeper) > cost.step_bytes(item)


@given(configurations(), speeds, st.data())
def test_seconds_and_operations_of_the_parts_of_a_run_add_up(item, speed, data):
    every, budget = item.training.eval_every, item.training.max_steps
    assume(budget > 2 * every)
    # Parts that end at evaluations, before the one at the end of the budget.
    first = every * data.draw(st.integers(1, (budget - 1) // every - 1))
    second = every * data.draw(st.integers(1, (budget - 1 - first) // every))
    for measure in (run_flops, lambda *run: run_seconds(*run, speed)):
        assert measure(item, first) + measure(item, second) == pytest.approx(measure(item, first + second))


@given(configurations(), speeds, st.integers(0, 1000))
def test_more_steps_cost_more(item, speed, fewer):
    steps = item.training.max_steps
    assert run_seconds(item, max(0, steps - fewer), speed) <= run_seconds(item, steps, speed)


def test_flops_of_a_step_are_those_of_its_matrix_products():
    # Forward and weight gradient of the hidden layer: 2 x 2 B (n+1) r, and lower-order terms.
    products = 4 * 32 * 51 * 100
    assert products < cost.step_flops(configuration()) < 1.1 * products


def test_a_full_batch_costs_as_its_training_set():
    full = configuration(training={"batch_size": "full"}, samples=3200)
    assert cost.step_flops(full) == pytest.approx(100 * cost.step_flops(configuration()), rel=0.05)


def test_small_batches_are_bound_by_the_traffic_of_the_weights_and_large_ones_by_arithmetic():
    speed = cost.Speed(0.0, 100e9, 40e9)

    def step(batch):
        item = configuration(training={"batch_size": batch, "eval_every": 1_000_000}, samples=None)
        return run_seconds(item, 1, speed), item

    seconds, item = step(1)
    assert seconds == pytest.approx(cost.step_bytes(item) / 40e9)
    seconds, item = step(256)
    assert seconds == pytest.approx(cost.step_flops(item) / 100e9)


@pytest.mark.parametrize(
    ("max_steps", "steps", "expected"), [(1000, 1000, 2), (1200, 1200, 3), (1200, 1000, 2), (100, 100, 1)]
)
def test_evaluations_fall_on_multiples_and_on_the_last_step(max_steps, steps, expected):
    assert evaluations_within(TrainingSettings(max_steps=max_steps, eval_every=500), steps) == expected


def test_memory_holds_parameters_and_kept_samples_but_not_sets_too_large_to_keep():
    small, large = configuration(), configuration(samples=10_000_000)
    parameters = 52 * 100 + 1
    kept = (1000 + 2048) * 52
    assert 8 * parameters + 4 * kept < run_bytes(small) < 2 * (8 * parameters + 4 * kept)
    assert run_bytes(large) < run_bytes(small)


def test_an_unknown_engine_is_taken_for_a_known_one_of_its_kind_of_device():
    assert cost.assumed_speed("steam", "cpu") == REFERENCE
    assert cost.assumed_speed("steam", "cuda") == SPEEDS["torch", "cuda"]
    assert cost.assumed_speed("torch", "cpu") == SPEEDS["torch", "cpu"]
