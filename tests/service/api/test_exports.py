"""Success tables, runs and curves as files over HTTP: chosen, named, whole, or visibly broken off."""

from __future__ import annotations

import csv
import functools
import io
import json

import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.api.encoding import arrow_schema
from service.api.exporting import MEDIA_TYPES
from service.lab import exports
from service.store import exports as store
from service.store.models import Experiment

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
FILES = {name: media_type for name, media_type in MEDIA_TYPES.items() if name != "json"}
COLUMNS = {"success-table": exports.TABLE, "runs": exports.RUNS, "curves": exports.CURVES}
SUFFIXES = {"csv": "csv", "parquet": "parquet", "arrow": "arrows"}


@pytest.fixture
def path(finished):
    return f"/v1/experiments/{finished['id']}"


def frame_of(file_format, content):
    """Return a file as pandas has it, by readers that know nothing of this project."""
    source = io.BytesIO(content)
    if file_format == "csv":
        whole = {"samples": "Int64", "sparsity": "Int64"}
        return pd.read_csv(source, dtype=whole)
    if file_format == "parquet":
        return pq.read_table(source).to_pandas()
    with pa.ipc.open_stream(source) as stream:
        return stream.read_all().to_pandas()


def rows_of(file_format, content):
    """Return the rows of a file as JSON has them: text for times, None for null."""
    frame = frame_of(file_format, content).astype(object)
    rows = frame.where(frame.notna(), None).to_dict("records")
    for row in rows:
        if "finished_at" in row:
            row["finished_at"] = pd.Timestamp(row["finished_at"])
    return rows


def expected_rows(client, path, what, **params):
    """Return the same from the JSON."""
    if what == "success-table":
        cells = client.get(f"{path}/{what}").json()["cells"]
        empty = dict.fromkeys(("low", "high", "level", "method"))
        return [cell | (cell.pop("interval") or empty) for cell in cells]
    runs = client.get(f"{path}/runs", params=params | {"limit": 1000}).json()["items"]
    if what == "runs":
        for run in runs:
            run["versions"] = json.dumps(run["versions"])
            run["finished_at"] = pd.Timestamp(run["finished_at"])
        return runs
    places = {(run["cell"], run["seed"]): run for run in runs}
    names = ("cell", "width", "samples", "sparsity", "seed", "outcome")
    return [
        {name: places[curve["cell"], curve["seed"]][name] for name in names}
        | {"step": step, "train_error": train, "test_error": test}
        for curve in client.get(f"{path}/curves", params=params | {"limit": 1000}).json()["items"]
        for step, train, test in zip(curve["steps"], curve["train_error"], curve["test_error"], strict=True)
    ]


@on_both
def test_every_file_has_the_rows_of_the_json(client, path):
    for what, columns in COLUMNS.items():
        expected = expected_rows(client, path, what)
        assert len(expected) == (8 if what == "success-table" else 40)
        for name, media_type in FILES.items():
            by_format = client.get(f"{path}/{what}", params={"format": name})
            by_accept = client.get(f"{path}/{what}", headers={"Accept": media_type})
            assert by_format.content == by_accept.content
            assert by_format.headers["content-type"].partition(";")[0] == media_type
            assert by_format.headers["vary"] == "Accept"
            found = rows_of(name, by_format.content)
            assert list(found[0]) == [column.name for column in columns]
            assert found == expected


@on_both
def test_a_filter_goes_for_files_and_pages_alike(client, path):
    for params in (
        {"width": 8},
        {"samples": "online", "sparsity": "dense"},
        {"outcome": "diverged"},
        {"width": 4, "samples": 50, "sparsity": 2, "outcome": "success"},
    ):
        for what in ("runs", "curves"):
            expected = expected_rows(client, path, what, **params)
            assert 0 < len(expected) < 40
            for name in FILES:
                answer = client.get(f"{path}/{what}", params=params | {"format": name})
                assert rows_of(name, answer.content) == expected


def test_an_experiment_without_runs_has_valid_files_without_rows(client, create):
    path = f"/v1/experiments/{create()['id']}"
    for what in ("runs", "curves"):
        columns = COLUMNS[what]
        text = client.get(f"{path}/{what}?format=csv").text
        assert text == ",".join(column.name for column in columns) + "\r\n"
        parquet = pq.read_table(io.BytesIO(client.get(f"{path}/{what}?format=parquet").content))
        with pa.ipc.open_stream(client.get(f"{path}/{what}?format=arrow").content) as stream:
            arrow = stream.read_all()
        for table in (parquet, arrow):
            assert (table.num_rows, table.schema) == (0, arrow_schema(columns))
    for name in FILES:
        found = rows_of(name, client.get(f"{path}/success-table?format={name}").content)
        assert [row["probability"] for row in found] == [None] * 8


def test_pages_of_curves_are_those_of_the_runs(client, path):
    found, params = [], {"limit": 7}
    while True:
        page = client.get(f"{path}/curves", params=params).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    runs = client.get(f"{path}/runs?limit=1000").json()["items"]
    assert [(curve["cell"], curve["seed"]) for curve in found] == [(run["cell"], run["seed"]) for run in runs]
    (first, *_) = runs
    where = {name: first[name] for name in ("width", "samples", "sparsity")}
    assert client.get(f"{path}/runs/{first['seed']}/curve", params=where).json() == found[0]


