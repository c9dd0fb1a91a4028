"""Pages of exports: every run once, in order, whatever the size of a page, while the store changes."""

from __future__ import annotations

import itertools
import json

import pytest
from sqlalchemy import select

from service.lab import answers, exports
from service.lab.errors import ExperimentGone
from service.lab.shards import TrainedBy
from service.store import experiments
from service.store import exports as store
from service.store.models import Curve, Experiment
from service.store.runs import Slice


@pytest.fixture
def finished(submit, hands, spec):
    """The id of an experiment of 8 cells with 5 runs each."""
    experiment_id = submit(spec)
    hands.train_all()
    return experiment_id


def listed(database, experiment_id, **where):
    with database.read() as session:
        return answers.run_page(session, experiment_id, Slice(1000, None, where))


def rows_of(pages, columns):
    return [
        dict(zip([column.name for column in columns], row, strict=True))
        for page in pages
        for row in zip(*page, strict=True)
    ]


def delete(database, experiment_id):
    with database.write() as session:
        session.delete(session.get(Experiment, experiment_id))


def test_runs_are_those_of_the_listing_whatever_the_size_of_a_page(database, finished):
    runs = listed(database, finished)
    for page_rows in (1, 4, 5, 39, 40, 41):
        pages = list(exports.run_pages(database, finished, {}, page_rows=page_rows))
        assert {len(page[0]) for page in pages[:-1]} <= {page_rows}
        for row, run in zip(rows_of(pages, exports.RUNS), runs, strict=True):
            assert json.loads(row.pop("versions")) == run.versions
            assert row == run.model_dump(exclude={"versions"})


def test_a_page_may_begin_behind_the_last_run_of_a_cell_or_before_its_first(database, finished):
    def places(after):
        with database.read() as session:
            found = answers.run_page(session, finished, Slice(1000, after, {}))
        return [(run.cell, run.seed) for run in found]

    every = list(itertools.product(range(8), range(5)))
    for after in [*every, (-1, 7), (3, -1), (3, 100), (7, 2**32 - 1), (8, 0)]:
        assert places(after) == [place for place in every if place > after]


def test_seeds_that_begin_late_are_exported_from_the_first_on(database, submit, hands, spec):
    wide = submit(spec)
    seeds = spec.seeds.model_copy(update={"start": 2, "count": 2})
    within = submit(spec.model_copy(update={"seeds": seeds}))
    hands.train_all()
    for experiment_id, expected in ((wide, range(5)), (within, (2, 3))):
        found = rows_of(exports.run_pages(database, experiment_id, {}, page_rows=3), exports.RUNS)
        assert [(row["cell"], row["seed"]) for row in found] == list(itertools.product(range(8), expected))
    with database.read() as session:  # a cursor of somebody's own making
        found = answers.run_page(session, within, Slice(1000, (0, 0), {}))
    assert [(run.cell, run.seed) for run in found[:3]] == [(0, 2), (0, 3), (1, 2)]


def test_curves_have_a_row_for_each_evaluation(database, finished, spec):
    with database.write() as session:
        for number, curve in enumerate(session.scalars(select(Curve).order_by(Curve.run_id))):
            count = number % 4 + 1
            errors = [None, 0.5, 0.25, 0.125]
            curve.document = {
                "steps": [500 * (index + 1) for index in range(count)],
                "train_error": errors[:count],
                "test_error": errors[-count:],
            }
    expected = []
    for run in listed(database, finished):
        where = {"width": run.width, "samples": run.samples, "sparsity": run.sparsity}
        with database.read() as session:
            (curve,) = answers.curves(session, finished, where=where, seeds=[run.seed], limit=2)
        place = {"cell": run.cell, "seed": run.seed, "outcome": run.outcome, **where}
        expected += [
            place | {"step": step, "train_error": train, "test_error": test}
            for step, train, test in zip(curve.steps, curve.train_error, curve.test_error, strict=True)
        ]
    assert len(expected) == 100
    for page_rows in (1, 7, 99, 100, 101):
        pages = list(exports.curve_pages(database, finished, spec.training, {}, page_rows=page_rows))
        assert {len(page[0]) for page in pages[:-1]} <= {page_rows}
        assert rows_of(pages, exports.CURVES) == expected


