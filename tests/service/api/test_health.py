"""Health, metrics, and what stands around every request."""

from __future__ import annotations

import json
import logging
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.doorbell import Doorbell
from service.settings import Settings
from service.store.database import Database

PATH = "/v1/experiments"


def metrics_of(client):
    text = client.get("/metrics").text
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_alive(client):
    assert client.get("/livez").json() == {"status": "alive"}


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_ready_with_database_schema_and_broker(serve, database, broker_url):
    with serve(database, broker_url=broker_url) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": "ok", "schema": "ok", "broker": "ok"},
    }


def test_not_ready_without_a_broker(client):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "schema": "ok", "broker": "cannot be reached"}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_not_ready_before_the_migration(serve, request, tmp_path, kind):
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:///{tmp_path}/new.db"
    empty = Database(url)
    with serve(empty) as client:
        answer = client.get("/readyz")
    empty.close()
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "ok"
    assert "tombola migrate" in answer.json()["checks"]["schema"]


def test_without_a_database_the_server_lives_but_is_not_ready_and_answers_503(serve, closed_port):
    away = Database(f"postgresql+psycopg://user:secret@127.0.0.1:{closed_port}/tombola")
    with serve(away) as client:
        assert client.get("/livez").status_code == 200
        ready = client.get("/readyz")
        answer = client.get(PATH)
    away.close()
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] == "cannot be reached"
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in ready.text + answer.text


def test_metrics_count_answers_by_the_routes_template(client, create):
    experiment = create()
    for _ in range(2):
        client.get(f"{PATH}/{experiment['id']}")
    client.get(f"{PATH}/unknown")
    client.get("/nothing/here")
    client.request("BREW", PATH)
    found = metrics_of(client)

    def count(method, route, status):
        labels = [("method", method), ("route", route), ("status", status)]
        return found["tombola_http_requests_total", *labels]

    template = f"{PATH}/{{experiment_id}}"
    assert count("POST", PATH, "202") == 1
    assert count("GET", template, "200") == 2
    assert count("GET", template, "404") == 1
    assert count("GET", "(none)", "404") == 1
    assert count("other", PATH, "405") == 1
    assert found["tombola_http_request_seconds_count", ("method", "GET"), ("route", template)] == 3


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_metrics_count_what_the_store_holds(client, finished, create):
    create(seeds={"count": 1, "start": 100})
    found = metrics_of(client)
    assert found["tombola_experiments", ("status", "succeeded")] == 1
    assert found["tombola_experiments", ("status", "queued")] == 1
    assert found["tombola_experiments", ("status", "failed")] == 0
    assert found["tombola_runs_finished_total",] == 40
    assert found["tombola_shards", ("state", "done")] >= 1
    assert found["tombola_workers_alive",] == 0
    assert found["tombola_checkpoint_bytes",] == 0


def test_applications_do_not_share_metrics(serve, database):
    with serve(database) as first, serve(database) as second:
        first.get("/livez")
        labels = [("method", "GET"), ("route", "/livez"), ("status", "200")]
        assert ("tombola_http_requests_total", *labels) not in metrics_of(second)
        assert metrics_of(first)["tombola_http_requests_total", *labels] == 1


def test_openmetrics_for_those_who_ask(client):
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_the_root_leads_to_the_documentation(client):
    answer = client.get("/", follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"] == "/docs"
    assert "/openapi.json" in client.get("/docs").text


@pytest.mark.parametrize(
    "suffix", ["", "/success-table", "/success-table?format=csv", "/heatmap.svg", "/runs"]
)
def test_head_has_the_headers_of_get_and_no_body(client, finished, suffix):
    url = f"{PATH}/{finished['id']}{suffix}"
    got, head = client.get(url), client.head(url)
    assert head.status_code == got.status_code
    assert head.content == b""
    for name in ("content-type", "content-length", "etag"):
        assert head.headers.get(name) == got.headers.get(name)


def test_head_of_an_unending_stream_ends(live, create):
    experiment = create()
    with live() as client:
        answer = client.head(f"{PATH}/{experiment['id']}/events")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert client.head("/livez").status_code == 200


def test_head_where_get_is_not_possible_is_405(client, create):
    assert client.head(f"{PATH}/{create()['id']}/cancel").status_code == 405


def test_a_request_id_is_given_back_or_made(client):
    assert client.get("/livez", headers={"X-Request-ID": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = client.get("/livez", headers={"X-Request-ID": 'no "good" id'}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert client.get("/nothing").headers["x-request-id"] != made


def test_each_request_is_one_line_in_the_log(client, caplog):
    with caplog.at_level(logging.INFO, "tombola.access"):
        client.get("/a%0Ab", headers={"X-Request-ID": "r1"})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "tombola.access"]
    assert re.fullmatch(
        r'method=GET path="/a\\nb" status=404 seconds=\d+\.\d{4} client=\S+ request_id=r1', line
    )


def test_new_shards_are_rung_for_after_the_answer(serve, database, spec, hands, broker_url):
    with serve(database, broker_url=broker_url) as client:
        client.post(PATH, json=spec.model_dump(mode="json"))
        experiment = client.get(PATH).json()["items"][0]
        bell = Doorbell(Settings(broker_url=broker_url))
        assert bell.waiting() == len(hands.queued()) > 0
        client.post(f"{PATH}/{experiment['id']}/pause")
        assert hands.queued() == []
        rung = bell.waiting()
        client.post(f"{PATH}/{experiment['id']}/resume")
        assert bell.waiting() == rung + len(hands.queued())
        bell.close()


def test_a_broker_that_is_away_fails_no_request(client, create, hands):
    experiment = create()
    for verb in ("pause", "resume", "cancel", "retry"):
        assert client.post(f"{PATH}/{experiment['id']}/{verb}").status_code == 200
    assert hands.queued()


def test_the_fleet_without_workers_is_empty(client):
    assert client.get("/v1/workers").json() == {"items": [], "next_cursor": None}


def test_the_version_names_the_libraries(client):
    version = client.get("/v1/version").json()
    assert version["version"] == client.get("/openapi.json").json()["info"]["version"]
    assert {"python", "fastapi", "sqlalchemy", "celery", "torch"} <= set(version["libraries"])
    assert json.dumps(version).isascii()


def test_workers_say_how_they_train(client, hire):
    hire(engine="torch", device="cuda:0", device_name="a GPU", detail="a GPU, fast", lanes=1)
    (worker,) = client.get("/v1/workers").json()["items"]
    assert worker["alive"]
    assert (worker["engine"], worker["device"], worker["device_name"]) == ("torch", "cuda:0", "a GPU")
    assert (worker["detail"], worker["lanes"]) == ("a GPU, fast", 1)
