from __future__ import annotations

import hashlib
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tombola.spec import ParityTarget
from worker.engine import draws
from worker.engine._initial import initial_parameters
from worker.engine._samples import StreamedSamples, row_width
from worker.engine._sgd import Parameters
from worker.engine.draws import Stream

KEY = (123, 456)
#: Tests of randomness look at one fixed sample each; this bounds how unlucky it may be.
SIGNIFICANCE = 1e-3


def seeds_of(count: int) -> torch.Tensor:
    return torch.arange(count)


def samples_of(n: int, k: int, seeds: torch.Tensor, stream: Stream = Stream.TRAINING) -> StreamedSamples:
    return StreamedSamples(n, KEY, stream, seeds, draws.supports(KEY, seeds, n, k))


def test_key_is_the_start_of_the_digest_of_the_targets_canonical_json():
    digest = hashlib.sha256(b'{"k":3,"kind":"parity","n":50}').hexdigest()
    k0, k1 = draws.target_key(ParityTarget(n=50, k=3))
    assert f"{k0:08x}{k1:08x}" == digest[:16]


def test_streams_keep_their_numbers():
    assert {stream.name: stream.value for stream in Stream} == {
        "SUPPORT": 0,
        "TRAINING": 1,
        "MASK": 2,
        "WEIGHTS": 3,
        "MINIBATCH": 4,
        "TEST": 5,
        "HIDDEN": 6,
        "OUTPUT": 7,
        "SHUFFLE": 8,
        "ORDER": 9,
        "LABELS": 10,
    }


