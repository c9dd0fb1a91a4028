"""Every benchmark runs from its start to its section of the report, in its quick form."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.machine import ROOT
from bench.report import PICTURES, SECTIONS

SCRIPTS = {
    "end_to_end": [],
    "answers": [],
    "figure1": [],
    "adaptive": [],
    "exports": [],
    "tabular": [],
    "forests": [],
    "gpu": ["--device", "cpu"],
    "networks": [],
    "engines": ["--widths", "16", "--n", "50"],
    "scaling": ["--axes", "width"],
    "paper_cells": ["--widths", "16"],
}


def run(module, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{module}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return the folder with the results of every script."""
    folder = tmp_path_factory.mktemp("results")
    with ThreadPoolExecutor(2) as pool:  # no figure of theirs counts
        started = [
            pool.submit(run, module, "--quick", "--results", str(folder), *options)
            for module, options in SCRIPTS.items()
        ]
    for script in started:
        script.result()
    return folder


def test_every_script_leaves_its_results_and_says_where_they_come_from(results):
    assert {file.stem for file in results.glob("*.json")} == set(SCRIPTS)
    for module, options in SCRIPTS.items():
        found = json.loads((results / f"{module}.json").read_text())
        assert found["quick"] is True
        assert f"bench.{module} --quick" in found["machine"]["command"]
        assert all(option in found["machine"]["command"] for option in options)
        assert found["machine"]["gpu"] == "not measured on a GPU"


def test_the_sides_are_measured_beside_each_other(results):
    (row,) = json.loads((results / "engines.json").read_text())["rows"]
    assert {"plain", "vmap", "torch"} <= set(row["sides"])
    for side in row["sides"].values():
        expected = row["sides"]["plain"]["seconds"]["median"] / side["seconds"]["median"]
        assert side["ratio"] == pytest.approx(expected)


def test_the_service_trains_the_steps_of_the_engine_alone(results):
    rows = json.loads((results / "end_to_end.json").read_text())["rows"]
    assert [row["cells"] for row in rows] == [1, 100]
    for row in rows:
        assert row["steps"] > 0
        assert set(row["stages"]) == {"until_started", "until_finished", "until_told"}


def test_success_tables_are_timed_in_few_cells_and_in_many(results):
    rows = json.loads((results / "answers.json").read_text())["rows"]
    assert [(row["cells"], row["runs"]) for row in rows] == [(8, 2_000), (400, 2_000)]
    for row in rows:
        assert set(row["seconds"]) == {"first", "again", "known", "counting"}
        assert row["bytes"] > row["cells"] * 100


def test_figure_1_has_every_cell_with_every_run(results):
    found = json.loads((results / "figure1.json").read_text())
    cells = found["table"]["cells"]
    assert len(cells) == 8
    assert {cell["runs"] for cell in cells} == {2}
    assert found["runs"] == 16


def test_adaptive_seeds_decide_every_cell_as_a_fixed_number_does(results):
    grids = json.loads((results / "adaptive.json").read_text())["grids"]
    assert set(grids) == {"small", "figure 1"}
    for grid in grids.values():
        told = grid["adaptive"]
        assert told["cells_open"] == 0
        assert told["runs_spent"] == sum(cell["runs"] for cell in grid["table"]["cells"])
        assert told["saving"] == told["runs_fixed"] / told["runs_spent"]
    assert grids["small"]["fixed"]["cells_changed"] == 0


def test_the_tuned_forest_is_one_of_the_candidates_on_every_split(results):
    rows = json.loads((results / "forests.json").read_text())["rows"]
    assert [row["dataset"] for row in rows] == ["breast_cancer", "wine"]
    for row in rows:
        assert len(row["splits"]) == 3
        for split in row["splits"]:
            assert split["chosen"] in (0, 1)
            assert split["chosen"] or split["tuned"] == split["untuned"]
            assert 0.8 < split["untuned"] <= 1


def test_every_export_has_all_rows_beside_the_pages(results):
    found = json.loads((results / "exports.json").read_text())
    rows = {(row["what"], row["format"]): row["rows"] for row in found["rows"]}
    assert {what: rows.pop(("runs", what)) for what in ("json", "csv", "parquet", "arrow")} == dict.fromkeys(
        ("json", "csv", "parquet", "arrow"), found["runs"]
    )
    assert len(rows) == 3
    assert len(set(rows.values())) == 1
    assert min(rows.values()) > found["curve_runs"]


def test_the_report_fills_every_section_and_draws_every_picture(results, tmp_path):
    page = tmp_path / "BENCHMARKS.md"
    shutil.copy(ROOT / "BENCHMARKS.md", page)
    images = tmp_path / "images"
    run("report", "--results", str(results), "--benchmarks", str(page), "--images", str(images))
    text = page.read_text()
    assert "Not measured yet." not in text
    assert text.count("A quick run: figures that mean nothing.") >= len(SECTIONS) - 1
    for name in PICTURES:
        assert (images / name).read_bytes().startswith(b"\x89PNG")
        assert f"](images/{name})" in text


def test_a_report_without_results_changes_nothing(tmp_path):
    page = tmp_path / "BENCHMARKS.md"
    shutil.copy(ROOT / "BENCHMARKS.md", page)
    said = run(
        "report", "--results", str(tmp_path), "--benchmarks", str(page), "--images", str(tmp_path / "images")
    )
    assert page.read_text() == (ROOT / "BENCHMARKS.md").read_text()
    for section in SECTIONS:
        assert f"left {section} as it is" in said
