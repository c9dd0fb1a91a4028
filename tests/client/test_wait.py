from __future__ import annotations

import itertools
import time

import anyio
import httpx
import pytest

import tombola
from tombola import AsyncClient, Client
from tombola._client import waiting

NOT_MODIFIED = httpx.Response(304)


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self):
        self.now = 0.0
        self.pauses = []

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: clock.now)
    return clock


def _handle(answer, steps, requests=None):
    """Return an experiment whose server plays the steps, and repeats the last one."""
    steps = itertools.chain([answer()], steps)
    last = None

    def play(request):
        nonlocal last
        if requests is not None:
            requests.append(request)
        last = next(steps, last)
        if isinstance(last, Exception):
            raise last
        if isinstance(last, httpx.Response):
            return last
        return httpx.Response(200, json=last, headers={"etag": f'"{hash(str(last))}"'})

    return Client(transport=httpx.MockTransport(play)).experiments.get("01A")


@pytest.mark.usefixtures("clock")
def test_waiting_ends_with_success(answer):
    steps = [answer(progress={"runs_done": 5}), answer(status="succeeded", progress={"runs_done": 24})]
    experiment = _handle(answer, steps)
    assert experiment.wait() is experiment
    assert experiment.status == "succeeded"
    assert experiment.progress.runs_done == 24


@pytest.mark.usefixtures("clock")
def test_a_failure_is_raised_with_its_reason(answer):
    experiment = _handle(answer, [answer(status="failed", reason="a shard failed 3 times")])
    with pytest.raises(
        tombola.ExperimentFailed, match="experiment 01A failed: a shard failed 3 times"
    ) as caught:
        experiment.wait()
    assert caught.value.reason == "a shard failed 3 times"
    assert experiment.status == "failed"


@pytest.mark.usefixtures("clock")
def test_a_cancellation_is_raised(answer):
    experiment = _handle(answer, [answer(status="cancelled", progress={"runs_done": 7})])
    with pytest.raises(tombola.ExperimentCancelled, match="01A was cancelled after 7 of 24 runs"):
        experiment.wait()


@pytest.mark.usefixtures("clock")
def test_a_paused_experiment_is_waited_for(answer):
    experiment = _handle(answer, [answer(status="paused"), NOT_MODIFIED, answer(status="succeeded")])
    assert experiment.wait().status == "succeeded"


@pytest.mark.usefixtures("clock")
def test_only_changes_are_asked_for(answer):
    requests = []
    _handle(answer, [NOT_MODIFIED, NOT_MODIFIED, answer(status="succeeded")], requests).wait()
    etags = [request.headers.get("if-none-match") for request in requests]
    assert etags[0] is None
    assert etags[1] is not None
    assert etags[1:] == [etags[1]] * 3


def test_the_pace_is_a_second_while_things_change_and_slower_while_they_do_not(clock, answer):
    changing = [answer(progress={"runs_done": done}) for done in range(10)]
    experiment = _handle(answer, [*changing, *[NOT_MODIFIED] * 6, answer(status="succeeded")])
    experiment.wait()
    assert clock.pauses[0] == 0.0  # the first question comes at once
    assert clock.pauses[9:11] == [1.0, 1.0]
    assert clock.pauses[16] == 5.0


def test_the_time_is_over_when_it_is(clock, answer):
    experiment = _handle(answer, [NOT_MODIFIED])
    with pytest.raises(tombola.WaitTimeout, match=r"01A is still running after 12\.5 s; it goes on"):
        experiment.wait(timeout=12.5)
    assert clock.now == pytest.approx(12.5)


@pytest.mark.usefixtures("clock")
def test_a_restarting_server_is_waited_for(answer):
    away = [httpx.ConnectError("refused")] * 8 + [
        httpx.Response(503, text="starting"),
        httpx.ReadError("reset"),
    ]
    experiment = _handle(answer, [*away, answer(status="succeeded")])
    assert experiment.wait().status == "succeeded"


def test_a_server_that_stays_away_is_given_up(clock, answer):
    experiment = _handle(answer, [httpx.ConnectError("refused")])
    with pytest.raises(tombola.ConnectionFailed, match="refused"):
        experiment.wait()
    assert 300 <= clock.now <= 310


@pytest.mark.usefixtures("clock")
def test_an_experiment_that_is_gone_is_not_waited_for(answer):
    problem = {"title": "Not Found", "status": 404, "detail": "no experiment 01A"}
    experiment = _handle(answer, [httpx.Response(404, json=problem)])
    with pytest.raises(tombola.NotFound):
        experiment.wait()


def test_a_negative_timeout_is_refused(answer):
    with pytest.raises(ValueError, match="timeout must be 0 or more seconds, or None, not -1"):
        _handle(answer, []).wait(timeout=-1)


@pytest.mark.usefixtures("clock")
def test_progress_goes_to_standard_error_as_lines_where_there_is_no_terminal(answer, capsys):
    steps = [
        answer(progress={"runs_done": 6, "successes": 4, "fraction": 0.25, "eta_seconds": 90}),
        answer(status="paused", progress={"runs_done": 6, "successes": 4, "fraction": 0.25}),
        httpx.ConnectError("refused"),
        answer(
            status="succeeded", progress={"runs_done": 24, "successes": 20, "diverged": 1, "fraction": 1.0}
        ),
    ]
    _handle(answer, steps).wait(progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "tiny: 25%, 6/24 runs, 4 successes, 1:30 left"
    assert lines[1] == "tiny: 25%, 6/24 runs, 4 successes, paused"
    assert lines[2].startswith("trying again: cannot connect to http://127.0.0.1:8000 (refused)")
    assert lines[3] == "tiny: 100%, 24/24 runs, 20 successes, 1 diverged, succeeded"


@pytest.mark.usefixtures("clock")
def test_progress_is_a_bar_on_a_terminal(answer, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    steps = [
        answer(name="[red]", status="succeeded", progress={"runs_done": 24, "successes": 20, "fraction": 1.0})
    ]
    _handle(answer, steps).wait(progress=True)
    err = capsys.readouterr().err
    assert "━" in err
    assert "[red]" in err
    assert "24/24 runs, 20 successes, succeeded" in err


@pytest.mark.anyio
async def test_the_async_client_waits_too(answer, monkeypatch):
    async def no_sleep(_):
        pass

    monkeypatch.setattr(anyio, "sleep", no_sleep)
    steps = iter(
        [
            httpx.Response(200, json=answer()),
            httpx.Response(503, text="starting"),
            httpx.Response(200, json=answer(status="failed", reason="why")),
        ]
    )
    async with AsyncClient(transport=httpx.MockTransport(lambda _: next(steps))) as client:
        experiment = await client.experiments.get("01A")
        with pytest.raises(tombola.ExperimentFailed, match="why"):
            await experiment.wait()
