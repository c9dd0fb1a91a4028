from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.philox import philox4x32

WORDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_known_answers_of_random123(counter, key, expected):
    words = [torch.tensor(int(word, 16)) for word in counter.split()]
    k0, k1 = (int(word, 16) for word in key.split())
    assert [f"{word:08x}" for word in philox4x32(tuple(words), (k0, k1)).tolist()] == expected.split()


def philox_of_the_paper(counter: list[int], key: tuple[int, int]) -> list[int]:
    """Salmon et al. 2011, section 4.3, in unbounded integers."""
    (left_0, right_0, left_1, right_1), (k0, k1) = counter, key
    for _ in range(10):
        high_0, low_0 = divmod(left_0 * 0xD2511F53, 2**32)
        high_1, low_1 = divmod(left_1 * 0xCD9E8D57, 2**32)
        left_0, right_0, left_1, right_1 = high_1 ^ right_0 ^ k0, low_1, high_0 ^ right_1 ^ k1, low_0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return [left_0, right_0, left_1, right_1]


@given(st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS), min_size=1, max_size=20), st.tuples(WORDS, WORDS))
def test_agrees_with_unbounded_integers_at_any_counter(counters, key):
    vectors = tuple(torch.tensor(counters).T)
    assert philox4x32(vectors, key).tolist() == [philox_of_the_paper(list(one), key) for one in counters]


def test_counter_words_broadcast():
    blocks, items = torch.arange(3), torch.arange(5)[:, None]
    zero = torch.tensor(0)
    together = philox4x32((blocks, items, zero, zero), (1, 2))
    assert together.shape == (5, 3, 4)
    assert torch.equal(together[4, 2], philox4x32((torch.tensor(2), torch.tensor(4), zero, zero), (1, 2)))
