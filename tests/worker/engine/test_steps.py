"""The engine against the learner written plainly: modules, autograd, torch.optim.SGD."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

STEPS = 12


@st.composite
def shapes(draw):
    n = draw(st.integers(1, 40))
    samples = draw(st.none() | st.integers(1, 60))
    batch_sizes = st.integers(1, 20) if samples is None else st.integers(1, 20) | st.just("full")
    return {
        "n": n,
        "k": draw(st.integers(1, n)),
        "width": draw(st.integers(1, 24)),
        "samples": samples,
        "sparsity": draw(st.none() | st.integers(1, n)),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "batch_size": draw(batch_sizes),
        "loss": draw(st.sampled_from(["hinge", "logistic", "squared"])),
        "learning_rate": draw(st.sampled_from([0.002, 0.02])),
        "weight_decay": draw(st.sampled_from([0.0, 0.01, 1.0])),
    }


def assert_agrees(parameters, model):
    first, _, second = model
    hidden = torch.cat((first.weight.T, first.bias[None])).detach().float()
    torch.testing.assert_close(parameters.hidden[0], hidden, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        parameters.output[0, :, 0], second.weight[0].detach().float(), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(parameters.offset[0, 0], second.bias.detach().float(), rtol=1e-4, atol=1e-5)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(shape=shapes())
def test_parameters_agree_with_autograd_step_for_step(engine, make_run, reference, shape):
    run = make_run(**shape)
    assert_agrees(engine.parameters_after(run, 0), reference(run).model)
    assert_agrees(engine.parameters_after(run, STEPS), reference(run).train(STEPS))


@pytest.mark.parametrize("loss", ["hinge", "logistic", "squared"])
@pytest.mark.parametrize("sparsity", [2, None])
def test_parameters_agree_with_autograd_at_the_papers_shape(engine, make_run, reference, loss, sparsity):
    rate = 0.01 if loss == "squared" else 0.1
    run = make_run(n=50, k=3, width=112, samples=1000, sparsity=sparsity, loss=loss, learning_rate=rate)
    assert_agrees(engine.parameters_after(run, 30), reference(run).train(30))


@pytest.mark.parametrize("samples", [700, None], ids=["offline", "online"])
def test_batches_that_go_through_the_network_in_parts_agree_with_autograd(
    engine, make_run, reference, samples
):
    # At width 2100 a part holds 256 samples.
    run = make_run(n=5, width=2100, samples=samples, batch_size=600)
    assert_agrees(engine.parameters_after(run, 2), reference(run).train(2))


def test_a_full_batch_in_parts_agrees_with_autograd(engine, make_run, reference):
    run = make_run(n=5, width=2100, samples=700, batch_size="full")
    assert_agrees(engine.parameters_after(run, 2), reference(run).train(2))


def test_first_step_of_the_smallest_network_by_hand(engine, make_run, reference):
    run = make_run(
        n=1, k=1, width=1, sparsity=1, batch_size=1, loss="squared", learning_rate=0.1, weight_decay=0.5
    )
    before, after = engine.parameters_after(run, 0), engine.parameters_after(run, 1)
    (inputs, labels) = reference(run).minibatch(0)
    x, y = inputs.item(), labels.item()
    w, b, u, c = (
        before.hidden[0, 0].item(),
        before.hidden[0, 1].item(),
        before.output.item(),
        before.offset.item(),
    )
    activation = max(0.0, w * x + b)
    slope = 2 * (u * activation + c - y)
    active = 1.0 if activation > 0 else 0.0
    expected = [
        w - 0.1 * (slope * u * active * x + 0.5 * w),
        b - 0.1 * (slope * u * active + 0.5 * b),
        u - 0.1 * (slope * activation + 0.5 * u),
        c - 0.1 * (slope + 0.5 * c),
    ]
    seen = [after.hidden[0, 0].item(), after.hidden[0, 1].item(), after.output.item(), after.offset.item()]
    assert all(math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-6) for a, b in zip(seen, expected, strict=True))


def test_samples_beyond_the_margin_leave_only_weight_decay(engine, make_run):
    # One input is its own label; once it is learnt, the hinge is flat and all parameters shrink alike.
    run = make_run(n=1, k=1, width=4, sparsity=1, samples=None, batch_size=8, learning_rate=0.5)

    def only_shrinks(step: int) -> bool:
        before, after = engine.parameters_after(run, step), engine.parameters_after(run, step + 1)
        pairs = zip(vars(before).values(), vars(after).values(), strict=True)
        return all(torch.allclose(a * (1 - 0.5 * 0.01), b, rtol=1e-6, atol=0) for a, b in pairs)

    assert not only_shrinks(0)
    assert any(only_shrinks(step) for step in range(10, 40))
