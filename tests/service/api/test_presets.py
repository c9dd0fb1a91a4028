from __future__ import annotations

import pytest

PATH = "/v1/presets"
FIGURES = ["paper/figure-1", "paper/figure-2", "paper/figure-4"]


def quoted(client, spec):
    answer = client.post("/v1/experiments", params={"dry_run": "true"}, json=spec)
    assert answer.status_code == 200, answer.text
    return answer.json()["quote"]


def test_presets_can_be_read_and_posted(client):
    presets = client.get(PATH).json()["items"]
    assert [preset["name"] for preset in presets] == ["quickstart", "paper/edge", *FIGURES]
    for preset in presets:
        assert client.get(f"{PATH}/{preset['name']}").json() == preset
        assert preset["spec"] == preset["specs"][0]
        for spec in preset["specs"]:
            assert quoted(client, spec)["runs"] > 0


def test_the_figures_have_three_scales_and_the_smallest_where_it_is_left_out(client):
    for preset in client.get(PATH).json()["items"]:
        has = preset["name"] in FIGURES
        assert preset["scales"] == (["laptop", "gpu-hour", "full"] if has else [])
        assert preset["scale"] == ("laptop" if has else None)


@pytest.mark.parametrize("name", FIGURES)
def test_a_scale_is_given_as_asked(client, name):
    runs = []
    for scale in ("laptop", "gpu-hour", "full"):
        preset = client.get(f"{PATH}/{name}", params={"scale": scale}).json()
        assert preset["scale"] == scale
        quote = client.get(f"{PATH}/{name}/quote", params={"scale": scale}).json()
        assert [each["spec"] for each in quote["experiments"]] == preset["specs"]
        runs.append(quote["total"]["runs"])
    assert runs == sorted(set(runs))


def test_a_preset_is_quoted_as_its_experiments_are(client):
    answer = client.get(f"{PATH}/paper/figure-4/quote").json()
    assert (answer["preset"], answer["scale"]) == ("paper/figure-4", "laptop")
    quotes = [each["quote"] for each in answer["experiments"]]
    assert quotes == [quoted(client, each["spec"]) for each in answer["experiments"]]
    total = answer["total"]
    for name in ("cells", "runs", "run_steps", "flops", "expected_run_steps", "expected_flops"):
        assert total[name] == pytest.approx(sum(quote[name] for quote in quotes))
    for end in ("low", "expected", "high"):
        parts = [quote["wall_seconds"][end] for quote in quotes]
        assert max(parts) < total["wall_seconds"][end] <= sum(parts) * (1 + 1e-9)


def test_a_preset_without_scales_is_quoted_too(client):
    answer = client.get(f"{PATH}/quickstart/quote").json()
    assert answer["scale"] is None
    assert answer["total"] == answer["experiments"][0]["quote"]


@pytest.mark.parametrize("ending", ["", "/quote"])
def test_a_scale_that_there_is_not_is_422_and_says_what_would_be_right(client, ending):
    answer = client.get(f"{PATH}/paper/figure-1{ending}", params={"scale": "huge"})
    assert answer.status_code == 422
    (part,) = answer.json()["errors"]
    assert part == {"parameter": "scale", "detail": "must be 'laptop', 'gpu-hour' or 'full', not \"huge\""}


@pytest.mark.parametrize("ending", ["", "/quote"])
def test_a_scale_of_a_preset_that_has_none_is_422(client, ending):
    answer = client.get(f"{PATH}/paper/edge{ending}", params={"scale": "laptop"})
    assert answer.status_code == 422
    (part,) = answer.json()["errors"]
    assert part == {
        "parameter": "scale",
        "detail": "preset 'paper/edge' has no scales: leave `scale` out",
    }


@pytest.mark.parametrize(
    "name", ["x", "", "paper", "paper/edge/", "a%00b", "..%2f..%2fetc", "x/quote", "quote"]
)
def test_an_unknown_preset_is_404(client, name):
    answer = client.get(f"{PATH}/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_preset_is_told_which_there_are(client):
    detail = client.get(f"{PATH}/paper/figure-9/quote").json()["detail"]
    assert (
        detail
        == f"there is no preset 'paper/figure-9'; there are quickstart, paper/edge, {', '.join(FIGURES)}"
    )


def test_the_openapi_document_names_the_scales(client):
    document = client.get("/openapi.json").json()
    for path in ("/v1/presets/{name}", "/v1/presets/{name}/quote"):
        (scale,) = [
            parameter
            for parameter in document["paths"][path]["get"]["parameters"]
            if parameter["name"] == "scale"
        ]
        assert not scale["required"]
        name = scale["schema"]["$ref"].rpartition("/")[2]
        assert document["components"]["schemas"][name]["enum"] == ["laptop", "gpu-hour", "full"]
