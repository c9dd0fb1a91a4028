"""Every random number of a run, as a pure function f(target, seed, stream, item, word).

The key of the Philox generator is the first 64 bits of the SHA-256 of the target's canonical JSON; the words
of its counter are (block within the item, item, stream, seed). Word w of an item is word w % 4 of its block
w // 4. What an item is depends on the stream:

========= ================ =====================================================================
stream    item             words
========= ================ =====================================================================
SUPPORT   0                one per element of the hidden support (Floyd's algorithm)
TRAINING  sample           coordinate j is bit j % 32 of word j // 32: 1 is +1, 0 is -1
MASK      neuron           one per coordinate that starts at 1 (Floyd's algorithm)
WEIGHTS   neuron           0: bias, 1: output weight, 4 + j: weight of input j (dense networks)
..        2^32 - 1         0: output bias
MINIBATCH step             one per place in the mini-batch: the index of its training sample
TEST      sample           as TRAINING
========= ================ =====================================================================

Width, training-set size, sparsity and the training settings are not in the key, so the cells of a grid share
their random numbers: with one seed, a training set of 600 is the first 600 samples of that of 1000, and the
first neurons of a wide network draw what those of a narrow one draw. Comparisons between cells are therefore
paired (common random numbers), and the runs of one cell stay independent. A run that trains online takes
training sample `step * batch_size + place`.

Networks on tables draw from MASK, WEIGHTS and MINIBATCH likewise, and from HIDDEN and OUTPUT
(`mlp._initial`). ORDER and LABELS order the rows of a table (`worker.tabular.splits`); SHUFFLE does where the
importance of a column is measured (`importance`).
"""

from __future__ import annotations

import functools
import hashlib
from enum import IntEnum
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from worker.engine.philox import philox4x32

if TYPE_CHECKING:
    from tombola.spec import ParityTarget
    from worker.engine.philox import Key, Keys

#: The WEIGHTS item of the output bias: no neuron has this number.
OUTPUT_BIAS_ITEM = 2**32 - 1
#: The WEIGHTS words of a neuron.
BIAS_WORD, OUTPUT_WORD, FIRST_INPUT_WORD = 0, 1, 4
BITS_PER_BLOCK = 128


class Stream(IntEnum):
    """What a random number is for. The numbers are part of every stored result: never change one."""

    SUPPORT = 0
    TRAINING = 1
    MASK = 2
    WEIGHTS = 3
    MINIBATCH = 4
    TEST = 5
    HIDDEN = 6
    OUTPUT = 7
    SHUFFLE = 8
    ORDER = 9
    LABELS = 10


def target_key(target: ParityTarget) -> Key:
    """Return the generator's key for a target: the first 64 bits of the SHA-256 of its canonical JSON."""
    digest = hashlib.sha256(target.canonical_json().encode()).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")


def words(key: Key | Keys, seeds: Tensor, stream: Stream, items: Tensor, count: int) -> Tensor:
    """Return the first words of items.

    Args:
        key: The target's key; or the words of many, which broadcast as the seeds do.
        seeds: int64 in [0, 2^32).
        stream: What the words are for.
        items: int64 in [0, 2^32); its shape and that of `seeds` broadcast to a shape S.
        count: Words per item.

    Returns:
        int64 in [0, 2^32), shape (*S, count).
    """
    blocks = torch.arange(-(-count // 4), device=items.device)
    # Filled on the device: a copy from the host could be in no CUDA graph.
    stream_word = torch.full((), int(stream), device=items.device)
    if isinstance(key[0], Tensor):
        key = key[0].unsqueeze(-1), key[1].unsqueeze(-1)
    drawn = philox4x32((blocks, items.unsqueeze(-1), stream_word, seeds.unsqueeze(-1)), key)
    return drawn.flatten(-2)[..., :count]


def integers(drawn: Tensor, bound: int | Tensor) -> Tensor:
    """Map words to integers in [0, bound), by (word * bound) >> 32.

    No value's probability differs from 1 / bound by more than 2^-32, a relative bias of at most bound / 2^32
    (0.23 % for the largest training set, 10^7, and 2.3e-7 for one of 1000).
    """
    return (drawn * bound) >> 32


def uniforms(drawn: Tensor, limit: float) -> Tensor:
    """Map words to float32 numbers uniform on (-limit, limit).

    The upper 24 bits k of a word give (2 k + 1 - 2^24) / 2^24, which float32 holds exactly; the product with
    the limit rounds once.
    """
    odd = ((drawn >> 8) << 1) - (2**24 - 1)
    return odd.to(torch.float32).mul_(2.0**-24).mul_(limit)


@functools.cache
def _sign_table(device: torch.device) -> Tensor:
    """Return the 8 signs of each byte, lowest bit first: float32, shape (256, 8)."""
    bits = (torch.arange(256)[:, None] >> torch.arange(8)) & 1
    return (2.0 * bits - 1.0).to(device)


def signs(drawn: Tensor, out: Tensor) -> Tensor:
    """Unpack the bits of words into signs.

    Args:
        drawn: Words, int64, shape (*S, at least C / 32).
        out: float32, contiguous, shape (*S, C) with C a multiple of 8; element j becomes +1 where bit j % 32
            of word j // 32 is 1, else -1.

    Returns:
        `out`.
    """
    # Looking up whole bytes is several times faster than shifting out single bits.
    as_bytes = drawn.to(torch.int32).view(torch.uint8)[..., : out.shape[-1] // 8]
    torch.index_select(_sign_table(out.device), 0, as_bytes.flatten().to(torch.int32), out=out.view(-1, 8))
    return out


def subsets(drawn: Tensor, n: int) -> Tensor:
    """Return uniform random subsets of {0, ..., n - 1} by Floyd's algorithm (Bentley and Floyd 1987).

    Args:
        drawn: Words, int64, shape (*S, s): one word per element of a subset, s <= n.
        n: Size of the ground set.

    Returns:
        bool, shape (*S, n): exactly s elements of each row are True.
    """
    size = drawn.shape[-1]
    member = torch.zeros((*drawn.shape[:-1], n), dtype=torch.bool, device=drawn.device)
    for i, largest in enumerate(range(n - size, n)):
        candidate = integers(drawn[..., i : i + 1], largest + 1)
        chosen = torch.where(member.gather(-1, candidate), largest, candidate)
        member.scatter_(-1, chosen, True)
    return member


def supports(key: Key, seeds: Tensor, n: int, k: int) -> Tensor:
    """Return the hidden support of each seed: int64, shape (*seeds.shape, k), ascending."""
    member = subsets(words(key, seeds, Stream.SUPPORT, torch.zeros_like(seeds), k), n)
    return member.nonzero()[:, -1].view(*seeds.shape, k)
