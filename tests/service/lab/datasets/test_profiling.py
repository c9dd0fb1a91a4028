from __future__ import annotations

import random

import numpy as np
import pytest

from service.lab.datasets.profiling import profile, voted_accuracy

RANDOM = random.Random(3)  # noqa: S311  # made-up tables


@pytest.fixture
def describe(take):
    """Return `describe(columns)`: the profile of a table with the target `y`."""

    def describe(columns, categorical=()):
        rows = zip(*columns.values(), strict=True)
        text = "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)])
        table = take(text, categorical=categorical)
        return profile(table, table.digests())

    return describe


def noise(count):
    return [round(RANDOM.random(), 6) for _ in range(count)]


def test_a_sound_table_has_no_warnings(describe):
    found = describe(
        {"a": noise(200), "b": ["xyz"[i % 3] for i in range(200)], "y": ["pq"[i % 2] for i in range(200)]}
    )
    assert found.warnings == []
    assert [(item.label, item.rows, item.share) for item in found.classes] == [
        ("p", 100, 0.5),
        ("q", 100, 0.5),
    ]
    assert found.balance == 1.0
    number, words = found.columns
    assert (number.kind, words.kind, words.distinct, words.categories) == (
        "number",
        "categorical",
        3,
        ["x", "y", "z"],
    )
    assert number.minimum <= number.mean <= number.maximum


def test_everything_suspicious_is_reported(describe):
    labels = ["p"] * 97 + ["q"] * 3
    found = describe(
        {
            "id": range(100),
            "name": [f"n{i // 2 if i < 6 else i}" for i in range(100)],
            "same": [7] * 100,
            "a": ["", *noise(99)],
            "told": [{"p": 1, "q": 0}[label] for label in labels],
            "copy": [{"p": 1, "q": 0}[label] for label in labels],
            "y": labels,
        }
    )
    assert found.identifier_columns == ["id", "name"]
    assert found.constant_columns == ["same"]
    assert found.missing_values == 1
    assert found.duplicate_columns == [("copy", "told")]
    assert [(item.name, item.accuracy) for item in found.leaking_columns] == [("told", 1.0), ("copy", 1.0)]
    assert found.balance == pytest.approx(3 / 97)
    always = "in 100.0% of rows"
    assert found.warnings == [
        "1 value is missing, in 'a'",
        "the same value in every row: 'same'",
        "columns equal to another: 'copy' as 'told'",
        "another value in each row or nearly, as an identifier has: 'id', 'name'",
        f"tells the class alone, so it may be made from it: 'told' {always}, 'copy' {always}",
        "classes with less than 5% of rows: 'q'",
    ]


def test_repeated_rows_count_beyond_the_first_and_with_their_class(describe):
    found = describe({"a": [1, 1, 1, 2, 2, "", ""] * 4, "y": (["p"] * 3 + ["p", "q", "q", "q"]) * 4})
    assert found.duplicate_rows == 28 - len({(1, "p"), (2, "p"), (2, "q"), ("", "q")})


def test_a_number_that_is_cut_in_two_tells_the_class_and_one_that_overlaps_does_not(describe):
    labels = ["pq"[i % 2] for i in range(2000)]
    cut = [RANDOM.random() + (label == "q") for label in labels]
    overlapping = [RANDOM.random() + 0.8 * (label == "q") for label in labels]
    found = describe({"cut": cut, "overlapping": overlapping, "y": labels})
    assert [item.name for item in found.leaking_columns] == ["cut"]


def test_missing_values_that_tell_the_class_are_seen(describe):
    labels = ["pq"[i % 2] for i in range(100)]
    found = describe({"a": ["" if label == "q" else RANDOM.random() for label in labels], "y": labels})
    assert [item.name for item in found.leaking_columns] == ["a"]


def test_the_mean_of_the_largest_numbers_is_no_infinity(describe):
    found = describe({"a": [1.7e308] * 12, "b": [0] * 12, "c": [-1.7e308, 1.7e308] * 6, "y": ["p", "q"] * 6})
    assert [column.mean for column in found.columns] == [pytest.approx(1.7e308), 0.0, 0.0]


def brute_force(codes, labels, classes):
    right = 0
    for row, (code, label) in enumerate(zip(codes, labels, strict=True)):
        others = [labels[i] for i in range(len(codes)) if i != row and codes[i] == code]
        counts = [others.count(item) for item in range(classes)]
        right += counts[label] > max(counts[item] for item in range(classes) if item != label)
    return right / len(codes)


@pytest.mark.parametrize("seed", range(20))
def test_the_voted_accuracy_is_that_of_counting_all_others(seed):
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 5))
    codes, labels = rng.integers(0, 1 + seed, 40), rng.integers(0, classes, 40)
    expected = brute_force(codes.tolist(), labels.tolist(), classes)
    assert voted_accuracy(codes, labels, classes) == pytest.approx(expected)
