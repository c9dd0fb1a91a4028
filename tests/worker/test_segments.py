"""When a shard is cut: by the time it takes and how far it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.segments import Segment

S = 60.0
LOOK = 0.5


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def ended(fraction_at, *, limit=100 * S):
    """Look twice a second; return (seconds until the end, whether it was cut, whether it seemed long)."""
    clock = Clock()
    segment = Segment(S, clock)
    elapsed = 0.0
    while elapsed < limit:
        fraction = min(fraction_at(elapsed), 1.0)
        if segment.look(fraction):
            return elapsed, True, segment.long
        if fraction >= 1.0:
            return elapsed, False, segment.long
        elapsed += LOOK
        clock.now = 1000.0 + elapsed
    return limit, False, segment.long


@given(total=st.floats(min_value=1, max_value=2 * S - 1), start=st.floats(min_value=0, max_value=0.9))
def test_a_shard_of_up_to_two_segments_is_never_cut(total, start):
    elapsed, cut, _ = ended(lambda t: start + (1 - start) * t / total)
    assert not cut
    assert elapsed <= total + LOOK


@given(
    total=st.floats(min_value=2 * S + 5, max_value=10_000 * S), start=st.floats(min_value=0, max_value=0.9)
)
def test_a_longer_shard_is_cut_after_one_segment_also_when_it_goes_on_from_a_checkpoint(total, start):
    elapsed, cut, long = ended(lambda t: start + (1 - start) * t / total)
    assert cut
    assert long
    assert S <= elapsed <= S + 2 * LOOK


@given(st.lists(st.floats(min_value=0.0, max_value=0.01), min_size=1, max_size=400))
def test_a_fraction_that_creeps_cannot_make_a_segment_endless(rates):
    """Whatever the engine says of its progress, three segments are the end, if it moves at all."""

    def fraction(elapsed):
        return min(sum(rates[: int(elapsed / LOOK)]), 0.999)

    if fraction(S) > 0:
        elapsed, cut, _ = ended(fraction)
        assert cut
        assert S <= elapsed <= 3 * S + 2 * LOOK


def test_a_shard_that_does_not_move_is_not_cut():
    """Its next segment would not get further either."""
    assert ended(lambda _: 0.3, limit=10 * S) == (10 * S, False, False)


def test_a_shard_that_turns_out_slower_than_it_began_is_cut_later():
    elapsed, cut, _ = ended(lambda t: t / (1.8 * S) if t < S else 1 / 1.8 + (t - S) / (30 * S))
    assert cut
    assert S < elapsed <= 2 * S


def test_what_is_nearly_done_is_finished():
    elapsed, cut, _ = ended(lambda t: t / (2.05 * S) if t < 0.9 * S else 0.95 + (t - 0.9 * S) * 0.0005)
    assert not cut
    assert elapsed > 2 * S
