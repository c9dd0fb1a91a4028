from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.lab.tabular import sizes
from tombola.results import ClassCount
from tombola.spec import Protocol, TabularTask
from worker.tabular.splits import split


def task(classes, number=0, dataset="b" * 64, **protocol):
    return TabularTask(
        dataset=dataset,
        rows=len(classes),
        features=1,
        classes=int(classes.max()) + 1,
        split=number,
        protocol=Protocol(**protocol),
    )


@st.composite
def tables(draw):
    """Return classes of a table that has a few rows of each."""
    counts = draw(st.lists(st.integers(5, 60), min_size=2, max_size=5))
    classes = np.repeat(np.arange(len(counts)), counts)
    order = draw(st.permutations(range(len(classes))))
    return classes[list(order)]


def test_splits_are_these_for_ever():
    """The rows are part of every stored result."""
    classes = np.arange(24) % 3
    found = split(classes, task(classes, 7), 10)
    assert found.train.tolist() == [18, 16, 5, 12, 19, 2, 0, 10, 23, 9]
    assert found.validation.tolist() == [22]
    assert found.test.tolist() == [6, 1, 20, 21, 4, 17]


@given(tables(), st.integers(0, 2**32 - 1), st.data())
def test_a_smaller_set_is_part_of_a_larger_one_and_no_row_is_used_twice(classes, number, data):
    asked = task(classes, number)
    largest, validation, test = asked.protocol.sizes(len(classes))
    assume(validation)  # the service refuses other tables
    small, large = sorted(data.draw(st.lists(st.integers(1, largest), min_size=2, max_size=2)))
    few, many = split(classes, asked, small), split(classes, asked, large)
    assert few.train.tolist() == many.train[:small].tolist()
    assert few.validation.tolist() == many.validation[: len(few.validation)].tolist()
    assert few.test.tolist() == many.test.tolist()
    assert len(many.test) == test
    assert 1 <= len(few.validation) <= len(many.validation) <= validation
    rows = [*many.train, *many.validation, *many.test]
    assert len(rows) == len(set(rows))


@given(tables(), st.data())
def test_every_training_set_has_the_classes_in_proportion(classes, data):
    asked = task(classes)
    samples = data.draw(st.integers(1, asked.protocol.sizes(len(classes))[0]))
    counts = np.bincount(classes[split(classes, asked, samples).train], minlength=asked.classes)
    expected = samples * np.bincount(classes) / len(classes)
    assert np.abs(counts - expected).max() <= asked.classes / 2


@given(tables(), st.data())
def test_what_is_said_of_a_size_is_what_the_split_holds(classes, data):
    """The API tells from counts alone, for it loads neither numpy nor the table."""
    asked = task(classes)
    samples = data.draw(st.integers(1, asked.protocol.sizes(len(classes))[0]))
    rows = np.bincount(classes)
    counts = [
        ClassCount(label=f"class {number}", rows=int(count), share=count / len(classes))
        for number, count in enumerate(rows)
    ]
    held = set(classes[split(classes, asked, samples).train].tolist())
    detail = sizes.check("a table", counts[::-1], len(classes), samples, asked.protocol)
    assert (detail is None) == (len(held) == asked.classes)


def test_a_size_without_a_class_is_told_with_the_one_that_would_do():
    counts = [ClassCount(label="common", rows=990, share=0.99), ClassCount(label="rare", rows=10, share=0.01)]
    said = sizes.check("mine", counts, 1000, 7, Protocol())
    assert said is not None
    assert "7 training rows of data set mine hold no row of class 'rare'" in said
    assert "the smallest that does has 51 rows, a fraction of 0.073" in said
    assert sizes.check("mine", counts, 1000, 51, Protocol()) is None
    assert sizes.check("mine", counts, 1000, 50, Protocol()) is not None


def test_splits_data_sets_and_nothing_else_make_another_order():
    classes = np.arange(300) % 2
    one = split(classes, task(classes), 100)
    assert one.train.tolist() != split(classes, task(classes, 1), 100).train.tolist()
    assert one.train.tolist() != split(classes, task(classes, dataset="c" * 64), 100).train.tolist()
    other = split(classes, task(classes, encoding="ordinal", labels="permuted"), 100)
    assert one.train.tolist() == other.train.tolist()


def test_permuted_labels_are_those_of_the_rows_that_train_and_validate():
    classes = (np.arange(1000) % 3 == 0).astype(np.int64)
    given_ones, permuted = (
        split(classes, task(classes, labels=labels), 500) for labels in ("given", "permuted")
    )
    assert np.array_equal(permuted.classes[permuted.test], classes[permuted.test])
    pool = np.concatenate([permuted.train, permuted.validation, given_ones.validation])
    assert not np.array_equal(permuted.classes[pool], classes[pool])
    assert permuted.classes.sum() == classes.sum()
    agreeing = (permuted.classes == classes)[permuted.train].mean()
    assert agreeing == pytest.approx(5 / 9, abs=0.08)  # as by chance