def test_streams_seeds_items_and_words_are_all_different():
    drawn = [
        draws.words(KEY, seeds_of(3)[:, None], stream, torch.arange(4), 9).flatten() for stream in Stream
    ]
    assert torch.cat(drawn).unique().numel() == len(Stream) * 3 * 4 * 9


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_fewer_words_of_an_item_are_the_first_of_more(few, more, seed, item):
    few, more = sorted((few, more))
    drawn = [
        draws.words(KEY, torch.tensor(seed), Stream.WEIGHTS, torch.tensor(item), count)
        for count in (few, more)
    ]
    assert torch.equal(drawn[0], drawn[1][:few])


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1), st.integers(1, 10_000_000))
def test_integers_stay_below_their_bound(drawn, bound):
    assert draws.integers(torch.tensor(drawn), bound).tolist() == [word * bound // 2**32 for word in drawn]


def test_integers_are_uniform():
    drawn = draws.words(KEY, torch.tensor(0), Stream.MINIBATCH, torch.arange(10_000), 7)
    counts = torch.bincount(draws.integers(drawn, 50).flatten(), minlength=50)
    assert stats.chisquare(counts.numpy()).pvalue > SIGNIFICANCE


def test_uniforms_are_uniform_and_inside_their_limit():
    drawn = draws.words(KEY, torch.tensor(0), Stream.WEIGHTS, torch.arange(10_000), 4)
    values = draws.uniforms(drawn, 0.5).flatten()
    assert stats.kstest(values.numpy(), stats.uniform(-0.5, 1).cdf).pvalue > SIGNIFICANCE


def test_uniforms_reach_almost_to_the_limit_and_never_zero_or_beyond():
    extremes = draws.uniforms(torch.tensor([0, 2**31 - 1, 2**31, 2**32 - 1]), 1.0)
    step = 2.0**-24
    assert extremes.tolist() == [-1 + step, -step, step, 1 - step]


@given(st.integers(1, 60), st.data())
def test_subsets_have_exactly_their_size(n, data):
    size = data.draw(st.integers(1, n))
    seed = data.draw(st.integers(0, 2**32 - 1))
    drawn = draws.words(KEY, torch.tensor(seed), Stream.MASK, torch.arange(20), size)
    assert draws.subsets(drawn, n).sum(dim=1).tolist() == [size] * 20


def test_every_subset_is_equally_likely():
    drawn = draws.words(KEY, torch.tensor(0), Stream.MASK, torch.arange(20_000), 3)
    codes = (draws.subsets(drawn, 6) * 2 ** torch.arange(6)).sum(dim=1)
    counts = [int((codes == sum(2**i for i in one)).sum()) for one in itertools.combinations(range(6), 3)]
    assert sum(counts) == 20_000
    assert stats.chisquare(counts).pvalue > SIGNIFICANCE


def test_support_is_ascending_and_differs_between_seeds():
    supports = draws.supports(KEY, seeds_of(50), 50, 3)
    assert supports.shape == (50, 3)
    assert (supports.diff(dim=1) > 0).all()
    assert supports.unique(dim=0).shape[0] > 45


def test_support_of_all_coordinates():
    assert draws.supports(KEY, seeds_of(2), 7, 7).tolist() == [list(range(7))] * 2


@settings(max_examples=30)
@given(n=st.integers(1, 300), data=st.data())
def test_rows_hold_the_bits_a_one_and_the_parity(n, data):
    k = data.draw(st.integers(1, n))
    samples = samples_of(n, k, torch.tensor([3, 2**32 - 1]))
    items = torch.tensor([[0, 1, 5], [2**32 - 1, 7, 0]])
    rows = samples.rows(items)
    assert rows.shape == (2, 3, row_width(n))
    words = draws.words(KEY, samples.seeds[:, None], Stream.TRAINING, items, -(-n // 32))
    bits = [
        [[words[r, i, j // 32].item() >> (j % 32) & 1 for j in range(n)] for i in range(3)] for r in range(2)
    ]
    assert torch.equal(rows[..., :n], 2.0 * torch.tensor(bits) - 1)
    assert (rows[..., n] == 1).all()
    for run in range(2):
        assert torch.equal(rows[run, :, n + 1], rows[run][:, samples.supports[run]].prod(dim=1))


@settings(max_examples=30)
@given(st.integers(1, 200), st.lists(st.integers(1, 300), min_size=1, max_size=4))
def test_resident_and_streamed_samples_are_the_same(n, counts):
    streamed = samples_of(n, 1, seeds_of(len(counts)))
    resident = streamed.resident(counts)
    items = torch.stack([torch.arange(9) * 37 % count for count in counts])
    assert torch.equal(streamed.rows(items)[..., : n + 2], resident.rows(items)[..., : n + 2])
    places = [len(counts) - 1, 0]
    rows = [samples.keep(places).rows(items[places]) for samples in (streamed, resident)]
    assert torch.equal(rows[0][..., : n + 2], rows[1][..., : n + 2])


def test_a_smaller_training_set_is_the_start_of_a_larger_one():
    samples = samples_of(50, 3, seeds_of(1))
    assert torch.equal(samples.resident([1000]).table[:600, :52], samples.resident([600]).table[:, :52])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 3000), st.lists(st.integers(0, 2**32 - 1), min_size=1), st.data())
def test_parameters_that_are_drawn_together_are_those_drawn_alone(make_run, n, width, seeds, data):
    sparsity = data.draw(st.none() | st.integers(1, n))
    runs = [make_run(n=n, k=1, width=width, sparsity=sparsity, seed=seed) for seed in seeds]
    together = initial_parameters(runs, torch.device("cpu"))
    alone = Parameters.joined([initial_parameters([run], torch.device("cpu")) for run in runs])
    for name, tensor in vars(alone).items():
        assert torch.equal(getattr(together, name), tensor), name


def test_test_samples_are_not_the_training_samples():
    seeds = seeds_of(1)
    items = torch.arange(1000)[None]
    training = samples_of(50, 3, seeds).rows(items)[0, :, :50]
    test = samples_of(50, 3, seeds, Stream.TEST).rows(items)[0, :, :50]
    assert torch.cat((training, test)).unique(dim=0).shape[0] == 2000


def test_coordinates_and_labels_are_balanced():
    rows = samples_of(50, 3, seeds_of(1)).rows(torch.arange(20_000)[None])[0]
    for column in [*range(50), 51]:
        positive = int((rows[:, column] > 0).sum())
        assert stats.binomtest(positive, 20_000).pvalue > SIGNIFICANCE / 51


@pytest.mark.parametrize("sparsity", [1, 2, 50, None])
def test_the_first_neurons_of_a_wide_network_are_those_of_a_narrow_one(make_run, sparsity):
    device = torch.device("cpu")
    narrow, wide = (
        initial_parameters([make_run(n=50, width=width, sparsity=sparsity)], device) for width in (8, 5000)
    )
    assert torch.equal(narrow.hidden, wide.hidden[..., :8])
    # The output weights shrink with the width.
    assert torch.allclose(narrow.output * (8 / 5000) ** 0.5, wide.output[:, :8])
    assert wide.hidden[0, 50].abs().max() < 50**-0.5
    if sparsity is None:
        assert wide.hidden.abs().max() < 50**-0.5
    else:
        assert set(wide.hidden[0, :50].unique().tolist()) <= {0.0, 1.0}
        assert (wide.hidden[0, :50].sum(dim=0) == sparsity).all()
