"""How much width and data networks need, against the same reckoned by loops over a table."""

from __future__ import annotations

import pytest

from service.lab.comparison.networks import width_frontier
from service.lab.errors import UnknownName
from service.lab.statistics.intervals import Confidence, wilson
from tests import scored

LARGEST = {"plain": 700, "hard": 210}


@pytest.fixture
def asked(database, made):
    def ask(score=scored.usual, spec=None, **asked):
        key, runs = made(score, spec)
        with database.read() as session:
            return width_frontier(session, key, **asked), runs

    return ask


def best(runs, **where):
    """Return the test accuracy of the run that validation chooses, None where all diverged."""
    chosen = scored.spoken_for(
        row
        for row in runs.to_dict("records")
        if all(row[name] is value or row[name] == value for name, value in where.items())
    )
    return None if chosen is None else chosen["test_accuracy"]


@pytest.mark.parametrize("against", ["same", "full"])
def test_every_probability_is_that_of_loops_over_the_runs(asked, against):
    answer, runs = asked(against=against, probability=0.6)
    runs = runs.astype({"width": object, "sparsity": object})
    runs = runs.where(runs.notna() | runs.columns.isin(["validation_accuracy", "test_accuracy"]), None)
    assert (answer.baseline, answer.against, answer.method) == ("forest", against, "wilson")
    assert len(answer.points) == 2 * 2 * 2 * 2
    for point in answer.points:
        place = {"dataset": point.dataset, "samples": point.samples}
        goal = place | ({} if against == "same" else {"samples": LARGEST[point.dataset]})
        reached = 0
        for split in (5, 6, 7):
            for seed in (7, 8):
                at = {"split": split, "seed": seed}
                own = best(runs, **place, **at, kind="mlp", width=point.width, sparsity=point.sparsity)
                other = best(runs, **goal, **at, kind="forest")
                reached += own is not None and (other is None or own >= other)
        assert (point.successes, point.runs, point.probability) == (reached, 6, reached / 6)
        assert (point.low, point.high) == (wilson(reached, 6).low, wilson(reached, 6).high)
        better = [
            one
            for one in answer.points
            if one.dataset == point.dataset
            if one.probability >= 0.6
            if (one.width, one.samples) != (point.width, point.samples)
            if one.width <= point.width and one.samples <= point.samples
        ]
        assert point.on_frontier == (point.probability >= 0.6 and not better)
    assert any(point.on_frontier for point in answer.points)
    assert len({point.probability for point in answer.points}) > 2


def test_points_stand_by_data_set_size_width_and_sparsity_with_dense_last(asked):
    answer, _ = asked()
    assert [(p.dataset, p.samples, p.width, p.sparsity) for p in answer.points[:5]] == [
        ("plain", 70, 10, 2),
        ("plain", 70, 10, None),
        ("plain", 70, 100, 2),
        ("plain", 70, 100, None),
        ("plain", 700, 10, 2),
    ]


def test_limits_are_made_as_asked(asked):
    confidence = Confidence("clopper-pearson", 0.9)
    answer, _ = asked(confidence=confidence)
    assert (answer.method, answer.level) == ("clopper-pearson", 0.9)
    point = answer.points[0]
    assert (point.low, point.high) == confidence.limits(point.successes, point.runs)


def test_sizes_without_all_runs_are_left_out_and_all_where_the_largest_is_the_goal(asked):
    def score(configuration, seed):
        missing = configuration.samples == 700 and configuration.model.kind == "logistic"
        return False if missing else scored.usual(configuration, seed)

    full, _ = asked(score, against="full")
    assert {(point.dataset, point.samples) for point in full.points} == {("hard", 21), ("hard", 210)}


def test_experiments_without_networks_have_no_points(asked):
    answer, _ = asked(spec=scored.spec_of(models=[{"kind": "forest", "trials": 2}]))
    assert (answer.baseline, answer.points) == ("forest", [])


def test_an_unknown_baseline_is_refused(database, made):
    key, _ = made()
    with database.read() as session, pytest.raises(UnknownName, match="no model 'tabm'; it has mlp, "):
        width_frontier(session, key, baseline="tabm")
