"""Lines are fitted, and sections filled, as they should be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.machine import ROOT
from bench.report import SECTIONS, fill
from bench.scaling import fit
from bench.sections import figures, table
from bench.timing import side_by_side

positive = st.floats(0.01, 100)


@given(
    intercept=positive, slope=positive, x=st.lists(st.integers(1, 1000), min_size=3, max_size=8, unique=True)
)
def test_a_line_is_found_again(intercept, slope, x):
    line = fit(x, [intercept + slope * value for value in x])
    assert line["intercept"] == pytest.approx(intercept, rel=1e-3, abs=1e-3)
    assert line["slope"] == pytest.approx(slope, rel=1e-3)
    assert line["deviation"] < 1e-6
    assert line["r_squared"] > 0.9999


def test_what_is_not_linear_is_told():
    line = fit([1, 10, 100, 1000], [1, 100, 10_000, 1_000_000])
    assert line["deviation"] > 0.5


def test_only_what_stands_between_the_marks_is_replaced():
    text = "before\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nafter\n"
    filled = fill(text, "a", "new\n")
    assert filled == "before\n<!-- bench:a -->\nnew\n<!-- /bench:a -->\nafter\n"
    assert fill(filled, "a", "new") == filled


@pytest.mark.parametrize("text", ["", "<!-- bench:a -->\nno end\n", "<!-- /bench:a -->\n<!-- bench:a -->\n"])
def test_marks_that_are_not_there_are_named(text):
    with pytest.raises(ValueError, match="bench:a"):
        fill(text, "a", "new")


def test_the_page_has_a_place_for_every_section():
    page = (ROOT / "BENCHMARKS.md").read_text()
    for section in SECTIONS:
        fill(page, section, "something")


def test_published_results_are_of_whole_runs():
    for file in (ROOT / "bench" / "results").glob("*.json"):
        assert json.loads(file.read_text())["quick"] is False, file


def test_tables_and_figures():
    assert table(["a", "b"], [["1", "2"]], left=1) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
    assert [figures(value) for value in (0.5034, 12.74, 203.4, 14_199.8)] == [
        "0.503",
        "12.7",
        "203",
        "14 200",
    ]


class Clock:
    """A side that takes the seconds it is told, in no time."""

    runs = 4

    def __init__(self, name, seconds_per_step, calls):
        self._name, self._seconds, self._calls = name, seconds_per_step, calls

    def seconds(self, steps):
        self._calls.append((self._name, steps))
        return self._seconds / self.runs


def test_sides_take_turns_for_about_as_long(monkeypatch):
    monkeypatch.setattr("bench.timing.settle", lambda: None)
    calls = []
    sides = {"slow": Clock("slow", 0.01, calls), "quick": Clock("quick", 0.0001, calls)}
    found = side_by_side(sides, target_seconds=1.0, interval=500, most=5000, rounds=2)
    assert calls == [
        *(("slow", 500), ("quick", 500)),  # the trials; the slow one took 5 s, and counts
        ("quick", 5000),
        *(("quick", 5000), ("slow", 500)),
    ]
    assert {name: (steps, len(values)) for name, (steps, values) in found.items()} == {
        "slow": (500, 2),
        "quick": (5000, 2),
    }
