from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import ndtri

from service.lab.datasets.table import Asked, assemble
from tombola.spec import Protocol, TabularTask
from worker.tabular.preparation import prepare, providing

ROWS = 200


@pytest.fixture
def table():
    generator = np.random.default_rng(0)
    amount = generator.lognormal(size=ROWS) * 1e6
    columns = {
        "amount": [None if row % 7 == 0 else value for row, value in enumerate(amount)],
        "sign": [1.0 if row % 2 else -1.0 for row in range(ROWS)],
        "colour": [None if row % 11 == 0 else ("red", "green", "blue")[row % 3] for row in range(ROWS)],
        "constant": [5.0] * ROWS,
        "huge": [1e300] * ROWS,
        "y": ["yes" if row % 4 else "no" for row in range(ROWS)],
    }
    return assemble(pa.table(columns), Asked("y"))


def task(**protocol):
    return TabularTask(
        dataset="d" * 64, rows=ROWS, features=7, classes=2, split=0, protocol=Protocol(**protocol)
    )


@pytest.mark.parametrize("networks", [True, False])
@pytest.mark.parametrize("encoding", ["one-hot", "ordinal"])
@pytest.mark.parametrize("samples", [4, 140])
def test_features_are_finite_whatever_the_training_rows_lack(table, networks, encoding, samples):
    found = prepare(table, task(encoding=encoding), samples, networks=networks)
    expected = 7 if encoding == "one-hot" else 5
    for rows in (found.train, found.validation, found.test):
        assert rows.features.dtype == np.float32
        assert rows.features.flags.c_contiguous
        assert rows.features.shape == (len(rows.classes), expected)
        assert np.isfinite(rows.features).all()
    assert len(found.train.classes) == samples
    assert found.columns == ("amount", "sign", "colour", "constant", "huge")
    assert len(found.column_of) == expected
    counted = {name: int((found.column_of == number).sum()) for number, name in enumerate(found.columns)}
    assert counted == {
        "amount": 1,
        "sign": 1,
        "colour": 3 if encoding == "one-hot" else 1,
        "constant": 1,
        "huge": 1,
    }


def feature(found, name, part="train"):
    return getattr(found, part).features[:, found.column_of == found.columns.index(name)]


def test_networks_get_normal_quantiles_of_the_training_rows_and_two_values_stay(table):
    found = prepare(table, task(), 140, networks=True)
    amounts = np.sort(feature(found, "amount")[:, 0])
    assert abs(np.median(amounts)) < 0.1
    assert amounts[-1] == pytest.approx(-ndtri(1e-7), abs=0.1)  # where scikit-learn cuts
    assert set(np.round(np.abs(feature(found, "sign")), 1).ravel()) == {1.0}
    assert not feature(found, "constant").any()
    assert set(feature(found, "colour").ravel()) == {0.0, 1.0}
    assert (feature(found, "colour").sum(axis=1) == 1).all()


def test_trees_get_numbers_as_they_are_with_the_median_of_training_rows_for_missing_ones(table):
    found = prepare(table, task(), 50, networks=False)
    given = np.array([value for value in table.data["amount"].to_pylist() if value is not None], np.float32)
    counted = np.unique(feature(found, "amount"), return_counts=True)
    median = counted[0][counted[1].argmax()]
    others = feature(found, "amount")[feature(found, "amount") != median]
    assert np.isin(others, given).all()
    assert median == pytest.approx(np.median(others), rel=0.2)
    again = feature(found, "amount", "test")
    assert median in again


def test_classes_are_numbered_in_the_order_of_their_labels(table):
    found = prepare(table, task(), 140, networks=False)
    everything = np.concatenate([found.train.classes, found.validation.classes, found.test.classes])
    assert found.class_count == 2
    assert (everything == 0).mean() == pytest.approx(0.25, abs=0.02)  # no before yes


def test_a_split_is_made_once(table):
    asked = []
    provide = providing(lambda dataset: asked.append(dataset) or table)
    first = provide(task(), 100, True)
    assert provide(task(), 100, True) is first
    assert provide(task(), 50, True).columns == first.columns
    assert provide(task(), 100, False) is not first
    assert asked == ["d" * 64]
