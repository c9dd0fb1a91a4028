"""Frontiers of experiments as they are stored, against comparing every pair of cells."""

from __future__ import annotations

import math
import random

import pytest

from service.lab.frontiers import frontier
from service.store import cells

DIMENSIONS = {"width": [4, 8, 16, 32], "samples": [50, 60, 70, None], "sparsity": [2, 3, None]}


@pytest.fixture
def observed(database, submit, spec):
    """Return `observed(counts, probability)`: the frontier of cells with these successes and runs.

    `counts` has (successes, runs) by (width, samples, sparsity); cells that are not in it have no run.
    """
    grid = spec.grid.model_copy(update=DIMENSIONS)
    experiment_id = submit(spec.model_copy(update={"grid": grid}))

    def front(counts, probability):
        with database.write() as session:
            for cell in cells.of(session, experiment_id):
                cell.successes, cell.runs = counts.get((cell.width, cell.samples, cell.sparsity), (0, 0))
        with database.read() as session:
            points = frontier(session, experiment_id, probability).points
        return [(point.width, point.samples, point.sparsity) for point in points]

    return front


def number(value):
    return math.inf if value is None else value


def needs(place):
    return place[0], number(place[1])


def dominates(one, other):
    pairs = list(zip(needs(one), needs(other), strict=True))
    return all(mine <= theirs for mine, theirs in pairs) and needs(one) != needs(other)


def test_the_frontier_is_what_comparing_every_pair_leaves(observed):
    luck = random.Random(20_230_908)  # noqa: S311  # made-up counts
    places = [
        (width, samples, sparsity)
        for width in DIMENSIONS["width"]
        for samples in DIMENSIONS["samples"]
        for sparsity in DIMENSIONS["sparsity"]
    ]
    fronts = set()
    for probability in (0.2, 0.25, 0.5, 0.6, 0.75, 1.0) * 3:
        runs = {place: luck.randint(0, 5) for place in luck.sample(places, luck.randint(0, len(places)))}
        counts = {place: (luck.randint(0, count), count) for place, count in runs.items()}
        reaching = [
            place for place, (won, count) in counts.items() if count and won / count >= probability - 1e-12
        ]
        left = [place for place in reaching if not any(dominates(other, place) for other in reaching)]
        found = observed(counts, probability)
        assert found == sorted(left, key=lambda place: (*needs(place), number(place[2])))
        fronts.add(len(found))
    assert len(fronts) > 3


@pytest.mark.parametrize("runs", [10, 100, 1_000_000])
def test_a_fraction_reaches_the_probability_it_is(observed, runs):
    place = (4, 50, 2)
    for percent in range(10, 101, 30):
        won = runs * percent // 100
        assert observed({place: (won, runs)}, percent / 100) == [place]
        assert observed({place: (won - 1, runs)}, percent / 100) == []


def test_rounding_of_the_probability_is_forgiven(observed):
    assert 0.07 * 100 > 7
    assert 0.1 + 0.2 > 0.3
    place = (4, 50, 2)
    assert observed({place: (7, 100)}, 0.07) == [place]
    assert observed({place: (3, 10)}, 0.1 + 0.2) == [place]


def test_equal_cells_of_different_sparsity_stand_together_dense_last(observed):
    equal = [(4, 50, 2), (4, 50, 3), (4, 50, None)]
    others = [(4, 60, 2), (8, 50, 2)]
    assert observed(dict.fromkeys([*equal[::-1], *others], (10, 10)), 0.9) == equal


def test_online_counts_as_infinitely_many_samples(observed):
    online, finite = (4, None, 2), (8, 70, 2)
    assert observed(dict.fromkeys([(16, None, 2), finite, online], (10, 10)), 0.9) == [online, finite]


def test_cells_without_a_run_are_passed_over(observed):
    assert observed({}, 0.0) == []
