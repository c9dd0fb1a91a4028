"""Files of results: whole or not there at all, whatever happens to the connection."""

from __future__ import annotations

import httpx
import pytest

import tombola
from tombola import AsyncClient, Client

CSV = "text/csv; charset=utf-8"


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Pieces of a body that ends, or breaks off."""

    def __init__(self, *pieces, breaks=False):
        self._pieces = pieces
        self._breaks = breaks

    def __iter__(self):
        yield from self._pieces
        if self._breaks:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self):
        for piece in self:
            yield piece


def file_of(*pieces, breaks=False, kind=CSV):
    return httpx.Response(200, headers={"content-type": kind}, stream=Body(*pieces, breaks=breaks))


def refused(status, detail="no"):
    return httpx.Response(status, json={"title": "No", "status": status, "detail": detail})


@pytest.fixture
def experiment(answer):
    """Return `make(*steps)`: an experiment whose next answers these are, and the requests for them."""

    def make(*steps, **options):
        requests, left = [], [httpx.Response(200, json=answer()), *steps]

        def play(request):
            requests.append(request)
            return left.pop(0)

        client = Client(transport=httpx.MockTransport(play), **options)
        return client.experiments.get("01A"), requests

    return make


def test_a_file_is_written_as_it_comes(experiment, tmp_path):
    handle, requests = experiment(file_of(b"cell,width\r\n", b"0,8\r\n"))
    target = tmp_path / "runs.csv"
    assert handle.export("runs", str(target)) == target
    assert target.read_bytes() == b"cell,width\r\n0,8\r\n"
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]
    assert requests[1].url.path == "/v1/experiments/01A/runs"
    assert requests[1].headers["accept"] == "text/csv"


@pytest.mark.parametrize(
    ("what", "name", "asked", "accept", "params"),
    [
        ("runs", "x.parquet", {}, "application/vnd.apache.parquet", {}),
        ("runs", "x.ARROW", {"width": 8}, "application/vnd.apache.arrow.stream", {"width": "8"}),
        (
            "curves",
            "x.arrows",
            {"samples": None, "sparsity": "dense", "outcome": tombola.Outcome.CENSORED},
            "application/vnd.apache.arrow.stream",
            {"samples": "online", "sparsity": "dense", "outcome": "censored"},
        ),
        ("curves", "x.bin", {"format": "csv", "samples": 600}, "text/csv", {"samples": "600"}),
        (
            "success-table",
            "x.csv",
            {"interval": "jeffreys", "level": 0.9},
            "text/csv",
            {"interval": "jeffreys", "level": "0.9"},
        ),
    ],
)
def test_suffix_and_filters_become_a_request(experiment, tmp_path, what, name, asked, accept, params):
    handle, requests = experiment(file_of(b"x", kind=accept))
    handle.export(what, tmp_path / name, **asked)
    assert requests[1].url.path == f"/v1/experiments/01A/{what}"
    assert requests[1].headers["accept"] == accept
    assert dict(requests[1].url.params) == params


@pytest.mark.parametrize(
    ("what", "name", "asked", "message"),
    [
        ("runs", "x.xlsx", {}, r"ends in \.csv, \.parquet or \.arrow; got '.*x\.xlsx'"),
        ("runs", "runs", {}, "ends in"),
        ("runs", "x.csv", {"format": "xlsx"}, "'csv', 'parquet' or 'arrow', not 'xlsx'"),
        ("events", "x.csv", {}, "one of success-table, runs, curves, comparison, scores, not 'events'"),
        ("runs", "x.csv", {"outcome": "won"}, "not a valid Outcome"),
        ("success-table", "x.csv", {"width": 8, "outcome": "success"}, "leave out width, outcome"),
        ("curves", "x.csv", {"level": 0.9}, "curves have no intervals: leave out level"),
        ("runs", "", {"format": "csv"}, "goes into a file"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_it_is_asked_for(
    experiment, tmp_path, what, name, asked, message
):
    handle, requests = experiment()
    with pytest.raises(ValueError, match=message):
        handle.export(what, tmp_path / name, **asked)
    assert len(requests) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("impatient")
def test_a_transfer_that_breaks_is_begun_again_from_the_start(experiment, tmp_path):
    handle, requests = experiment(
        file_of(b"cell\r\n0", breaks=True), refused(503), file_of(b"cell\r\n", b"0\r\n")
    )
    target = tmp_path / "runs.csv"
    handle.export("runs", target)
    assert target.read_bytes() == b"cell\r\n0\r\n"
    assert len(requests) == 4


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("last", "error"),
    [
        (file_of(b"cell\r\n", breaks=True), tombola.ConnectionFailed),
        (refused(404, "there is no such experiment"), tombola.NotFound),
        (refused(406), tombola.ApiError),
        (file_of(b"<html>", kind="text/html"), tombola.UnexpectedAnswer),
    ],
    ids=["broken", "deleted", "not acceptable", "a proxy"],
)
def test_what_does_not_come_whole_leaves_the_file_as_it_was(experiment, tmp_path, last, error):
    handle, _ = experiment(file_of(b"cell\r\n", breaks=True), last, max_retries=1)
    target = tmp_path / "runs.csv"
    target.write_text("of yesterday")
    with pytest.raises(error):
        handle.export("runs", target)
    assert target.read_text() == "of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]


def test_a_file_that_cannot_be_written_is_an_os_error_and_asked_for_once(experiment, tmp_path):
    handle, requests = experiment(file_of(b"cell\r\n"))
    with pytest.raises(FileNotFoundError):
        handle.export("runs", tmp_path / "nowhere" / "runs.csv")
    assert len(requests) == 2


def test_progress_is_for_terminals(experiment, tmp_path, monkeypatch, capsys):
    handle, _ = experiment(file_of(b"x" * 2_000), file_of(b"x" * 2_000))
    handle.export("runs", tmp_path / "runs.csv", progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    monkeypatch.setenv("TERM", "xterm")
    handle.export("runs", tmp_path / "runs.csv", progress=True)
    said = capsys.readouterr().err
    assert "runs.csv" in said
    assert "2.0 kB" in said


@pytest.mark.anyio
@pytest.mark.usefixtures("impatient")
async def test_the_async_client_writes_whole_files_too(answer, tmp_path):
    steps = [
        httpx.Response(200, json=answer()),
        file_of(b"cell\r\n0", breaks=True),
        file_of(b"cell\r\n", b"0\r\n"),
        refused(404),
        file_of(b"<html>", kind="text/html"),
    ]
    target = tmp_path / "runs.csv"
    async with AsyncClient(transport=httpx.MockTransport(lambda _: steps.pop(0))) as client:
        experiment = await client.experiments.get("01A")
        assert await experiment.export("runs", target) == target
        for error in (tombola.NotFound, tombola.UnexpectedAnswer):
            with pytest.raises(error):
                await experiment.export("runs", target)
    assert target.read_bytes() == b"cell\r\n0\r\n"
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]
