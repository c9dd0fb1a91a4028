"""Experiments over HTTP: submit, replay, quote, list, steer, delete."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from service.store.models import Experiment

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
PATH = "/v1/experiments"


@on_both
def test_submitting_answers_202_with_location_and_the_experiment(client, spec):
    answer = client.post(PATH, json=spec.model_dump(mode="json"))
    assert answer.status_code == 202
    experiment = answer.json()
    assert answer.headers["location"] == f"{PATH}/{experiment['id']}"
    assert experiment["status"] == "queued"
    assert experiment["quote"]["runs"] == experiment["progress"]["runs_total"] == 40
    assert client.get(answer.headers["location"]).json() == experiment


def test_defaults_of_the_spec_are_filled_in(client):
    minimal = {"name": "a", "target": {"n": 10, "k": 2}, "grid": {"width": [4], "samples": [50]}}
    spec = client.post(PATH, json=minimal).json()["spec"]
    assert spec["target"]["kind"] == "parity"
    assert spec["grid"]["sparsity"] == [2]
    assert spec["seeds"] == {"count": 50, "start": 0}


def test_a_json_dialect_is_taken_as_json(client, spec):
    headers = {"Content-Type": "application/vnd.tombola+json; charset=utf-8"}
    assert client.post(PATH, content=spec.model_dump_json(), headers=headers).status_code == 202


@on_both
def test_the_same_key_and_spec_again_give_the_first_experiment(client, spec):
    headers = {"Idempotency-Key": "a key of mine"}
    first = client.post(PATH, json=spec.model_dump(mode="json"), headers=headers)
    again = client.post(PATH, json=spec.model_dump(mode="json"), headers=headers)
    assert again.status_code == first.status_code == 202
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == first.json()
    assert len(client.get(PATH).json()["items"]) == 1


def test_the_same_key_with_another_spec_is_a_conflict(client, spec):
    headers = {"Idempotency-Key": "k"}
    client.post(PATH, json=spec.model_dump(mode="json"), headers=headers)
    answer = client.post(PATH, json=spec.model_dump(mode="json") | {"name": "other"}, headers=headers)
    assert answer.status_code == 409
    assert "'k'" in answer.json()["detail"]


def test_keys_of_different_users_do_not_meet(client, spec, make_key):
    ids = set()
    for name in ("ann", "ben"):
        headers = {"Idempotency-Key": "k", "Authorization": f"Bearer {make_key(name)}"}
        answer = client.post(PATH, json=spec.model_dump(mode="json"), headers=headers)
        assert answer.status_code == 202
        ids.add(answer.json()["id"])
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve".encode("latin-1"), "tab\there"])
def test_an_idempotency_key_is_printable_ascii_of_at_most_255_characters(client, spec, key):
    answer = client.post(PATH, json=spec.model_dump(mode="json"), headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert [part["parameter"] for part in answer.json()["errors"]] == ["Idempotency-Key"]


@on_both
def test_many_submissions_at_once_are_all_answered_and_a_shared_key_makes_one_experiment(live, spec, client):
    def post(number):
        headers = {"Idempotency-Key": f"key {number % 10}"}
        return served.post(PATH, json=spec.model_dump(mode="json"), headers=headers)

    with live() as served, ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(post, range(60)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 10
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 50
    assert len(client.get(PATH).json()["items"]) == 10


@on_both
def test_a_dry_run_quotes_and_stores_nothing(client, spec, hands):
    answer = client.post(PATH, params={"dry_run": "true"}, json=spec.model_dump(mode="json"))
    assert answer.status_code == 200
    assert answer.json()["quote"]["runs"] == 40
    assert answer.json()["spec"] == spec.model_dump(mode="json")
    assert "location" not in answer.headers
    assert client.get(PATH).json()["items"] == []
    assert hands.queued() == []


@on_both
def test_a_dry_run_counts_the_runs_that_exist(client, spec, finished):
    quote = client.post(PATH, params={"dry_run": "1"}, json=spec.model_dump(mode="json")).json()["quote"]
    assert quote["runs_existing"] == 40
    assert quote["run_steps"] == 0


@on_both
def test_a_quote_has_ranges_and_says_what_they_rest_on(client, spec, finished):
    more = spec.model_dump(mode="json") | {"seeds": {"count": 8}}
    quote = client.post(PATH, params={"dry_run": "1"}, json=more).json()["quote"]
    assert (quote["runs"], quote["runs_existing"], quote["runs_with_history"]) == (64, 40, 24)
    for name in ("core_seconds", "wall_seconds"):
        estimate = quote[name]
        assert 0 < estimate["low"] < estimate["expected"] < estimate["high"]
    assert quote["gpu_seconds"] is None
    assert quote["expected_run_steps"] < quote["run_steps"]
    assert quote["memory_bytes"] > 0
    assert [machines["workers"] for machines in quote["machines"]] == [0]
    assert "no worker is alive" in quote["basis"]
    assert "24 of 24 runs" in quote["basis"]


@on_both
def test_an_experiment_shows_what_it_took_beside_its_quote(client, create, hands):
    experiment = create()
    assert experiment["actual"] is None
    hands.train_all()
    done = client.get(f"{PATH}/{experiment['id']}").json()
    assert done["quote"] == experiment["quote"]
    assert done["actual"]["runs_trained"] == 40
    assert done["actual"]["core_seconds"] == 40
    assert done["actual"]["gpu_seconds"] == 0
    assert done["actual"]["wall_seconds"] >= 0


def test_a_quote_from_before_there_were_ranges_can_be_read(client, create, database):
    experiment = create()
    old = ("cells", "runs", "runs_existing", "runs_pending", "run_steps", "flops", "seconds", "workers")
    with database.write() as session:
        quote = {name: experiment["quote"][name] for name in old}
        session.execute(update(Experiment).values(quote=quote))
    shown = client.get(f"{PATH}/{experiment['id']}").json()["quote"]
    assert shown["run_steps"] == experiment["quote"]["run_steps"]
    assert shown["wall_seconds"] is None


@on_both
def test_pages_list_all_experiments_once_newest_first(client, create):
    ids = [create(name=f"number {index}")["id"] for index in range(5)]
    seen, cursor = [], None
    while True:
        page = client.get(PATH, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen.append([item["id"] for item in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [len(ids) for ids in seen] == [2, 2, 1]
    assert sum(seen, []) == ids[::-1]  # noqa: RUF017  # three short lists


def test_a_last_page_that_is_full_has_no_next_one(client, create):
    for _ in range(2):
        create()
    assert client.get(PATH, params={"limit": 2}).json()["next_cursor"] is None


@on_both
def test_listing_by_status(client, create, finished):
    waiting = create(seeds={"count": 5, "start": 100})
    assert [item["id"] for item in client.get(PATH, params={"status": "queued"}).json()["items"]] == [
        waiting["id"]
    ]
    assert [item["id"] for item in client.get(PATH, params={"status": "succeeded"}).json()["items"]] == [
        finished["id"]
    ]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "status=done", "limit=", "limit=1&limit=2"]
)
def test_a_wrong_query_is_refused_by_name(client, query):
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert [part["parameter"] for part in answer.json()["errors"]] == [query.partition("=")[0]]


def test_an_unknown_query_parameter_is_refused_and_the_known_are_named(client):
    answer = client.get(PATH, params={"state": "queued"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"parameter": "state", "detail": "is unknown; this call takes cursor, limit, status"}
    ]


@on_both
@pytest.mark.parametrize(
    "steps",
    [
        [("cancel", "cancelled"), ("retry", "queued")],
        [("pause", "paused"), ("resume", "queued")],
        [("pause", "paused"), ("cancel", "cancelled")],
    ],
)
def test_state_changes(client, create, steps):
    path = f"{PATH}/{create()['id']}"
    for verb, status in steps:
        answer = client.post(f"{path}/{verb}")
        assert answer.status_code == 200
        assert answer.json()["status"] == status
        assert client.get(path).json() == answer.json()


def test_an_illegal_change_is_a_conflict_with_the_reason(client, finished):
    answer = client.post(f"{PATH}/{finished['id']}/cancel")
    assert answer.status_code == 409
    assert answer.json()["detail"].endswith(f"{finished['id']} is succeeded")


@on_both
def test_an_ended_experiment_can_be_deleted(client, finished):
    answer = client.delete(f"{PATH}/{finished['id']}")
    assert answer.status_code == 204
    assert answer.content == b""
    assert client.get(f"{PATH}/{finished['id']}").status_code == 404


def test_a_waiting_experiment_cannot_be_deleted(client, create):
    experiment = create()
    answer = client.delete(f"{PATH}/{experiment['id']}")
    assert answer.status_code == 409
    assert "cancel it first" in answer.json()["detail"]
    assert client.get(f"{PATH}/{experiment['id']}").status_code == 200


@on_both
@pytest.mark.parametrize(
    ("method", "suffix"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("GET", "/success-table"),
        ("GET", "/frontier"),
        ("GET", "/runs"),
        ("GET", "/runs/0/curve"),
        ("GET", "/heatmap.svg"),
        ("GET", "/frontier.png"),
        ("GET", "/events"),
    ],
)
def test_an_unknown_id_is_404_whatever_it_looks_like(client, method, suffix):
    unknown = "01JD0M3X8Z6T4Q2W9V5K7N1R3P"
    for experiment_id in (unknown, unknown.lower(), unknown + "0", "x", "a%00b", "%F0%9F%8E%B2", "%ED%A0%80"):
        answer = client.request(method, f"{PATH}/{experiment_id}{suffix}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert "there is no experiment" in answer.json()["detail"]


def test_a_very_long_id_is_not_echoed_in_full(client):
    answer = client.get(f"{PATH}/{'x' * 5000}")
    assert answer.status_code == 404
    assert len(answer.content) < 500


ADAPTIVE = {"mode": "adaptive", "goal": "boundary", "probability": 0.5, "max": 100}


@on_both
def test_adaptive_seeds_are_quoted_as_a_range_and_told_apart(client, spec):
    body = spec.model_dump(mode="json") | {"seeds": ADAPTIVE}
    quote = client.post(PATH, params={"dry_run": "true"}, json=body).json()["quote"]
    assert (quote["runs"], quote["adaptive_runs"]["low"]) == (800, 56)
    experiment = client.post(PATH, json=body).json()
    assert experiment["spec"]["seeds"] == ADAPTIVE | {"start": 0, "level": 0.95}
    assert experiment["progress"]["runs_total"] == 56
    assert experiment["adaptive"]["cells_open"] == 8
    assert experiment["adaptive"]["runs_most"] == 800
    row = client.get(f"{PATH}/{experiment['id']}/success-table").json()["cells"][0]
    assert (row["decision"], row["runs_total"], row["interval"]) == ("open", 7, None)
    assert client.post(PATH, json=spec.model_dump(mode="json")).json()["adaptive"] is None
