"""Results over HTTP: success tables, frontiers, runs, curves and pictures."""

from __future__ import annotations

import csv
import io
import itertools

import pytest

from tombola.results import Frontier, SuccessTable

on_both = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def path(finished):
    return f"/v1/experiments/{finished['id']}"


def all_runs(client, path, **params):
    found, cursor = [], None
    while True:
        page = client.get(f"{path}/runs", params=params | ({"cursor": cursor} if cursor else {})).json()
        found.extend(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@on_both
def test_the_success_table_has_a_row_for_each_cell_in_the_order_of_the_grid(client, path):
    table = SuccessTable.model_validate_json(client.get(f"{path}/success-table").content)
    assert [(cell.width, cell.samples, cell.sparsity) for cell in table] == list(
        itertools.product([4, 8], [50, None], [2, None])
    )
    assert all(cell.runs == cell.runs_total == 5 for cell in table)
    assert sum(cell.successes + cell.censored + cell.diverged for cell in table) == 40


def test_before_the_first_run_a_cell_has_neither_probability_nor_interval(client, create):
    path = f"/v1/experiments/{create()['id']}"
    (cell, *_) = client.get(f"{path}/success-table").json()["cells"]
    assert (cell["runs"], cell["probability"], cell["interval"], cell["median_steps"]) == (
        0,
        None,
        None,
        None,
    )
    assert client.get(f"{path}/frontier").json()["points"] == []


@pytest.mark.parametrize("how", [{"headers": {"Accept": "text/csv"}}, {"params": {"format": "csv"}}])
def test_csv_has_the_same_numbers_as_json(client, path, how):
    table = SuccessTable.model_validate_json(client.get(f"{path}/success-table").content)
    answer = client.get(f"{path}/success-table", **how)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0] == (
        "width,samples,sparsity,runs,runs_total,successes,censored,diverged,probability,low,high,level,method,"
        "median_steps,decision"
    )
    for row, cell in zip(csv.DictReader(io.StringIO(answer.text)), table, strict=True):
        assert row["width"] == str(cell.width)
        assert row["samples"] == ("" if cell.samples is None else str(cell.samples))
        assert row["sparsity"] == ("" if cell.sparsity is None else str(cell.sparsity))
        assert float(row["probability"]) == cell.probability
        assert float(row["low"]) == cell.interval.low
        assert row["method"] == cell.interval.method
        assert row["median_steps"] == ("" if cell.median_steps is None else str(cell.median_steps))


def test_cells_without_runs_are_empty_in_csv(client, create):
    text = client.get(f"/v1/experiments/{create()['id']}/success-table", params={"format": "csv"}).text
    assert text.splitlines()[1] == "4,50,2,0,5,0,0,0,,,,,,,"


def test_accept_chooses_between_json_and_csv(client, path):
    for accept, media_type in (
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/csv; charset=utf-8"),
        ("text/csv, application/json", "application/json"),
        ("text/csv, application/json;q=0.9", "text/csv; charset=utf-8"),
        ("application/json;q=0, */*", "text/csv; charset=utf-8"),
        ("text/html, */*;q=0.1", "application/json"),
    ):
        answer = client.get(f"{path}/success-table", headers={"Accept": accept})
        assert answer.headers["content-type"] == media_type, accept
        assert answer.headers["vary"] == "Accept"


def test_accept_that_admits_neither_is_406(client, path):
    for accept in ("text/html", "application/json;q=0", "application/json;q=x", "nonsense"):
        answer = client.get(f"{path}/success-table", headers={"Accept": accept})
        assert answer.status_code == 406, accept
        assert "application/json and text/csv" in answer.json()["detail"]


def test_the_format_goes_before_accept(client, path):
    answer = client.get(f"{path}/success-table", params={"format": "json"}, headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/json"


@on_both
def test_the_frontier_has_the_cells_that_reach_the_probability(client, path):
    front = Frontier.model_validate_json(client.get(f"{path}/frontier", params={"probability": 0.5}).content)
    assert front.probability == 0.5
    assert front.points
    assert all(cell.probability >= 0.5 for cell in front.points)
    assert client.get(f"{path}/frontier").json()["probability"] == 0.9


def test_a_probability_is_above_0_and_at_most_1(client, path):
    for probability in ("0", "-1", "1.01", "nan", "inf", "-inf", "x", ""):
        for name in ("frontier", "frontier.svg"):
            answer = client.get(f"{path}/{name}?probability={probability}")
            assert answer.status_code == 422, probability
            assert [part["parameter"] for part in answer.json()["errors"]] == ["probability"]


@on_both
def test_pages_list_all_runs_once_by_cell_and_seed(client, path):
    found = all_runs(client, path, limit=7)
    assert [(run["cell"], run["seed"]) for run in found] == list(itertools.product(range(8), range(5)))


@on_both
@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"width": 8}, lambda run: run["width"] == 8),
        ({"samples": "online"}, lambda run: run["samples"] is None),
        ({"samples": 50, "sparsity": "dense"}, lambda run: run["samples"] == 50 and run["sparsity"] is None),
        (
            {"sparsity": 2, "outcome": "censored"},
            lambda run: run["sparsity"] == 2 and run["outcome"] == "censored",
        ),
        ({"width": 5}, lambda _: False),
    ],
)
def test_runs_by_cell_and_outcome(client, path, params, wanted):
    everything = all_runs(client, path)
    assert all_runs(client, path, limit=3, **params) == [run for run in everything if wanted(run)]


