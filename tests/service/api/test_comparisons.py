"""Answers of experiments on tables over HTTP, against the real application."""

from __future__ import annotations

import csv
import io

import pyarrow.ipc
import pyarrow.parquet
import pytest

from tests import scored

GONE = "01JD0M3X8Z6T4Q2W9V5K7N1R3P"


@pytest.fixture
def tabular(database):
    """An experiment on two tables with all its runs, of which some diverged."""
    with database.write() as session:
        for name, rows in scored.ROWS.items():
            scored.add_dataset(session, name, rows)
        return scored.add(session, scored.usual, scored.spec_of(importance=True))


@pytest.fixture
def ask(client, tabular):
    def get(path, **options):
        return client.get(f"/v1/experiments/{tabular}/{path}", **options)

    return get


def test_a_comparison_is_answered_once_and_has_an_etag(ask):
    answer = ask("comparison")
    assert answer.status_code == 200
    body = answer.json()
    assert [row["model"] for row in body["budgets"]] == [
        "mlp",
        "mlp-sparse",
        "mlp-dense",
        "forest",
        "logistic",
    ]
    assert (body["baseline"], body["provisional"], len(body["datasets"])) == ("forest", False, 4)
    again = ask("comparison", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_baseline_level_and_budgets_are_as_asked(ask):
    body = ask("comparison?baseline=mlp-dense&level=0.8&trials=2&seconds=1000").json()
    assert (body["baseline"], body["level"], body["trials"], body["seconds"]) == ("mlp-dense", 0.8, 2, 1000.0)
    assert {row["candidates"] for row in body["budgets"]} == {1, 2}


def test_a_comparison_comes_as_a_file_too(ask):
    body = ask("comparison").json()
    answer = ask("comparison?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "-comparison.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 4 * 5
    first = body["datasets"][0]
    assert rows[0]["dataset"] == first["dataset"]
    assert rows[3]["model"] == "forest"
    assert float(rows[3]["accuracy"]) == first["models"][3]["accuracy"]["value"]
    assert (rows[3]["difference"], rows[3]["verdict"]) == ("", "")
    frame = pyarrow.parquet.read_table(io.BytesIO(ask("comparison?format=parquet").content))
    assert frame.num_rows == 20


def test_the_width_frontier_is_as_asked(ask):
    body = ask("comparison/frontier?probability=0.8&against=full&baseline=logistic&level=0.9").json()
    assert {name: body[name] for name in ("probability", "against", "baseline", "level", "method")} == {
        "probability": 0.8,
        "against": "full",
        "baseline": "logistic",
        "level": 0.9,
        "method": "wilson",
    }
    assert len(body["points"]) == 16


def test_importances_are_those_of_every_model_at_every_size(ask):
    body = ask("importance").json()
    assert len(body["models"]) == 20
    assert [column["column"] for column in body["models"][0]["columns"]] == ["signal", "noise"]


def test_scores_are_listed_by_cursor(ask):
    first = ask("scores?limit=200").json()
    second = ask(f"scores?limit=200&cursor={first['next_cursor']}").json()
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (200, 88, None)
    assert {item["importance"] is None for item in first["items"]} == {True, False}  # diverged runs have none
    narrowed = ask("scores?dataset=hard&model=logistic").json()["items"]
    assert {(item["dataset"], item["model"]) for item in narrowed} == {("hard", "logistic")}


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow"])
def test_scores_come_as_files(ask, kind):
    listed = ask("scores?limit=1000").json()["items"]
    content = ask(f"scores?format={kind}").content
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        found = [float(row["test_accuracy"]) if row["test_accuracy"] else None for row in rows]
    elif kind == "parquet":
        found = pyarrow.parquet.read_table(io.BytesIO(content))["test_accuracy"].to_pylist()
    else:
        found = pyarrow.ipc.open_stream(content).read_all()["test_accuracy"].to_pylist()
    assert found == [item["test"]["accuracy"] for item in listed]


@pytest.mark.parametrize(
    ("path", "parameter", "told"),
    [
        ("comparison?baseline=svm", "baseline", "mlp-sparse"),
        ("comparison?baseline=tabm", "baseline", "it has mlp, mlp-sparse, mlp-dense, forest, logistic"),
        ("comparison/frontier?baseline=tabm", "baseline", "it has mlp, mlp-sparse"),
        ("comparison?trials=0", "trials", "greater than or equal to 1"),
        ("comparison?seconds=0", "seconds", "greater than 0"),
        ("comparison?level=1", "level", "less than 1"),
        ("comparison/frontier?against=all", "against", "'same' or 'full'"),
        ("scores?dataset=soft", "dataset", "it has plain, hard"),
        ("scores?dataset=soft&format=csv", "dataset", "it has plain, hard"),
        ("scores?model=boosting", "model", "it has mlp, forest, logistic"),
        ("scores?cursor=x", "cursor", "next_cursor of an earlier page"),
        ("importance?model=mlp", "model", "is unknown"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(ask, path, parameter, told):
    answer = ask(path)
    assert answer.status_code == 422
    (part,) = answer.json()["errors"]
    assert part["parameter"] == parameter
    assert told in part["detail"]


@pytest.mark.parametrize(
    "path", ["comparison", "comparison/frontier", "importance", "scores", "scores?format=csv"]
)
def test_experiments_on_a_parity_say_where_their_answers_are(client, create, path):
    answer = client.get(f"/v1/experiments/{create()['id']}/{path}")
    assert answer.status_code == 409
    assert "/success-table" in answer.json()["detail"]
    assert client.get(f"/v1/experiments/{GONE}/{path}").status_code == 404


def test_importances_that_were_not_measured_are_a_conflict(client, database):
    with database.write() as session:
        key = scored.add(session, scored.usual)
    answer = client.get(f"/v1/experiments/{key}/importance")
    assert answer.status_code == 409
    assert '"importance": true' in answer.json()["detail"]


def test_provisional_experiments_are_answered_too(client, database):
    with database.write() as session:
        key = scored.add(session, lambda *_: False, scored.spec_of(importance=True))
    for path in ("comparison", "comparison/frontier", "importance", "scores", "scores?format=csv"):
        assert client.get(f"/v1/experiments/{key}/{path}").status_code == 200
    assert client.get(f"/v1/experiments/{key}/comparison").json()["provisional"]
