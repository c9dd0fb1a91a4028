"""Data sets over HTTP."""

from __future__ import annotations

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

CSV = "a,b,y\n" + "".join(f"{i % 7},{'uvw'[i % 3]},{'pq'[i % 2]}\n" for i in range(30))
NAMED = {"name": "made", "target": "y"}
on_both = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def post(client):
    """Return `post(content=CSV, content_type="text/csv", encoding=None, **query)`."""

    def post(content=CSV, content_type="text/csv", encoding=None, **query):
        headers = {"Content-Type": content_type} | ({"Content-Encoding": encoding} if encoding else {})
        return client.post("/v1/datasets", content=content, headers=headers, params=query)

    return post


def as_parquet(text):
    columns = zip(*(line.split(",") for line in text.split()), strict=True)
    table = pa.table({name: values for name, *values in columns})
    table = table.set_column(0, "a", table["a"].cast(pa.int64()))
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


@on_both
def test_a_table_is_stored_once_whatever_file_it_comes_in(client, post):
    first = post(**NAMED, licence="CC0", source="made up")
    assert first.status_code == 201
    stored = first.json()
    assert first.headers["location"] == f"/v1/datasets/{stored['id']}"
    assert (stored["task"], stored["rows"], stored["columns"], stored["licence"]) == ("binary", 30, 2, "CC0")
    assert stored["profile"]["classes"][0] == {"label": "p", "rows": 15, "share": 0.5}
    packed = gzip.compress(CSV.encode())
    for again in (
        post(**NAMED),
        post(packed, encoding="gzip", name="other", target="y"),
        post(packed, "application/gzip", **NAMED),
        post(CSV.replace(",", "\t"), "text/tab-separated-values; charset=utf-8", **NAMED),
        post(CSV.replace(",", ";"), delimiter="semicolon", **NAMED),
        post(as_parquet(CSV), "application/vnd.apache.parquet", **NAMED),
        post(gzip.compress(as_parquet(CSV)), "application/gzip", **NAMED),
    ):
        assert again.status_code == 200
        assert again.json() == stored
    assert client.get("/v1/datasets").json()["items"] == [{**stored, "profile": None}]


def test_a_dry_run_describes_and_stores_nothing(client, post):
    answer = post(**NAMED, dry_run=True)
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert answer.json()["created_at"] is None
    assert client.get("/v1/datasets").json()["items"] == []
    assert post(**NAMED).json()["id"] == answer.json()["id"]


@pytest.mark.parametrize("key", ["made", None])
def test_a_data_set_is_read_and_deleted_by_its_name_or_its_id(client, post, key):
    stored = post(**NAMED).json()
    path = f"/v1/datasets/{key or stored['id']}"
    found = client.get(path)
    assert found.json() == stored
    assert client.get(path, headers={"If-None-Match": found.headers["etag"]}).status_code == 304
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == client.delete(path).status_code == 404


@on_both
def test_the_table_comes_back_as_parquet_and_as_csv(client, post):
    post(**NAMED)
    path = "/v1/datasets/made/data"
    parquet = client.get(path)
    assert parquet.headers["content-type"] == "application/vnd.apache.parquet"
    assert parquet.headers["content-disposition"] == 'attachment; filename="made.parquet"'
    assert pq.read_table(io.BytesIO(parquet.content))["b"].to_pylist() == [*"uvw"] * 10
    for text in (
        client.get(path, params={"format": "csv"}),
        client.get(path, headers={"Accept": "text/csv"}),
    ):
        assert post(text.content, **NAMED).status_code == 200, "the same content"
    assert client.get(path, headers={"If-None-Match": parquet.headers["etag"]}).status_code == 304
    head = client.head(path)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(parquet.content)))
    refused = client.get(path, headers={"Accept": "image/png"})
    assert refused.status_code == 406
    assert client.get("/v1/datasets/none/data").status_code == 404


