"""Philox4x32-10, the counter-based random generator of Salmon et al. 2011, in torch integer operations.

J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
A block of four 32-bit words is a pure function of a 128-bit counter and a 64-bit key, so the same code gives
the same bits on every device and in every order.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDS = 10
_MULTIPLIER_0 = 0xD2511F53
_MULTIPLIER_1 = 0xCD9E8D57
_WEYL_0 = 0x9E3779B9
_WEYL_1 = 0xBB67AE85
_WORD = 0xFFFFFFFF

Key = tuple[int, int]
#: The words of many keys, int64 tensors.
Keys = tuple[Tensor, Tensor]


def philox4x32(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: Key | Keys) -> Tensor:
    """Return the block of random words of each counter.

    Args:
        counter: Four int64 tensors of one device, words 0 to 3 of the counters, each element in [0, 2^32);
            their shapes broadcast to a shape S.
        key: The two 32-bit words of the key; or tensors of them, whose shape broadcasts to S.

    Returns:
        int64, shape (*S, 4): the words of the blocks, each in [0, 2^32).
    """
    c0, c1, c2, c3 = torch.broadcast_tensors(*counter)  # type: ignore[no-untyped-call]  # torch has none
    k0, k1 = key
    for _ in range(ROUNDS):
        # The 64-bit products wrap into the sign; shift and mask still give their high words. The low words
        # only enter the next round's xor, whose mask clears what stands above them.
        product_0 = c0 * _MULTIPLIER_0
        product_1 = c2 * _MULTIPLIER_1
        c0 = (product_1 >> 32).bitwise_xor_(c1).bitwise_xor_(k0).bitwise_and_(_WORD)
        c2 = (product_0 >> 32).bitwise_xor_(c3).bitwise_xor_(k1).bitwise_and_(_WORD)
        c1, c3 = product_1, product_0
        k0, k1 = (k0 + _WEYL_0) & _WORD, (k1 + _WEYL_1) & _WORD
    return torch.stack((c0, c1, c2, c3), dim=-1).bitwise_and_(_WORD)
