"""The samples of runs, generated or resident.

Samples come as rows of float32: the n coordinates, a one for the bias (column n), the label (column n + 1),
and padding to a multiple of 8 columns, so that unpacked bytes fill a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from worker.engine import draws

if TYPE_CHECKING:
    from worker.engine.draws import Stream
    from worker.engine.philox import Key

#: Blocks per call of the generator: enough to hide the cost of a call, on CPU few enough to stay in cache.
BLOCKS_PER_CALL = {"cpu": 2**15, "cuda": 2**18}


def row_width(n: int) -> int:
    """Return the columns of a row: n coordinates, a one and the label, padded to a multiple of 8."""
    return -(-(n + 2) // 8) * 8


def row_blocks(n: int) -> int:
    """Return the blocks of random words that fill a row."""
    return -(-row_width(n) // draws.BITS_PER_BLOCK)


class Samples(Protocol):
    """One stream of samples of each of R runs."""

    def rows(self, items: Tensor, out: Tensor | None = None) -> Tensor:
        """Return rows (*S, R, B, row width) of the samples numbered `items`, shape (*S, R, B)."""
        ...

    def keep(self, index: list[int]) -> Samples:
        """Return the samples of the runs at these places."""
        ...

    def joined(self, other: Samples) -> Samples:
        """Return the samples of these runs, then of the other ones."""
        ...


@dataclass(frozen=True)
class StreamedSamples:
    """Samples that are generated each time they are asked for.

    Attributes:
        n: Coordinates.
        key: The target's key.
        stream: TRAINING or TEST.
        seeds: int64, shape (R,).
        supports: int64, shape (R, k).
    """

    n: int
    key: Key
    stream: Stream
    seeds: Tensor
    supports: Tensor

    def rows(self, items: Tensor, out: Tensor | None = None) -> Tensor:
        """Return rows (*S, R, B, row width) of the samples numbered `items`, shape (*S, R, B)."""
        if out is None:
            out = torch.empty((*items.shape, row_width(self.n)), device=items.device)
        bits = draws.words(self.key, self.seeds[:, None], self.stream, items, 4 * row_blocks(self.n))
        draws.signs(bits, out)
        relevant = out.gather(-1, self.supports[:, None, :].expand(*items.shape, -1))
        out[..., self.n].fill_(1.0)
        torch.prod(relevant, dim=-1, out=out[..., self.n + 1])
        return out

    def keep(self, index: list[int]) -> StreamedSamples:
        """Return the samples of the runs at these places."""
        return StreamedSamples(self.n, self.key, self.stream, self.seeds[index], self.supports[index])

    def joined(self, other: Samples) -> StreamedSamples:
        """Return the samples of these runs, then of the other ones."""
        assert isinstance(other, StreamedSamples)  # noqa: S101  # one group has one kind
        seeds = torch.cat((self.seeds, other.seeds))
        supports = torch.cat((self.supports, other.supports))
        return StreamedSamples(self.n, self.key, self.stream, seeds, supports)

    def resident(self, counts: list[int]) -> ResidentSamples:
        """Return the first samples of each run, `counts[i]` of run i, generated once and kept."""
        device = self.seeds.device
        per_call = max(1, BLOCKS_PER_CALL[device.type] // row_blocks(self.n))
        table = torch.empty((sum(counts), row_width(self.n)), device=device)
        ends = torch.tensor(counts, device=device).cumsum(0)
        for first in range(0, len(table), per_call):
            places = torch.arange(first, min(first + per_call, len(table)), device=device)
            own = torch.searchsorted(ends, places, right=True)
            before = torch.where(own > 0, ends[own - 1], 0)
            one = StreamedSamples(self.n, self.key, self.stream, self.seeds[own], self.supports[own])
            one.rows((places - before)[:, None], out=table[first : first + per_call, None])
        return ResidentSamples(table, counts)


class ResidentSamples:
    """Samples that are kept in memory.

    Attributes:
        table: The rows of all runs, one run after the other: float32, shape (sum of counts, row width).
        counts: Samples of each of the R runs.
    """

    def __init__(self, table: Tensor, counts: list[int]) -> None:
        self.table = table
        self.counts = counts
        ends = torch.tensor(counts, device=table.device).cumsum(0)
        self._starts = torch.cat((ends.new_zeros(1), ends[:-1]))[:, None]

    def rows(self, items: Tensor, out: Tensor | None = None) -> Tensor:
        """Return rows (*S, R, B, row width) of the samples numbered `items`, shape (*S, R, B)."""
        if out is None:
            out = self.table.new_empty((*items.shape, self.table.shape[1]))
        return self.take(self.places(items).flatten(), out)

    def places(self, items: Tensor) -> Tensor:
        """Return where in the table the samples numbered `items`, shape (*S, R, B), stand."""
        return items + self._starts

    def take(self, places: Tensor, out: Tensor) -> Tensor:
        """Copy the rows at places, shape (P,), to `out`, contiguous, whose elements are P rows."""
        torch.index_select(self.table, 0, places, out=out.view(-1, out.shape[-1]))
        return out

    def keep(self, index: list[int]) -> ResidentSamples:
        """Return the samples of the runs at these places."""
        parts = torch.split_with_sizes(self.table, self.counts)
        return ResidentSamples(torch.cat([parts[i] for i in index]), [self.counts[i] for i in index])

    def joined(self, other: Samples) -> ResidentSamples:
        """Return the samples of these runs, then of the other ones."""
        assert isinstance(other, ResidentSamples)  # noqa: S101  # one group has one kind
        return ResidentSamples(torch.cat((self.table, other.table)), self.counts + other.counts)
