"""Pictures over HTTP."""

from __future__ import annotations

import pytest

from tombola import plots
from tombola.results import Curve, Frontier, Luck, SuccessTable, Thresholds

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
PNG = b"\x89PNG\r\n\x1a\n"
NAMES = ["heatmap", "frontier", "steps", "curves", "luck"]
CELL = {"width": 8, "samples": "online", "sparsity": "dense"}


@pytest.fixture
def path(finished):
    return f"/v1/experiments/{finished['id']}"


@pytest.fixture
def read(client, path):
    """Return `read(model, name, **params)`: an answer of the experiment as a model."""

    def answer(model, name, **params):
        return model.model_validate_json(client.get(f"{path}/{name}", params=params).content)

    return answer


def cell_of(name):
    return CELL if name == "curves" else {}


@pytest.mark.parametrize("name", NAMES)
def test_pictures_come_as_svg_and_png_once_with_the_experiments_name(client, path, name):
    params = cell_of(name)
    png = client.get(f"{path}/{name}.png", params=params)
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(PNG)
    svg = client.get(f"{path}/{name}.svg", params=params)
    assert svg.headers["content-type"] == "image/svg+xml"
    assert b"<!-- made up" in svg.content
    etag = svg.headers["etag"]
    assert etag != png.headers["etag"]
    again = client.get(f"{path}/{name}.svg", params=params, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    head = client.head(f"{path}/{name}.svg", params=params)
    assert (head.status_code, head.content) == (200, b"")
    for header in ("content-type", "content-length", "etag"):
        assert head.headers[header] == svg.headers[header]


def test_pictures_are_those_that_the_client_draws_of_the_answers(client, path, read):
    asked = {"interval": "jeffreys", "level": 0.9}
    table = read(SuccessTable, "success-table", **asked)
    front = read(Frontier, "frontier", probability=0.3, **asked)
    enough = read(Thresholds, "thresholds", probability=0.3, **asked)
    curves = [read(Curve, f"runs/{seed}/curve", **CELL) for seed in (1, 3)]
    drawn = {
        "heatmap": plots.heatmap(table, title="made up"),
        "frontier": plots.frontier(table, front, enough, title="made up"),
        "steps": plots.steps(table, title="made up"),
        "luck": plots.luck(read(Luck, "luck", width=8, **asked), title="made up"),
        "curves": plots.curves(curves, title="made up: width 8, online, dense", success_error=0.1),
    }
    params = {
        "heatmap": {},
        "frontier": {"probability": 0.3, **asked},
        "steps": asked,
        "luck": {"width": 8, **asked},
        "curves": {"seeds": "1,3", **CELL},
    }
    for name, figure in drawn.items():
        assert client.get(f"{path}/{name}.svg", params=params[name]).content == plots.render(figure, "svg")


@pytest.mark.parametrize(
    ("name", "params", "others"),
    [
        ("frontier", {"probability": 0.4}, [{"probability": 0.3}, {"level": 0.6}]),
        ("steps", {}, [{"level": 0.6}, {"interval": "jeffreys"}]),
        ("luck", {}, [{"width": 4}, {"level": 0.6}]),
        ("curves", CELL, [{"seeds": "2"}, {"width": 4}]),
    ],
)
def test_pictures_depend_on_what_is_asked(client, path, name, params, others):
    found = [client.get(f"{path}/{name}.svg", params=params | more) for more in ({}, *others)]
    assert [answer.status_code for answer in found] == [200] * 3
    assert len({answer.content for answer in found}) == 3


def test_a_picture_of_an_unknown_experiment_is_404(client):
    for name in NAMES:
        answer = client.get(f"/v1/experiments/01JD0M3X8Z6T4Q2W9V5K7N1R3P/{name}.svg", params=cell_of(name))
        assert answer.status_code == 404
        assert "there is no experiment" in answer.json()["detail"]


def test_a_recorded_run_changes_the_pictures(client, create, hands):
    path = f"/v1/experiments/{create(grid={'width': [4], 'samples': [50], 'sparsity': [2]})['id']}"
    claim = hands.claim(hands.queued()[0])
    for name in ("heatmap", "curves"):
        url, found = f"{path}/{name}.svg", {client.get(f"{path}/{name}.svg").content}
        hands.record(claim, [claim.runs[0 if name == "heatmap" else 1]])
        found.add(client.get(url).content)
        assert len(found) == 2


def test_pictures_of_an_experiment_without_runs(client, create):
    path = f"/v1/experiments/{create()['id']}"
    for name in NAMES:
        answer = client.get(f"{path}/{name}.svg", params=cell_of(name))
        assert answer.status_code == (404 if name == "curves" else 200)


def test_another_kind_of_picture_is_refused(client, path):
    for name in NAMES:
        answer = client.get(f"{path}/{name}.gif")
        assert answer.status_code == 422
        detail = "must be 'svg' or 'png', not \"gif\""
        assert answer.json()["errors"] == [{"parameter": "kind", "detail": detail}]


def test_parameters_on_which_a_picture_does_not_depend_are_refused(client, path):
    for name, parameter in (("heatmap", "level"), ("steps", "probability"), ("curves", "interval")):
        answer = client.get(f"{path}/{name}.svg", params={parameter: "0.5"})
        assert answer.status_code == 422
        assert [part["parameter"] for part in answer.json()["errors"]] == [parameter]


@pytest.mark.parametrize(("name", "most"), [("heatmap", 64), ("frontier", 64), ("steps", 12)])
def test_more_sparsities_than_a_picture_holds_is_409(client, create, name, most):
    experiment = create(
        target={"n": 100, "k": 2}, grid={"width": [4], "samples": [50], "sparsity": list(range(1, most + 2))}
    )
    answer = client.get(f"/v1/experiments/{experiment['id']}/{name}.svg")
    assert answer.status_code == 409
    assert f"at most {most} sparsities" in answer.json()["detail"]


@on_both
def test_curves_are_those_of_the_first_seeds_of_the_named_cell(client, create, hands, read):
    experiment = create(seeds={"count": 20, "start": 4})
    hands.train_all()
    path = f"/v1/experiments/{experiment['id']}"
    curves = [
        Curve.model_validate_json(client.get(f"{path}/runs/{seed}/curve", params=CELL).content)
        for seed in range(4, 10)
    ]
    figure = plots.curves(curves, title="made up: width 8, online, dense", success_error=0.1)
    assert client.get(f"{path}/curves.svg", params=CELL).content == plots.render(figure, "svg")


def test_curves_of_one_cell_need_no_name(client, create, hands):
    experiment = create(grid={"width": [4], "samples": [50], "sparsity": [2]})
    hands.train_all()
    assert client.get(f"/v1/experiments/{experiment['id']}/curves.png").content.startswith(PNG)


def test_curves_of_several_cells_are_422_and_name_what_to_add(client, path):
    answer = client.get(f"{path}/curves.svg", params={"width": 4})
    assert answer.status_code == 422
    assert [part["parameter"] for part in answer.json()["errors"]] == ["samples", "sparsity"]
    assert "50, null" in answer.json()["errors"][0]["detail"]


def test_curves_that_do_not_exist_are_404(client, path):
    for params in ({"seeds": "5,6"}, {"width": 5}, {"seeds": "9999999999"}):
        answer = client.get(f"{path}/curves.svg", params=CELL | params)
        assert answer.status_code == 404, params
    assert (
        "no run of seed 5,6 has finished"
        in client.get(f"{path}/curves.svg", params=CELL | {"seeds": "5,6"}).json()["detail"]
    )


def test_seeds_are_one_to_twelve_numbers(client, path):
    many = ",".join(map(str, range(13)))
    for seeds in ("", "x", "-1", "1,", "1;2", "1.5", "9" * 11, many):
        answer = client.get(f"{path}/curves.svg", params=CELL | {"seeds": seeds})
        assert answer.status_code == 422, seeds
        assert [part["parameter"] for part in answer.json()["errors"]] == ["seeds"]


def test_luck_of_a_width_that_the_grid_lacks_is_422(client, path):
    answer = client.get(f"{path}/luck.svg?width=5")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"parameter": "width", "detail": "the experiment has no cells of width 5; it has 4, 8"}
    ]
