"""Networks of near widths in one batch, the narrower ones with neurons added that are zero."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.engine import TorchEngine
from worker.engine._batch import Batch
from worker.engine._group import Group
from worker.engine._packing import CUDA_SLACK, pack
from worker.engine._sgd import Parameters


def group(make_run, width, **shape):
    return Group.of(make_run(width=width, **shape).configuration)


def widths_packed(make_run, counts, slack=CUDA_SLACK, **shape):
    groups = {group(make_run, width, **shape): count for width, count in counts.items()}
    packed = pack(groups, slack)
    assert set(packed) == set(groups)
    return {own.width: host.width for own, host in packed.items()}


def test_near_widths_share_a_batch(make_run):
    packed = widths_packed(make_run, {100: 5, 112: 5, 80: 5, 160: 5, 130: 5})
    assert packed == {160: 160, 130: 160, 112: 112, 100: 112, 80: 80}


def test_where_the_device_has_enough_to_do_padding_would_only_cost(make_run):
    assert widths_packed(make_run, {100: 3000, 112: 3000}) == {100: 100, 112: 112}


def test_a_slack_of_one_packs_nothing(make_run):
    assert widths_packed(make_run, {100: 5, 101: 5}, slack=1.0) == {100: 100, 101: 101}
    assert TorchEngine("cpu")._slack == 1.0


def test_only_the_width_may_differ(make_run):
    one, other = group(make_run, 100), group(make_run, 112, loss="logistic")
    assert pack({one: 1, other: 1}, CUDA_SLACK) == {one: one, other: other}


@given(st.dictionaries(st.integers(1, 4000), st.integers(1, 2000), max_size=12))
def test_nobody_is_made_narrower_or_much_wider(make_run, counts):
    for width, host in widths_packed(make_run, counts).items():
        assert width <= host <= CUDA_SLACK * width


@settings(max_examples=25, deadline=None)
@given(
    width=st.integers(1, 40),
    added=st.integers(1, 10),
    loss=st.sampled_from(["hinge", "logistic", "squared"]),
    samples=st.none() | st.integers(1, 50),
    sparsity=st.none() | st.just(2),
)
@torch.inference_mode()
def test_added_neurons_stay_exactly_zero_and_change_nothing(make_run, width, added, loss, samples, sparsity):
    run = make_run(width=width, samples=samples, sparsity=sparsity, loss=loss, learning_rate=0.02)
    wide = Batch.start(
        group(make_run, width + added, samples=samples, loss=loss, learning_rate=0.02),
        [run],
        torch.device("cpu"),
    )
    own = Batch.start(Group.of(run.configuration), [run], torch.device("cpu"))
    for batch in (wide, own):
        batch.advance(30, lambda: None)
    assert not wide.parameters.hidden[..., width:].any()
    assert not wide.parameters.output[:, width:].any()
    content = wide.parameters.packed(0, width)
    assert len(content) == len(own.parameters.packed(0, width))
    kept = Parameters.unpacked(content, 10, width, torch.device("cpu"))
    for name, tensor in vars(own.parameters).items():
        torch.testing.assert_close(getattr(kept, name), tensor, rtol=1e-4, atol=1e-5)


@pytest.fixture
def packing_engine():
    """Return an engine that packs as on CUDA, with one lane, as there."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    engine = TorchEngine("cpu")
    torch.set_num_threads(before)
    engine._slack = CUDA_SLACK
    return engine


def test_a_packed_training_gives_each_run_its_own_width(packing_engine, make_run, train, monkeypatch):
    batches = []
    start = Batch.start

    def watched(group, runs, *rest):
        batches.append((group.width, len(runs)))
        return start(group, runs, *rest)

    monkeypatch.setattr(Batch, "start", watched)
    # One input decides: every run succeeds, at about the same step in any arithmetic.
    runs = [
        make_run(n=8, k=1, width=width, samples=None, max_steps=2000, eval_every=500, seed=seed)
        for width in (13, 16, 40)
        for seed in range(3)
    ]
    packed = train(*runs, engine=packing_engine)
    assert sorted(batches) == [(16, 6), (40, 3)]
    assert [one.run for one in packed] == runs
    assert {one.outcome for one in packed} == {"success"}


def test_a_packed_run_that_is_cut_goes_on_in_any_company(packing_engine, engine, make_run):
    runs = [
        make_run(n=40, k=10, width=width, max_steps=1_000_000, eval_every=500, seed=1) for width in (13, 16)
    ]
    checkpoints, asked = [], []
    packing_engine.train(runs, pytest.fail, lambda _: asked.append(1) or len(asked) == 2, checkpoints.append)
    assert {len(one.parameters) for one in checkpoints} == {4 * (13 * 42 + 1), 4 * (16 * 42 + 1)}
    asked.clear()
    later = []
    assert not engine.train(
        checkpoints, pytest.fail, lambda _: asked.append(1) or len(asked) == 2, later.append
    )
    assert {one.run for one in later} == set(runs)
    assert sum(one.steps for one in later) > sum(one.steps for one in checkpoints)
