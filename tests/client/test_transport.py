from __future__ import annotations

import json
import time

import httpx
import pytest

import tombola
from tombola import AsyncClient, Client

PROBLEM = {"title": "Later", "status": 503, "detail": "starting"}
VERSION = {"version": "1", "libraries": {}}


class Script:
    """Plays one step per request: a response, or an exception to raise."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def _client(script, **options):
    return Client(transport=httpx.MockTransport(script), **options)


def _ok(value, status=200, **headers):
    return httpx.Response(status, json=value, headers=headers)


def _no(status=503, **headers):
    return httpx.Response(status, json=PROBLEM | {"status": status}, headers=headers)


REFUSED = httpx.ConnectError("refused")
BROKEN = httpx.ReadError("reset")
SLOW = httpx.ReadTimeout("slow")


@pytest.mark.parametrize("trouble", [REFUSED, BROKEN, SLOW, *map(_no, (429, 502, 503, 504))], ids=str)
@pytest.mark.usefixtures("impatient")
def test_reading_is_tried_again(trouble):
    script = Script(trouble, trouble, _ok(VERSION))
    assert _client(script).version().version == "1"
    assert len(script.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
@pytest.mark.usefixtures("impatient")
def test_other_errors_are_not_tried_again(status):
    script = Script(_no(status))
    with pytest.raises(tombola.ApiError):
        _client(script).version()


@pytest.mark.usefixtures("impatient")
def test_trying_again_ends_with_the_last_error():
    script = Script(BROKEN, _no(503), REFUSED)
    with pytest.raises(
        tombola.ConnectionFailed, match=r"cannot connect to http://127.0.0.1:8000 \(refused\)"
    ):
        _client(script, max_retries=2).version()
    assert not script.steps


@pytest.mark.usefixtures("impatient")
def test_no_retries_means_one_request():
    script = Script(BROKEN)
    with pytest.raises(tombola.ConnectionFailed, match="broke: reset"):
        _client(script, max_retries=0).version()


def test_the_pause_grows_and_is_never_shorter_than_retry_after(monkeypatch):
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    script = Script(BROKEN, BROKEN, BROKEN, _no(503, **{"retry-after": "20"}), _ok(VERSION))
    _client(script).version()
    assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1.0 <= pauses[2] <= 2.0
    assert pauses[3] == 20.0


@pytest.mark.usefixtures("impatient")
def test_a_very_long_retry_after_is_left_to_the_caller():
    script = Script(_no(429, **{"retry-after": "3600"}))
    with pytest.raises(tombola.RateLimited) as caught:
        _client(script).version()
    assert caught.value.retry_after == 3600.0


@pytest.mark.usefixtures("impatient")
def test_creating_is_tried_again_under_one_key(spec, answer):
    script = Script(SLOW, _no(503), _ok(answer(), 202))
    experiment = _client(script).experiments.create(spec)
    assert experiment.id == "01A"
    keys = {request.headers["idempotency-key"] for request in script.requests}
    assert len(keys) == 1
    assert len({request.content for request in script.requests}) == 1


def test_each_creation_has_a_key_of_its_own_unless_told(spec, answer):
    script = Script(*[_ok(answer(), 202) for _ in range(3)])
    client = _client(script)
    client.experiments.create(spec)
    client.experiments.create(spec)
    client.experiments.create(spec, idempotency_key="mine")
    first, second, third = (request.headers["idempotency-key"] for request in script.requests)
    assert first != second
    assert third == "mine"


@pytest.mark.parametrize("key", ["", " x", "line\n", "schl\u00fcssel", "x" * 256])
def test_a_key_that_cannot_stand_in_a_header_is_refused(spec, key):
    with pytest.raises(ValueError, match="an idempotency key is 1 to 255 printable ASCII characters, not "):
        _client(Script()).experiments.create(spec, idempotency_key=key)


@pytest.mark.parametrize("action", ["cancel", "pause", "resume", "retry"])
@pytest.mark.parametrize("trouble", [BROKEN, SLOW, _no(503), _no(429)], ids=str)
@pytest.mark.usefixtures("impatient")
def test_a_change_that_may_have_arrived_is_not_sent_again(action, trouble):
    script = Script(trouble)
    with pytest.raises((tombola.ConnectionFailed, tombola.ApiError)):
        getattr(_client(script).experiments, action)("01A")


@pytest.mark.usefixtures("impatient")
def test_a_change_that_never_left_is_sent_again(answer):
    script = Script(REFUSED, httpx.ConnectTimeout("slow"), _ok(answer(status="cancelled")))
    assert _client(script).experiments.cancel("01A").status == "cancelled"


@pytest.mark.usefixtures("impatient")
def test_deleting_again_after_a_lost_answer_is_done():
    script = Script(BROKEN, _no(404))
    assert _client(script).experiments.delete("01A") is None


@pytest.mark.usefixtures("impatient")
def test_deleting_what_never_was_is_not_found():
    with pytest.raises(tombola.NotFound):
        _client(Script(_no(404))).experiments.delete("01A")


@pytest.mark.usefixtures("impatient")
def test_health_asks_once_and_reads_a_no():
    script = Script(
        httpx.Response(503, json={"status": "not ready", "checks": {"database": "away"}}), REFUSED
    )
    client = _client(script)
    health = client.health()
    assert not health.ready
    assert health.checks == {"database": "away"}
    with pytest.raises(tombola.ConnectionFailed):
        client.health()


def test_url_and_key_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("TOMBOLA_URL", "http://example.test/prefix/")
    monkeypatch.setenv("TOMBOLA_API_KEY", "secret")
    script = Script(_ok(VERSION))
    _client(script).version()
    [request] = script.requests
    assert str(request.url) == "http://example.test/prefix/v1/version"
    assert request.headers["authorization"] == "Bearer secret"


def test_arguments_go_before_the_environment(monkeypatch):
    monkeypatch.setenv("TOMBOLA_URL", "http://example.test")
    monkeypatch.setenv("TOMBOLA_API_KEY", "secret")
    script = Script(_ok(VERSION))
    _client(script, url="http://other.test", api_key="mine").version()
    [request] = script.requests
    assert request.url.host == "other.test"
    assert request.headers["authorization"] == "Bearer mine"


def test_an_empty_key_sends_none_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("TOMBOLA_API_KEY", "secret")
    script = Script(_ok(VERSION))
    _client(script, api_key="").version()
    assert "authorization" not in script.requests[0].headers


def test_without_a_key_none_is_sent():
    script = Script(_ok(VERSION))
    _client(script).version()
    assert "authorization" not in script.requests[0].headers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "localhost:8000"}, "begins with http:// or https://.*got 'localhost:8000'"),
        ({"url": "ftp://x"}, "got 'ftp://x'"),
        ({"url": "http://"}, "got 'http://'"),
        ({"url": "http://x:port"}, "'http://x:port' is no URL"),
        ({"api_key": "two words"}, "the API key has spaces"),
        ({"api_key": "line\n"}, "the API key has spaces"),
        ({"max_retries": -1}, "max_retries must be 0 or more, not -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Client(**options)


def test_loopback_goes_past_a_proxy_of_the_environment(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    with Client("http://127.0.0.1:8000") as client:
        http = client._driver.http
        assert http._transport_for_url(httpx.URL("http://127.0.0.1:8000/")) is http._transport
        assert http._transport_for_url(httpx.URL("http://[::1]:8000/")) is http._transport
        assert http._transport_for_url(httpx.URL("http://example.test/")) is not http._transport


@pytest.mark.parametrize("name", ["", ".", "..", "paper/../workers", "paper//edge"])
def test_names_that_would_change_the_path_are_refused(name):
    with pytest.raises(ValueError, match="cannot stand in a URL"):
        _client(Script()).presets.get(name)


def test_ids_are_quoted_into_the_path(answer):
    script = Script(_ok(answer()))
    _client(script).experiments.get("a/b?c")
    assert script.requests[0].url.raw_path == b"/v1/experiments/a%2Fb%3Fc"


def test_pages_are_fetched_as_they_are_reached(answer):
    pages = [
        _ok({"items": [answer(id="1"), answer(id="2")], "next_cursor": "c1"}),
        _ok({"items": [], "next_cursor": "c2"}),
        _ok({"items": [answer(id="3")], "next_cursor": None}),
    ]
    script = Script(*pages)
    found = _client(script).experiments.list(status="running", page_size=2)
    assert next(found).id == "1"
    assert next(found).id == "2"
    assert len(script.requests) == 1
    assert [experiment.id for experiment in found] == ["3"]
    assert [dict(request.url.params) for request in script.requests] == [
        {"limit": "2", "status": "running"},
        {"limit": "2", "status": "running", "cursor": "c1"},
        {"limit": "2", "status": "running", "cursor": "c2"},
    ]


def test_a_limit_fetches_no_further_page(answer):
    script = Script(_ok({"items": [answer(id="1")], "next_cursor": "c1"}))
    assert [experiment.id for experiment in _client(script).experiments.list(limit=1)] == ["1"]
    assert script.requests[0].url.params["limit"] == "1"


@pytest.mark.parametrize(
    ("filters", "params"),
    [
        ({}, {}),
        ({"samples": None, "sparsity": None}, {"samples": "online", "sparsity": "dense"}),
        ({"samples": "online", "sparsity": "dense"}, {"samples": "online", "sparsity": "dense"}),
        ({"width": 8, "samples": 100, "sparsity": 2}, {"width": "8", "samples": "100", "sparsity": "2"}),
        ({"samples": tombola.ANY, "outcome": "success"}, {"outcome": "success"}),
    ],
)
def test_filters_of_runs_become_parameters(answer, filters, params):
    script = Script(_ok(answer()), _ok({"items": []}))
    assert list(_client(script).experiments.get("01A").runs(**filters)) == []
    assert dict(script.requests[1].url.params) == {"limit": "500"} | params


def test_an_outcome_that_does_not_exist_is_refused(answer):
    script = Script(_ok(answer()))
    experiment = _client(script).experiments.get("01A")
    with pytest.raises(ValueError, match="'won' is not a valid Outcome"):
        list(experiment.runs(outcome="won"))


def test_a_picture_of_another_format_is_refused(answer):
    experiment = _client(Script(_ok(answer()))).experiments.get("01A")
    with pytest.raises(ValueError, match="'svg' or 'png', not 'gif'"):
        experiment.heatmap(format="gif")
    with pytest.raises(ValueError, match="theory, resources, accuracy, gain, ranks, width, not 'pie'"):
        experiment.picture("pie")


def test_the_client_closes_with_its_block():
    with Client() as client:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        client.version()


@pytest.mark.anyio
@pytest.mark.usefixtures("impatient")
async def test_the_async_client_tries_again_too(spec, answer):
    script = Script(SLOW, _ok(answer(), 202), BROKEN)
    async with AsyncClient(transport=httpx.MockTransport(script)) as client:
        experiment = await client.experiments.create(spec)
        with pytest.raises(tombola.ConnectionFailed):
            await experiment.cancel()
    assert not script.steps


@pytest.mark.anyio
async def test_the_async_client_reads_pages_as_they_are_reached(answer):
    script = Script(
        _ok({"items": [answer(id="1")], "next_cursor": "c1"}),
        _ok({"items": [answer(id="2")], "next_cursor": None}),
    )
    async with AsyncClient(transport=httpx.MockTransport(script)) as client:
        assert [experiment.id async for experiment in client.experiments.list()] == ["1", "2"]
        assert json.loads(script.requests[0].content or "null") is None