def test_a_wrong_filter_is_refused_by_name(client, path):
    for name, value in (
        ("width", "0"),
        ("width", "x"),
        ("width", "1e3"),
        ("samples", "offline"),
        ("samples", "0"),
        ("samples", ""),
        ("sparsity", "sparse"),
        ("outcome", "won"),
        ("limit", "1001"),
    ):
        answer = client.get(f"{path}/runs?{name}={value}")
        assert answer.status_code == 422, value
        (part,) = answer.json()["errors"]
        assert part["parameter"] == name
        assert "None" not in part["detail"]
        assert "null" not in part["detail"]


@on_both
def test_the_curve_of_one_run(client, path):
    where = {"width": 8, "samples": "online", "sparsity": "dense"}
    (run, *_) = all_runs(client, path, **where)
    curve = client.get(f"{path}/runs/{run['seed']}/curve", params=where).json()
    assert curve == {
        "cell": 7,
        "seed": 0,
        "steps": [run["steps"]],
        "train_error": [0.1],
        "test_error": [0.2],
    }


def test_a_curve_of_several_cells_is_422_and_names_what_to_add(client, path):
    answer = client.get(f"{path}/runs/0/curve", params={"width": 4})
    assert answer.status_code == 422
    assert [part["parameter"] for part in answer.json()["errors"]] == ["samples", "sparsity"]
    assert "50, null" in answer.json()["errors"][0]["detail"]


def test_an_experiment_of_one_cell_needs_no_cell_for_a_curve(client, create, hands):
    experiment = create(grid={"width": [4], "samples": [50], "sparsity": [2]})
    hands.train_all()
    assert client.get(f"/v1/experiments/{experiment['id']}/runs/3/curve").json()["seed"] == 3


def test_a_curve_that_does_not_exist_is_404(client, create, path):
    where = {"width": 4, "samples": 50, "sparsity": 2}
    assert client.get(f"{path}/runs/5/curve", params=where).status_code == 404
    assert client.get(f"{path}/runs/{2**32 - 1}/curve", params=where).status_code == 404
    waiting = create(seeds={"count": 1, "start": 50})
    answer = client.get(f"/v1/experiments/{waiting['id']}/runs/50/curve", params=where)
    assert answer.status_code == 404
    assert "seed 50" in answer.json()["detail"]


def test_a_seed_is_a_32_bit_word(client, path):
    for seed in ("-1", str(2**32), "x", "1e3", "9" * 50):
        answer = client.get(f"{path}/runs/{seed}/curve")
        assert answer.status_code == 422, seed
        assert [part["parameter"] for part in answer.json()["errors"]] == ["seed"]


@pytest.mark.parametrize("name", ["heatmap", "frontier"])
def test_pictures_come_as_svg_and_png_with_the_experiments_name(client, path, name):
    svg = client.get(f"{path}/{name}.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert b"<svg" in svg.content
    png = client.get(f"{path}/{name}.png")
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(PNG)


def test_the_frontiers_picture_depends_on_the_probability(client, path):
    pictures = {
        client.get(f"{path}/frontier.svg", params={"probability": value}).content for value in (0.3, 0.9)
    }
    assert len(pictures) == 2


def test_pictures_of_an_experiment_without_runs(client, create):
    path = f"/v1/experiments/{create()['id']}"
    assert client.get(f"{path}/heatmap.svg").status_code == 200
    assert client.get(f"{path}/frontier.svg").status_code == 200


def test_another_kind_of_picture_is_refused(client, path):
    answer = client.get(f"{path}/heatmap.gif")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"parameter": "kind", "detail": "must be 'svg' or 'png', not \"gif\""}]


def test_more_sparsities_than_a_picture_holds_is_409(client, create):
    experiment = create(
        target={"n": 100, "k": 2}, grid={"width": [4], "samples": [50], "sparsity": list(range(1, 80))}
    )
    answer = client.get(f"/v1/experiments/{experiment['id']}/heatmap.svg")
    assert answer.status_code == 409
    assert "sparsities" in answer.json()["detail"]
