"""ETags: nothing is sent twice to those who have it."""

from __future__ import annotations

import pytest

NAMES = ["", "/success-table", "/success-table?format=csv", "/frontier", "/heatmap.svg", "/frontier.png"]


@pytest.fixture(params=NAMES)
def url(request, finished):
    return f"/v1/experiments/{finished['id']}{request.param}"


def test_an_answer_that_is_known_is_not_sent_again(client, url):
    first = client.get(url)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    assert etag.endswith('"')
    again = client.get(url, headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == etag
    assert "content-type" not in again.headers


@pytest.mark.parametrize("form", ["W/{}", '"other", {}', '"other" ,{} , "third"', "*"])
def test_if_none_match_in_all_its_forms(client, finished, form):
    url = f"/v1/experiments/{finished['id']}"
    etag = client.get(url).headers["etag"]
    assert client.get(url, headers={"If-None-Match": form.format(etag)}).status_code == 304


@pytest.mark.parametrize("header", ['"other"', "", "nonsense", '"a", "b"'])
def test_another_etag_gets_the_answer(client, finished, header):
    answer = client.get(f"/v1/experiments/{finished['id']}", headers={"If-None-Match": header})
    assert answer.status_code == 200
    assert answer.json()["id"] == finished["id"]


def test_the_etag_changes_with_what_it_names(client, create):
    experiment = create()
    url = f"/v1/experiments/{experiment['id']}"
    before = client.get(url).headers["etag"]
    changed = client.post(f"{url}/pause").headers["etag"]
    assert changed != before
    assert client.get(url, headers={"If-None-Match": before}).status_code == 200
    assert client.get(url, headers={"If-None-Match": changed}).status_code == 304


def test_a_submission_hands_out_the_etag_for_the_first_poll(client, spec):
    answer = client.post("/v1/experiments", json=spec.model_dump(mode="json"))
    headers = {"If-None-Match": answer.headers["etag"]}
    assert client.get(answer.headers["location"], headers=headers).status_code == 304


def test_csv_and_json_have_different_etags(client, finished):
    url = f"/v1/experiments/{finished['id']}/success-table"
    etags = {client.get(url, params={"format": name}).headers["etag"] for name in ("csv", "json")}
    assert len(etags) == 2