def test_a_page_has_fewer_curves_where_they_are_long(client, create, hands):
    experiment = create(training={"max_steps": 200_000, "eval_every": 1})
    hands.train_all()
    path = f"/v1/experiments/{experiment['id']}"
    page = client.get(f"{path}/curves").json()
    assert len(page["items"]) == 1
    runs = client.get(f"{path}/runs", params={"limit": 2}).json()["items"]
    following = client.get(f"{path}/curves", params={"cursor": page["next_cursor"]}).json()["items"]
    assert [curve["seed"] for curve in page["items"] + following] == [run["seed"] for run in runs]


def test_pandas_has_the_types_of_the_columns(client, path):
    frame = frame_of("parquet", client.get(f"{path}/runs?format=parquet").content)
    assert str(frame.finished_at.dtype) == "datetime64[us, UTC]"
    assert frame.outcome.dtype == "category"
    assert frame.groupby("outcome", observed=True).seed.count().sum() == 40


def test_a_file_has_a_name_of_its_own(client, finished, path):
    for what in COLUMNS:
        for name in FILES:
            answer = client.get(f"{path}/{what}?format={name}")
            expected = f'attachment; filename="{finished["id"]}-{what}.{SUFFIXES[name]}"'
            assert answer.headers["content-disposition"] == expected
        assert "content-disposition" not in client.get(f"{path}/{what}").headers


def test_head_has_the_headers_of_the_file_and_reads_no_runs(client, path, monkeypatch):
    got = {
        (what, name): client.get(f"{path}/{what}?format={name}").headers for what in COLUMNS for name in FILES
    }
    for name in ("run_rows", "curve_rows"):
        monkeypatch.delattr(store, name)
    for (what, name), headers in got.items():
        answer = client.head(f"{path}/{what}?format={name}")
        assert (answer.status_code, answer.content) == (200, b"")
        same = ("content-type", "content-disposition", "vary", "etag", "content-length")
        assert [answer.headers.get(one) for one in same] == [headers.get(one) for one in same]


def test_a_files_success_table_is_conditional(client, path):
    for name in FILES:
        answer = client.get(f"{path}/success-table?format={name}")
        again = client.get(
            f"{path}/success-table?format={name}", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("what", ["runs", "curves"])
def test_what_is_wrong_is_said_before_the_first_byte(client, path, what):
    unknown = f"/v1/experiments/{'0' * 26}/{what}"
    for name, media_type in FILES.items():
        for answer in (
            client.get(unknown, params={"format": name}),
            client.get(unknown, headers={"Accept": media_type}),
        ):
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        wrong = client.get(f"{path}/{what}?format={name}&outcome=won")
        assert [part["parameter"] for part in wrong.json()["errors"]] == ["outcome"]
    for accept in ("text/html", "application/vnd.apache.arrow.file", "text/csv;q=0"):
        answer = client.get(f"{path}/{what}", headers={"Accept": accept})
        assert answer.status_code == 406
        assert "text/csv, application/vnd.apache.parquet or " in answer.json()["detail"]
    answer = client.get(f"{path}/{what}?format=xlsx")
    (part,) = answer.json()["errors"]
    assert (answer.status_code, part["parameter"]) == (422, "format")
    assert part["detail"] == "must be 'json', 'csv', 'parquet' or 'arrow', not \"xlsx\""


@pytest.mark.parametrize("what", ["runs", "curves"])
def test_a_file_is_not_paged(client, path, what):
    cursor = client.get(f"{path}/{what}?limit=1").json()["next_cursor"]
    answer = client.get(f"{path}/{what}", params={"format": "csv", "limit": 1, "cursor": cursor})
    assert answer.status_code == 422
    assert [part["parameter"] for part in answer.json()["errors"]] == ["limit", "cursor"]
    assert "a csv file has all rows" in answer.json()["errors"][0]["detail"]
    by_accept = client.get(f"{path}/{what}?limit=1", headers={"Accept": FILES["arrow"]})
    assert by_accept.status_code == 422
    assert client.get(f"{path}/{what}?limit=1", headers={"Accept": "*/*"}).status_code == 200


def test_without_a_key_nothing_is_exported(client, path, make_key):
    key = make_key("reader")
    for what in COLUMNS:
        for name in FILES:
            url = f"{path}/{what}?format={name}"
            assert client.get(url).status_code == 401
            assert client.get(url, headers={"Authorization": f"Bearer {key}"}).status_code == 200


@on_both
@pytest.mark.parametrize("what", ["runs", "curves"])
def test_where_the_experiment_is_deleted_meanwhile_the_client_sees_a_broken_stream(
    database, live, finished, monkeypatch, what
):
    function, rows = {"runs": ("run_pages", "run_rows"), "curves": ("curve_pages", "curve_rows")}[what]
    monkeypatch.setattr(exports, function, functools.partial(getattr(exports, function), page_rows=8))
    read = getattr(store, rows)
    pages = []

    def deleted_after_the_second_page(session, experiment_id, wanted):
        found = read(session, experiment_id, wanted)
        pages.append(len(found))
        if len(pages) == 2:
            with database.write() as other:
                other.delete(other.get(Experiment, experiment_id))
        return found

    with live() as client:
        whole = client.get(f"/v1/experiments/{finished['id']}/{what}?format=csv")
        assert len(list(csv.reader(io.StringIO(whole.text)))) == 41
        monkeypatch.setattr(store, rows, deleted_after_the_second_page)
        received = []
        with client.stream("GET", f"/v1/experiments/{finished['id']}/{what}?format=csv") as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
                received.extend(answer.iter_bytes())
        assert received
        assert whole.content.startswith(b"".join(received))
        assert client.get(f"/v1/experiments/{finished['id']}/{what}?format=csv").status_code == 404
