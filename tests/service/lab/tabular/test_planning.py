"""The largest comparison on one table that fits into a time."""

from __future__ import annotations

import pyarrow as pa
import pytest

from service.lab.datasets import storing
from service.lab.datasets.storing import About
from service.lab.datasets.table import Asked, assemble
from service.lab.errors import BadTable, UnknownDataset
from service.lab.tabular import planning
from tombola.spec import MlpModels

ENOUGH = 100_000.0


@pytest.fixture
def database_url(migrated_sqlite_url):
    return migrated_sqlite_url


@pytest.fixture
def bring(database):
    """Return `bring(classes, columns)`: stores a table with these rows of each class, and returns its id."""

    def bring(classes, columns=3):
        labels = [label for label, rows in classes.items() for _ in range(rows)]
        table = {
            f"x{number}": [float(row * (number + 3) % 97) for row in range(len(labels))]
            for number in range(columns)
        }
        with database.write() as session:
            prepared = storing.prepare(assemble(pa.table({**table, "y": labels}), Asked("y")), About("t"))
            return storing.store(session, prepared)[0].id

    return bring


@pytest.fixture
def plan(database):
    def plan(dataset, minutes, encoding="one-hot"):
        with database.read() as session:
            return planning.plan(session, dataset, minutes, encoding)

    return plan


def test_more_minutes_give_a_larger_plan_that_is_expected_within_them(bring, plan):
    dataset = bring({"no": 3000, "yes": 3000})
    found = [plan(dataset, minutes) for minutes in (0.1, 1, 10, 100, ENOUGH)]
    assert all(one.fits for one in found)
    for one in found:
        assert one.quote.wall_seconds.expected <= 60 * one.minutes
    runs = [one.quote.runs for one in found]
    assert runs == sorted(runs)
    assert len(set(runs)) > 3
    rows = [one.spec.target.protocol.max_train_rows for one in found]
    assert rows == sorted(rows)


def test_tuning_budgets_are_equal_and_networks_start_sparse_and_dense(bring, plan):
    for minutes in (0.1, 10, ENOUGH):
        spec = plan(bring({"no": 3000, "yes": 3000}), minutes).spec
        networks = [models for models in spec.models if isinstance(models, MlpModels)]
        others = [models for models in spec.models if not isinstance(models, MlpModels)]
        assert others[0].kind == "forest"
        assert {models.trials for models in others} == {sum(one.candidate_count for one in networks)}
        assert all(models.sparsity == [2, None] for models in networks)
        assert spec.grid.splits >= 3


def test_where_nothing_fits_the_smallest_is_planned_and_it_says_so(bring, plan):
    found = plan(bring({"no": 3000, "yes": 3000}), 1e-6)
    assert not found.fits
    assert found.notes[0].startswith("no comparison fits into 1e-06 minutes: this is the smallest")
    assert found.quote.runs == min(plan(found.dataset, minutes).quote.runs for minutes in (0.1, 1, 10))


def test_fractions_without_rows_of_a_class_or_with_hardly_any_are_left_out(bring, plan):
    found = plan(bring({"a": 480, "b": 15, "c": 480}), ENOUGH)
    (train, *_) = found.spec.target.protocol.sizes(975)
    sizes = found.spec.grid.sizes(train)
    assert min(sizes) >= 20
    assert found.spec.grid.fractions[-1] == 1
    assert 0.01 not in found.spec.grid.fractions
    assert 0.03 not in found.spec.grid.fractions, "20 rows, of which the first of b is the 33rd"


def test_a_table_of_one_column_has_sparse_networks_of_one_feature(bring, plan):
    spec = plan(bring({"no": 100, "yes": 100}, columns=1), ENOUGH).spec
    assert spec.models[0].sparsity == [1, None]


def test_the_encoding_is_that_which_was_asked_for(dataset, plan):
    assert plan(dataset.id, 1, "ordinal").spec.target.protocol.encoding == "ordinal"
    assert plan(dataset.name, 1).spec.target.protocol.encoding == "one-hot"


def test_a_column_of_names_makes_the_plan_smaller_or_is_refused_by_name(database, plan):
    rows = range(70_000)
    for name, count in (("some", 20_000), ("many", 70_000)):
        table = pa.table({"who": [f"{row % count}!" for row in rows], "y": [str(row % 2) for row in rows]})
        with database.write() as session:
            storing.store(session, storing.prepare(assemble(table, Asked("y")), About(name)))
    some = plan("some", ENOUGH)
    assert some.spec.target.protocol.max_train_rows == 1_000
    assert "rows are trained on; with all of them one-hot encoding makes 20000 features" in some.notes[0]
    with pytest.raises(BadTable, match=r"70000 of them of column 'who'.* take the ordinal encoding"):
        plan("many", ENOUGH)
    assert plan("many", ENOUGH, "ordinal").spec.target.protocol.max_train_rows == 10_000


def test_too_few_rows_are_refused(bring, plan):
    with pytest.raises(BadTable, match="has 12 rows in 2 classes, of which a split leaves too few"):
        plan(bring({"no": 6, "yes": 6}), 5)


def test_an_unknown_data_set_is_told(plan):
    with pytest.raises(UnknownDataset, match="nowhere"):
        plan("nowhere", 5)


def test_it_is_told_who_trains_it_and_what_more_time_would_give(bring, plan, hire):
    dataset = bring({"no": 3000, "yes": 3000})
    alone = plan(dataset, 0.1)
    assert "at most 300 rows are trained on; more minutes allow for more" in alone.notes
    assert "no worker is there now: it waits until one starts" in alone.notes
    hire(queues="main,cpu")
    assert plan(dataset, ENOUGH).notes == []
