"""Every way to say no is a problem document that says what would be right."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy.exc import OperationalError

from service.lab.experiments import Lab
from tombola.results import Problem

PATH = "/v1/experiments"
JSON = {"Content-Type": "application/json"}


def problem_of(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == status
    assert problem.type == "about:blank"
    return problem


@pytest.fixture
def refused(client, spec):
    """Return `refused(**fields)`: the detail of each wrong field, by pointer."""

    def post(**fields):
        answer = client.post(PATH, json=spec.model_dump(mode="json") | fields)
        parts = problem_of(answer, 422).errors
        assert all(part.parameter is None for part in parts)
        assert len({part.pointer for part in parts}) == len(parts)
        return {part.pointer: part.detail for part in parts}

    return post


def test_each_wrong_field_is_named_by_a_pointer_and_told_what_would_be_right(refused):
    grid = {"width": [4, 0, "x"], "samples": [None, -1], "sparsity": [1.5]}
    assert refused(grid=grid, seeds={"count": True}, name="two\nlines") == {
        "/name": "a name is printable text on one line, with no space before or after it",
        "/grid/width/1": "must be greater than or equal to 1, not 0",
        "/grid/width/2": 'must be a valid integer, not "x"',
        "/grid/samples/1": "must be greater than or equal to 1, not -1",
        "/grid/sparsity/0": "must be a valid integer, not 1.5",
        "/seeds/count": "must be a valid integer, not true",
    }


def test_a_field_of_several_types_has_one_error(refused):
    assert refused(training={"batch_size": "half"}) == {
        "/training/batch_size": "must be a valid integer or 'full', not \"half\""
    }


@pytest.mark.parametrize("value", [[1], {"constrained-int": 1}, {}, None])
def test_a_branch_of_a_union_never_shows_in_a_pointer(refused, value):
    assert next(iter(refused(training={"batch_size": value}))).startswith("/training/batch_size")


def test_an_unknown_field_is_named_with_those_there_are(refused):
    assert refused(training={"learning_rat": 0.1}, extra=1) == {
        "/training/learning_rat": (
            "is unknown; the fields here are learning_rate, weight_decay, batch_size, max_steps, loss, "
            "eval_every, test_samples, success_error"
        ),
        "/extra": "is unknown; the fields here are name, target, grid, training, seeds",
    }


def test_a_pointer_escapes_slashes_and_tildes(refused):
    assert list(refused(**{"a/b~c": 1})) == ["/a~1b~0c"]


def test_a_missing_field_is_named(client):
    problem = problem_of(client.post(PATH, json={"target": {"n": 5}}), 422)
    assert {part.pointer: part.detail for part in problem.errors} == {
        "/name": "is required",
        "/target/k": "is required",
        "/grid": "is required",
    }


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"target": {"n": 5, "k": 6}}, "/target"),
        ({"grid": {"width": [4, 4], "samples": [50]}}, "/grid/width"),
        ({"grid": {"width": [4], "samples": [50], "sparsity": [2, 11]}}, "/grid/sparsity/1"),
        ({"training": {"batch_size": "full"}}, "/grid/samples/1"),
        (
            {
                "training": {"max_steps": 1_000_000, "batch_size": 4096},
                "grid": {"width": [4], "samples": [None]},
            },
            None,
        ),
        ({"seeds": {"count": 1_000_000}}, "/seeds/count"),
        ({"seeds": {"count": 2, "start": 2**32 - 1}}, "/seeds"),
        ({"seeds": {"mode": "fixed", "count": 2}}, "/seeds/mode"),
        ({"seeds": {"mode": "adaptive", "goal": "best"}}, "/seeds/goal"),
        ({"seeds": {"mode": "adaptive", "goal": "boundary", "count": 5}}, "/seeds/count"),
        ({"seeds": {"mode": "adaptive", "goal": "half_width", "half_width": 0.6}}, "/seeds/half_width"),
        ({"grid": {"width": list(range(1, 1001)), "samples": list(range(1, 102))}}, "/grid"),
    ],
)
def test_rules_between_fields_point_at_a_field(client, spec, fields, pointer):
    answer = client.post(PATH, params={"dry_run": "true"}, json=spec.model_dump(mode="json") | fields)
    if pointer is None:
        assert answer.status_code == 200  # just below 2^32
    else:
        assert [part.pointer for part in problem_of(answer, 422).errors] == [pointer]


@pytest.mark.parametrize("body", ["[]", "1", '"text"', "null", "true"])
def test_a_body_that_is_no_object_is_refused_as_a_whole(client, body):
    problem = problem_of(client.post(PATH, content=body, headers=JSON), 422)
    assert [part.pointer for part in problem.errors] == [""]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"name": "\\ud800"}',
        b'{"\\ud800": 1}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"{'name': 1}",
        b'{"name": 1,}',
        b'{"seeds": {"count": ' + b"1" * 5000 + b"}}",
        b"name=x",
    ],
)
def test_a_body_that_is_no_json_is_400(client, body):
    assert problem_of(client.post(PATH, content=body, headers=JSON), 400).errors == []


@pytest.mark.parametrize(("number", "shown"), [("NaN", "not NaN"), ("-Infinity", "not infinite")])
def test_what_json_has_no_number_for_is_refused_by_its_field(client, spec, number, shown):
    body = spec.model_dump_json().replace("0.1,", f"{number},", 1)
    part = problem_of(client.post(PATH, content=body, headers=JSON), 422).errors[0]
    assert part.pointer == "/training/learning_rate"
    assert part.detail == f"must be a finite number, {shown}"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400, "1e-999"])
def test_numbers_beyond_floating_point_are_refused_and_not_echoed(client, spec, number):
    body = spec.model_dump_json().replace("0.1,", f"{number},", 1)
    problem = problem_of(client.post(PATH, content=body, headers=JSON), 422)
    assert [part.pointer for part in problem.errors] == ["/training/learning_rate"]


@pytest.mark.parametrize("name", ["a\x00b", "\u2028", "x" * 201, "", " x", "\N{RIGHT-TO-LEFT OVERRIDE}x"])
def test_a_name_is_one_line_of_printable_text(refused, name):
    assert list(refused(name=name)) == ["/name"]


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "text/json", "json", "multipart/form-data"],
)
def test_a_body_that_is_not_sent_as_json_is_415(client, spec, media_type):
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = client.post(PATH, content=spec.model_dump_json().encode(), headers=headers)
    assert "Content-Type: application/json" in problem_of(answer, 415).detail


def test_a_compressed_body_is_415(client):
    answer = client.post(PATH, content=b"\x1f\x8b", headers=JSON | {"Content-Encoding": "gzip"})
    problem_of(answer, 415)
    assert answer.headers["accept-encoding"] == "identity"


def test_an_unknown_path_is_404(client):
    assert "'/v2/experiments'" in problem_of(client.get("/v2/experiments"), 404).detail


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", PATH, "GET, HEAD, POST"),
        ("PATCH", f"{PATH}/01JD0M3X8Z6T4Q2W9V5K7N1R3P", "DELETE, GET, HEAD"),
        ("GET", f"{PATH}/01JD0M3X8Z6T4Q2W9V5K7N1R3P/cancel", "POST"),
        ("POST", "/v1/presets/paper/edge", "GET, HEAD"),
        ("POST", "/livez", "GET, HEAD"),
        ("TRACE", "/metrics", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_405_with_all_that_are_possible(client, method, path, allowed):
    answer = client.request(method, path)
    problem_of(answer, 405)
    assert answer.headers["allow"] == allowed


def test_a_body_of_too_many_announced_bytes_is_413(client):
    detail = problem_of(client.post(PATH, content=b" " * 1_000_001, headers=JSON), 413).detail
    assert "1000000 bytes" in detail


def test_a_body_that_grows_beyond_the_limit_is_413(client):
    def chunks():
        for _ in range(20):
            yield b" " * 100_000

    problem_of(client.post(PATH, content=chunks(), headers=JSON), 413)


def test_a_body_of_exactly_the_limit_is_read(serve, database, spec):
    body = spec.model_dump_json().encode()
    with serve(database, max_body_bytes=2000) as client:
        assert client.post(PATH, content=body.ljust(2000), headers=JSON).status_code == 202
        assert client.post(PATH, content=body.ljust(2001), headers=JSON).status_code == 413


def test_a_database_that_is_away_is_503_with_the_time_to_wait(client, monkeypatch, caplog):
    def away(*_args):
        raise OperationalError("SELECT secret", {}, ConnectionError("server closed the connection"))

    monkeypatch.setattr("service.lab.answers.known", away)
    answer = client.get(f"{PATH}/01JD0M3X8Z6T4Q2W9V5K7N1R3P")
    problem_of(answer, 503)
    assert answer.headers["retry-after"] == "5"
    assert "secret" not in answer.text
    assert "server closed the connection" in caplog.text


def test_an_error_of_ours_is_500_with_an_id_that_the_log_has_too(client, spec, monkeypatch, caplog):
    def broken(*_args, **_options):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Lab, "submit", broken)
    with caplog.at_level(logging.ERROR):
        answer = client.post(PATH, json=spec.model_dump(mode="json"))
    problem = problem_of(answer, 500)
    error_id = problem.instance.removeprefix("urn:uuid:")
    assert error_id in problem.detail
    assert error_id in caplog.text
    assert "ZeroDivisionError: secret" in caplog.text
    assert "secret" not in answer.text
    assert client.get(PATH).json()["items"] == []