def test_few_long_curves_are_read_at_once(database, finished, spec, monkeypatch):
    asked = []
    read = store.curve_rows

    def counted(session, experiment_id, wanted):
        asked.append(wanted.limit)
        return read(session, experiment_id, wanted)

    monkeypatch.setattr(store, "curve_rows", counted)
    for every, runs_at_once in ((500, 1638), (1, 3)):
        training = spec.training.model_copy(update={"eval_every": every})
        assert sum(len(page[0]) for page in exports.curve_pages(database, finished, training, {})) == 40
        assert set(asked) == {runs_at_once}
        asked.clear()


def test_filters_are_those_of_the_listing(database, finished, spec):
    for where in (
        {"width": 8},
        {"samples": None},
        {"samples": 50, "sparsity": None},
        {"outcome": "censored"},
        {"width": 5},
    ):
        expected = [(run.cell, run.seed) for run in listed(database, finished, **where)]
        for columns, pages in (
            (exports.RUNS, exports.run_pages(database, finished, where, page_rows=3)),
            (exports.CURVES, exports.curve_pages(database, finished, spec.training, where, page_rows=3)),
        ):
            assert [(row["cell"], row["seed"]) for row in rows_of(pages, columns)] == expected


def test_every_environment_stands_with_its_runs(database, finished, submit, hands, spec):
    experiment_id = submit(spec.model_copy(update={"seeds": spec.seeds.model_copy(update={"count": 9})}))
    for number, shard_id in enumerate(hands.queued()):
        by = TrainedBy(f"engine {number}", "cuda:1", {"torch": f"2.{number}", "python": "3"})
        claim = hands.claim(shard_id)
        hands.record(claim, list(claim.runs), complete=True, by=by)
    found = rows_of(exports.run_pages(database, experiment_id, {}, page_rows=7), exports.RUNS)
    runs = listed(database, experiment_id)
    assert len({run.engine for run in runs}) > 1
    for row, run in zip(found, runs, strict=True):
        assert (row["engine"], row["device"]) == (run.engine, run.device)
        assert row["versions"] == json.dumps(run.versions, sort_keys=True)


@pytest.mark.parametrize("what", ["runs", "curves"])
def test_a_deletion_in_the_middle_is_told_and_not_taken_for_the_end(database, finished, spec, what):
    pages = (
        exports.run_pages(database, finished, {}, page_rows=8)
        if what == "runs"
        else exports.curve_pages(database, finished, spec.training, {}, page_rows=8)
    )
    assert len(next(pages)[0]) == 8
    delete(database, finished)
    with pytest.raises(ExperimentGone, match=finished):
        list(pages)


def test_a_deletion_between_the_last_row_and_the_look_is_told_too(database, finished, monkeypatch):
    look = experiments.exists_now

    def deleted_just_before(session, experiment_id):
        session.rollback()  # the page's snapshot, which SQLite would go on with
        delete(database, experiment_id)
        return look(session, experiment_id)

    monkeypatch.setattr(experiments, "exists_now", deleted_just_before)
    with pytest.raises(ExperimentGone):
        list(exports.run_pages(database, finished, {}))


def test_no_transaction_is_open_between_pages(database, finished):
    pages = exports.run_pages(database, finished, {}, page_rows=8)
    next(pages)
    assert database.engine.pool.checkedout() == 0
    pages.close()
    assert database.engine.pool.checkedout() == 0


def test_runs_that_finish_meanwhile_are_there_where_their_place_was_not_passed(database, submit, hands, spec):
    experiment_id = submit(spec)
    first, *others = hands.queued()
    hands.train(first)
    pages = exports.run_pages(database, experiment_id, {}, page_rows=2)
    begun = rows_of([next(pages)], exports.RUNS)
    for shard_id in others:
        hands.train(shard_id)
    found = begun + rows_of(pages, exports.RUNS)
    places = [(row["cell"], row["seed"]) for row in found]
    assert places == sorted(set(places))
    last = (begun[-1]["cell"], begun[-1]["seed"])
    everything = [(run.cell, run.seed) for run in listed(database, experiment_id)]
    assert [place for place in everything if place > last] == [place for place in places if place > last]


def test_a_success_table_is_one_page_of_its_cells(database, finished, submit, spec):
    other = submit(
        spec.model_copy(update={"name": "empty", "seeds": spec.seeds.model_copy(update={"start": 90})})
    )
    for experiment_id in (finished, other):
        with database.read() as session:
            table = answers.success_table(session, experiment_id)
        for row, cell in zip(rows_of([exports.table_page(table)], exports.TABLE), table, strict=True):
            interval = cell.interval.model_dump() if cell.interval else {}
            for name in ("low", "high", "level", "method"):
                assert row.pop(name) == interval.get(name)
            assert row == cell.model_dump(exclude={"interval"})