@on_both
def test_pages_follow_each_other_by_name(client, post):
    for name in "cab":
        assert post(CSV + "1,u,p\n" * (ord(name) - 96), name=name, target="y").status_code == 201
    first = client.get("/v1/datasets", params={"limit": 2}).json()
    assert [item["name"] for item in first["items"]] == ["a", "b"]
    rest = client.get("/v1/datasets", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert ([item["name"] for item in rest["items"]], rest["next_cursor"]) == (["c"], None)
    assert client.get("/v1/datasets", params={"cursor": "ZTAx"}).status_code == 422


def test_a_name_of_another_table_is_a_conflict(post):
    stored = post(**NAMED).json()
    refused = post(name="made", target="b")
    assert refused.status_code == 409
    assert stored["id"] in refused.json()["detail"]


def test_a_bad_table_is_a_problem_that_names_the_place_and_nothing_is_stored(client, post):
    refused = post(CSV.replace("3,u,q", "inf,u,q", 1), **NAMED)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    (part,) = refused.json()["errors"]
    assert part["column"] == "a"
    assert part["row"] == 4
    assert "column 'a' is infinite in row 4 ('inf')" in part["detail"]
    assert client.get("/v1/datasets").json()["items"] == []


@pytest.mark.parametrize(
    ("query", "parameter", "said"),
    [
        ({"name": "made"}, "target", "a table comes with `target`"),
        ({"target": "y"}, "name", "a table comes with `name`"),
        ({**NAMED, "target": "z"}, "target", "there is no column 'z'; there are 'a', 'b', 'y'"),
        ({**NAMED, "categorical": "a,z"}, "categorical", "there is no column 'z'"),
        ({**NAMED, "categorical": "a,,b"}, "categorical", "has to be `auto`, or names of columns"),
        ({**NAMED, "categorical": '"a'}, "categorical", "has to be `auto`, or names of columns"),
        ({**NAMED, "delimiter": "tab"}, "delimiter", "the columns are not divided by a tab: by a comma"),
        ({**NAMED, "delimiter": "dot"}, "delimiter", "must be 'comma', 'semicolon', 'tab' or 'pipe'"),
        ({**NAMED, "name": "a/b"}, "name", "must be 1 to 100 letters, digits, dots"),
        ({**NAMED, "name": "imports"}, "name", "is not to be had"),
        ({**NAMED, "name": "0" * 64}, "name", "is not to be had"),
        ({**NAMED, "licence": "x" * 501}, "licence", "must have at most 500 characters"),
        ({**NAMED, "rows": 3}, "rows", "is unknown"),
    ],
)
def test_what_is_said_wrongly_of_a_table_is_named(post, query, parameter, said):
    refused = post(**query)
    assert refused.status_code == 422
    (part,) = refused.json()["errors"]
    assert part["parameter"] == parameter
    assert said in part["detail"]


def test_categorical_columns_may_have_commas_in_their_names(post):
    content = '"a,b",c,y\n' + "".join(f"{i % 3},{i % 4},{'pq'[i % 2]}\n" for i in range(12))
    stored = post(content, **NAMED, categorical='"a,b", c').json()
    assert [column["kind"] for column in stored["profile"]["columns"]] == ["categorical", "categorical"]


@pytest.mark.parametrize(
    ("content_type", "encoding", "said"),
    [
        ("image/png", None, "a table comes with a Content-Type of text/csv"),
        ("", None, "not ''"),
        ("text/csv; charset=latin-1", None, "must be UTF-8, not 'latin-1'"),
        ("text/csv", "br", "with Content-Encoding gzip or none, not 'br'"),
        ("application/json", "gzip", "a table comes with a Content-Type"),
    ],
)
def test_other_types_and_encodings_are_refused(post, content_type, encoding, said):
    refused = post("x", content_type, encoding, **NAMED)
    assert refused.status_code == 415
    assert said in refused.json()["detail"]


def test_a_table_may_be_larger_than_other_bodies_up_to_a_limit_of_its_own(serve, database):
    with serve(database, max_body_bytes=1_000, max_dataset_bytes=40_000) as client:

        def post(content, **headers):
            headers = {"Content-Type": "text/csv"} | headers
            return client.post("/v1/datasets", content=content, headers=headers, params=NAMED)

        large = CSV + "1,u,p\n" * 2_000
        assert post(large).status_code == 201
        too_large = CSV + "1,u,p\n" * 20_000
        pieces = (too_large.encode()[i : i + 9_999] for i in range(0, len(too_large), 9_999))
        packed = gzip.compress(too_large.encode())
        assert len(packed) < 1_000
        for refused in (post(too_large), post(pieces), post(packed, **{"Content-Encoding": "gzip"})):
            assert refused.status_code == 413
            assert "a table has at most 40000 bytes, unpacked too" in refused.json()["detail"]
        asked = json.dumps({"source": "openml", "id": 1}) + " " * 2_000
        refused = post(asked, **{"Content-Type": "application/json"})
        assert refused.status_code == 422  # an import has no parameters
        refused = client.post("/v1/datasets", content=asked, headers={"Content-Type": "application/json"})
        assert refused.status_code == 413
        assert client.post("/v1/experiments", json={"name": "x" * 2_000}).status_code == 413


def test_nothing_of_an_upload_is_left_on_the_disk(post, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    assert post(**NAMED).status_code == 201
    assert post("a,b,y\n", **NAMED).status_code == 422
    assert list((tmp_path / "uploads").iterdir()) == []


@on_both
def test_an_import_is_accepted_and_can_be_followed(client):
    accepted = client.post("/v1/datasets", json={"source": "openml", "id": 40945})
    assert accepted.status_code == 202
    path = accepted.headers["location"]
    assert path == f"/v1/datasets/imports/{accepted.json()['id']}"
    found = client.get(path).json()
    assert found == accepted.json()
    assert (found["status"], found["source"], found["what"], found["datasets"]) == (
        "queued",
        "openml",
        "40945",
        [],
    )


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({}, "/source", "is required"),
        ({"source": "kaggle"}, "/source", "must be 'openml', 'openml-suite', 'sklearn', not \"kaggle\""),
        ({"source": "openml"}, "/id", "is required"),
        ({"source": "openml", "id": "40945"}, "/id", "must be a valid integer"),
        ({"source": "openml", "id": 0}, "/id", "must be greater than or equal to 1, not 0"),
        (
            {"source": "openml", "id": 1, "target": "y"},
            "/target",
            "is unknown; the fields here are source and id",
        ),
        (
            {"source": "sklearn", "name": "boston"},
            "/name",
            "must be 'breast_cancer', 'digits', 'iris' or 'wine'",
        ),
        ([], "", "must be a JSON object"),
    ],
)
def test_a_wrong_wish_for_an_import_is_answered_with_what_would_be_right(client, body, pointer, said):
    refused = client.post("/v1/datasets", json=body)
    assert refused.status_code == 422
    (part,) = refused.json()["errors"]
    assert part["pointer"] == pointer
    assert said in part["detail"]


def test_bodies_that_are_no_json_and_imports_that_are_not_there_are_said_to_be_so(client, post):
    assert post("{", "application/json").status_code == post("", "application/json").status_code == 400
    for import_id in ("x", "01JD0M3X8Z6T4Q2W9V5K7N1R3P"):
        missing = client.get(f"/v1/datasets/imports/{import_id}")
        assert missing.status_code == 404
        assert f"there is no import '{import_id}'" in missing.json()["detail"]


def test_nothing_is_read_of_a_table_from_somebody_without_a_key(serve, database, make_key):
    make_key("somebody")
    with serve(database) as client:
        headers = {"Content-Type": "text/csv"}
        assert client.post("/v1/datasets", content=CSV, headers=headers, params=NAMED).status_code == 401
