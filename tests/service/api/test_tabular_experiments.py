"""Experiments on tables over HTTP."""

from __future__ import annotations

import pytest


@pytest.fixture
def database_url(migrated_sqlite_url):
    return migrated_sqlite_url


@pytest.fixture
def body(tabular_spec):
    return tabular_spec.model_dump(mode="json", exclude_none=True)


def test_a_spec_on_tables_is_accepted_and_answered_as_it_was_sent(client, body, tabular_spec):
    posted = client.post("/v1/experiments", json=body)
    assert posted.status_code == 202
    assert posted.json()["progress"]["runs_total"] == 20
    answer = client.get(posted.headers["location"]).json()
    assert answer["spec"] == tabular_spec.model_dump(mode="json")
    (listed,) = client.get("/v1/experiments").json()["items"]
    assert listed["id"] == answer["id"]


def test_a_dry_run_quotes_and_stores_nothing(client, body):
    answer = client.post("/v1/experiments?dry_run=true", json=body)
    assert answer.status_code == 200
    quote = answer.json()["quote"]
    assert (quote["cells"], quote["runs"]) == (20, 20)
    assert quote["core_seconds"]["expected"] > 0
    assert client.get("/v1/experiments").json()["items"] == []


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_what_does_not_fit_the_data_sets_is_refused_with_pointers(client, body, query):
    body["target"]["datasets"] = ["colours", "of the sea"]
    body["models"][0]["sparsity"] = [6]
    answer = client.post(f"/v1/experiments{query}", json=body)
    assert answer.status_code == 422
    assert [(part["pointer"], part["detail"]) for part in answer.json()["errors"]] == [
        ("/target/datasets/1", "there is no data set 'of the sea'; GET /v1/datasets lists those there are")
    ]
    body["target"]["datasets"] = ["colours"]
    answer = client.post(f"/v1/experiments{query}", json=body)
    assert [part["pointer"] for part in answer.json()["errors"]] == ["/models/0/sparsity/0"]
    assert client.get("/v1/experiments").json()["items"] == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"models": [{"kind": "mlp", "width": [0]}]}, "/models/0/width/0"),
        ({"models": [{"kind": "forest", "trials": 2, "depth": 3}]}, "/models/0/depth"),
        ({"models": [{"kind": "forest"}, {"kind": "forest"}]}, "/models/1/kind"),
        ({"models": [{"kind": "mlp", "width": [20_000], "depth": [3]}]}, "/models/0/width/0"),
        ({"grid": {"fractions": [0.5, 2]}}, "/grid/fractions/1"),
        ({"seeds": {"mode": "adaptive"}}, "/seeds/mode"),
        ({"training": {}}, "/training"),
        ({"target": {"kind": "images"}}, "/target/kind"),
    ],
)
def test_wrong_fields_are_pointed_to(client, body, fields, pointer):
    answer = client.post("/v1/experiments", json=body | fields)
    assert answer.status_code == 422
    assert [part["pointer"] for part in answer.json()["errors"]] == [pointer]


PARITY_ANSWERS = [
    "success-table",
    "success-table?format=csv",
    "frontier",
    "thresholds",
    "times",
    "luck",
    "report",
    "runs",
    "runs?format=csv",
    "curves",
    "curves?format=parquet",
    "runs/0/curve",
    *(f"{name}.svg" for name in ("heatmap", "frontier", "steps", "curves", "luck", "theory", "resources")),
]


def test_answers_about_parities_are_409_and_name_those_on_tables(client, body):
    path = client.post("/v1/experiments", json=body).headers["location"]
    for name in PARITY_ANSWERS:
        answer = client.get(f"{path}/{name}")
        assert answer.status_code == 409, name
        assert f"{path}/comparison" in answer.json()["detail"]
        assert f"{path}/scores" in answer.json()["detail"]


def test_a_data_set_that_an_unfinished_experiment_needs_is_not_deleted(client, body):
    experiment = client.post("/v1/experiments", json=body).json()
    answer = client.delete("/v1/datasets/colours")
    assert answer.status_code == 409
    assert experiment["id"] in answer.json()["detail"]
    client.post(f"/v1/experiments/{experiment['id']}/cancel")
    assert client.delete("/v1/datasets/colours").status_code == 204
    assert client.post(f"/v1/experiments/{experiment['id']}/retry").status_code == 409


def test_workers_say_which_queues_they_consume(client, hire):
    hire(queues="cpu", engine="estimators")
    (worker,) = client.get("/v1/workers").json()["items"]
    assert worker["queues"] == ["cpu"]
