"""Experiments that the server proposes, over HTTP; and pictures of comparisons."""

from __future__ import annotations

import pytest

from tests import scored
from tombola import plots
from tombola.results import Comparison, WidthFrontier

PICTURES = ["accuracy", "gain", "ranks", "width"]


@pytest.fixture
def tabular(database):
    """The path of an experiment on two tables with all its runs."""
    with database.write() as session:
        for name, rows in scored.ROWS.items():
            scored.add_dataset(session, name, rows)
        return f"/v1/experiments/{scored.add(session, scored.usual)}"


def test_a_planned_comparison_is_accepted_as_it_is(client, dataset):
    answer = client.get(f"/v1/datasets/{dataset.name}/plan", params={"minutes": 1})
    assert answer.status_code == 200
    plan = answer.json()
    assert (plan["dataset"], plan["dataset_id"], plan["fits"]) == (dataset.name, dataset.id, True)
    assert plan["quote"]["wall_seconds"]["expected"] <= 60
    assert client.get("/v1/experiments").json()["items"] == [], "nothing is stored"
    posted = client.post("/v1/experiments", json=plan["spec"])
    assert posted.status_code == 202
    assert posted.json()["progress"]["runs_total"] == plan["quote"]["runs"]


def test_minutes_and_encoding_are_as_asked(client, dataset):
    path = f"/v1/datasets/{dataset.id}/plan"
    usual, small = client.get(path).json(), client.get(path, params={"minutes": 1e-6}).json()
    assert (usual["minutes"], usual["spec"]["target"]["protocol"]["encoding"]) == (5, "one-hot")
    assert (small["fits"], small["quote"]["runs"] < usual["quote"]["runs"]) == (False, True)
    ordinal = client.get(path, params={"encoding": "ordinal"}).json()
    assert ordinal["spec"]["target"]["protocol"]["encoding"] == "ordinal"


@pytest.mark.parametrize(
    ("dataset_name", "params", "status"),
    [
        ("nowhere", {}, 404),
        ("colours", {"minutes": 0}, 422),
        ("colours", {"minutes": "soon"}, 422),
        ("colours", {"encoding": "none"}, 422),
        ("colours", {"hours": 1}, 422),
    ],
)
@pytest.mark.usefixtures("dataset")
def test_what_cannot_be_planned_is_said(client, dataset_name, params, status):
    assert client.get(f"/v1/datasets/{dataset_name}/plan", params=params).status_code == status


def test_a_table_that_is_too_small_is_422_and_says_what_it_takes(client):
    content = "a,y\n" + "".join(f"{row},{'pq'[row % 2]}\n" for row in range(14))
    named = {"name": "tiny", "target": "y"}
    client.post("/v1/datasets", params=named, content=content, headers={"content-type": "text/csv"})
    answer = client.get("/v1/datasets/tiny/plan")
    assert answer.status_code == 422
    assert "has 14 rows in 2 classes" in answer.text


def test_what_the_winners_read_is_planned_from_their_comparison(client, tabular):
    answer = client.get(f"{tabular}/importance/plan")
    assert answer.status_code == 200
    spec = answer.json()["spec"]
    assert (spec["importance"], spec["grid"]["fractions"]) == (True, [1.0])
    assert {models["kind"] for models in spec["models"]} == {"mlp", "forest"}
    assert all(len(models["candidates"]) <= 2 for models in spec["models"] if models["kind"] == "forest")


def test_before_a_size_is_complete_there_is_nothing_to_plan_for(client, tabular_spec):
    path = client.post("/v1/experiments", json=tabular_spec.model_dump(mode="json")).headers["location"]
    answer = client.get(f"{path}/importance/plan")
    assert (answer.status_code, "all runs of a size" in answer.json()["detail"]) == (409, True)
    for name in PICTURES:
        answer = client.get(f"{path}/{name}.svg")
        assert answer.status_code == 409, name


def test_the_width_picture_is_of_the_probability_and_the_interval_that_were_asked_for(client, tabular):
    asked = {"probability": 0.9, "interval": "jeffreys"}
    found = client.get(f"{tabular}/comparison/frontier", params=asked)
    figure = plots.width(WidthFrontier.model_validate_json(found.content), title="made up")
    assert client.get(f"{tabular}/width.svg", params=asked).content == plots.render(figure, "svg")
    assert client.get(f"{tabular}/width.svg", params={"probability": 2}).status_code == 422


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_those_that_the_client_draws_of_the_answer(client, tabular, name):
    for params in ({}, {"level": 0.8}):
        path, answer = (
            ("comparison/frontier", WidthFrontier) if name == "width" else ("comparison", Comparison)
        )
        found = answer.model_validate_json(client.get(f"{tabular}/{path}", params=params).content)
        figure = getattr(plots, name)(found, title="made up")
        answer = client.get(f"{tabular}/{name}.svg", params=params)
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.content == plots.render(figure, "svg")
        again = client.get(
            f"{tabular}/{name}.svg", params=params, headers={"If-None-Match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{tabular}/{name}.png").content.startswith(b"\x89PNG")


def test_an_experiment_on_a_parity_has_no_such_pictures(client, spec):
    path = client.post("/v1/experiments", json=spec.model_dump(mode="json")).headers["location"]
    for name in [*(f"{picture}.svg" for picture in PICTURES), "importance/plan"]:
        answer = client.get(f"{path}/{name}")
        assert answer.status_code == 409, name
        assert "success-table" in answer.json()["detail"]
