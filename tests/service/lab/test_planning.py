from __future__ import annotations

import heapq
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab.planning import Missing, cut
from service.store.shards import SeedRange

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
workers = st.integers(1, 20)
lanes = st.integers(1, 16)


def runs_in(items):
    return Counter(
        (item.configuration_id, seed)
        for item in items
        for seed in range(item.seed_start, item.seed_start + item.seed_count)
    )


def seconds_of(missing):
    """Return the seconds of a worker that each run takes."""
    return {run: part.run_seconds for part in missing for run in runs_in([part.seeds])}


def lengths(missing, shards):
    each = seconds_of(missing)
    return [sum(each[run] for run in runs_in(items)) for items in shards]


@given(ranges, st.floats(0.5, 120), workers, lanes)
def test_cutting_puts_every_run_into_exactly_one_shard(missing, seconds, workers, lanes):
    shards = cut(missing, seconds=seconds, workers=workers, lanes=lanes)
    assert runs_in(item for items in shards for item in items) == runs_in(part.seeds for part in missing)
    assert all(shards)


@given(ranges, st.floats(0.5, 120), workers, lanes)
def test_a_shard_is_longer_than_asked_only_by_a_run_in_each_lane(missing, seconds, workers, lanes):
    dearest = max((part.run_seconds for part in missing), default=0)
    for length in lengths(missing, cut(missing, seconds=seconds, workers=workers, lanes=lanes)):
        assert length <= seconds + lanes * dearest + 1e-6


def test_one_worker_gets_shards_of_equal_length():
    missing = [Missing(SeedRange(1, 0, 100), 1.0)]
    shards = cut(missing, seconds=30, workers=1, lanes=1)
    assert lengths(missing, shards) == pytest.approx([25, 25, 25, 25])


def test_one_worker_gets_little_work_in_one_shard():
    assert len(cut([Missing(SeedRange(1, 0, 50), 1.0)], seconds=60, workers=1, lanes=2)) == 1


def test_several_workers_get_ever_shorter_shards_down_to_what_is_worth_its_dispatch():
    missing = [Missing(SeedRange(1, 0, 6000), 0.1)]
    found = lengths(missing, cut(missing, seconds=60, workers=2, lanes=1))
    assert found[0] == pytest.approx(60)
    assert found == sorted(found, reverse=True)
    assert 4 <= found[-1] <= 6


def test_little_work_is_shared_by_all_workers_but_not_cut_to_dust():
    missing = [Missing(SeedRange(1, 0, 600), 0.1)]
    assert len(cut(missing, seconds=60, workers=4, lanes=1)) >= 8
    assert len(cut(missing, seconds=60, workers=1000, lanes=1)) == 12


def test_long_runs_fill_the_lanes_evenly():
    missing = [Missing(SeedRange(1, 0, 64), 10.0)]
    for items in cut(missing, seconds=60, workers=1, lanes=8):
        assert sum(item.seed_count for item in items) % 8 == 0


def test_few_runs_are_shared_although_they_would_fill_the_lanes_of_one_worker():
    missing = [Missing(SeedRange(1, 0, 8), 10.0)]
    assert len(cut(missing, seconds=60, workers=2, lanes=8)) == 2


def makespan(missing, shards, workers, lanes):
    """Return when the last worker ends: each takes the next shard when free, its lanes run after run."""
    each = seconds_of(missing)
    free = [0.0] * workers
    for items in shards:
        ends = [heapq.heappop(free)] * lanes
        for run in runs_in(items):
            heapq.heapreplace(ends, ends[0] + each[run] * lanes)
        heapq.heappush(free, max(ends))
    return max(free)


@st.composite
def mixes(draw):
    """Return cells of widths a thousand times apart in cost, longest first as they are planned."""
    cells = draw(st.integers(1, 30))
    costs = sorted((10 ** draw(st.floats(-2, 1)) for _ in range(cells)), reverse=True)
    return [
        Missing(SeedRange(number, 0, draw(st.integers(5, 100))), cost) for number, cost in enumerate(costs)
    ]


@given(mixes(), st.integers(1, 8), st.sampled_from([1, 2, 4]))
def test_wide_and_narrow_runs_balance_over_workers(missing, workers, lanes):
    shards = cut(missing, seconds=60, workers=workers, lanes=lanes)
    ideal = sum(part.seconds for part in missing) / workers
    longest_run = max(part.run_seconds for part in missing) * lanes
    ends = makespan(missing, shards, workers, lanes)
    # 15 %, a shortest shard that ends last, and what no cut can help: lanes wait for a longest run now
    # and then, once a shard.
    waiting = 2 * longest_run * math.ceil(len(shards) / workers)
    assert ends <= 1.15 * ideal + 5 + waiting


def test_a_large_mix_ends_within_a_few_percent_of_the_ideal():
    missing = [Missing(SeedRange(number, 0, 100), 2.0 / 1.3**number) for number in range(25)]
    for workers in (1, 2, 3, 5, 8):
        shards = cut(missing, seconds=60, workers=workers, lanes=2)
        ideal = sum(part.seconds for part in missing) / workers
        assert makespan(missing, shards, workers, 2) <= 1.08 * ideal


def test_shards_of_long_single_runs_fill_all_lanes():
    missing = [Missing(SeedRange(key, 0, 1), 20.0) for key in range(12)]
    pieces = cut(missing, seconds=60.0, workers=1, lanes=4)
    assert [len(piece) for piece in pieces] == [4, 4, 4]
