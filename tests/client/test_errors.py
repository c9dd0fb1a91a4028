from __future__ import annotations

import json
import pickle

import httpx
import numpy as np
import pytest

import tombola
from tombola import Client, InvalidSpec, results
from tombola._client.calls import as_spec

KINDS = {
    400: tombola.BadRequest,
    401: tombola.Unauthorized,
    403: tombola.Forbidden,
    404: tombola.NotFound,
    409: tombola.Conflict,
    413: tombola.PayloadTooLarge,
    415: tombola.UnsupportedMediaType,
    418: tombola.ApiError,
    422: tombola.InvalidRequest,
    429: tombola.RateLimited,
    500: tombola.ServerError,
    503: tombola.ServerError,
}


def _client(status, content, **headers):
    response = httpx.Response(status, content=content, headers=headers)
    return Client(transport=httpx.MockTransport(lambda _: response), max_retries=0)


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_each_status_has_its_exception(status, kind):
    problem = {"title": "No", "status": status, "detail": "because"}
    with pytest.raises(tombola.ApiError) as caught:
        _client(status, json.dumps(problem)).version()
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert str(caught.value).startswith("No: because")


def test_the_text_of_an_error_names_each_pointer_and_parameter():
    problem = {
        "title": "Unprocessable",
        "status": 422,
        "detail": "2 fields are wrong.",
        "errors": [
            {"pointer": "/grid/width/0", "detail": "must be at least 1"},
            {"parameter": "dry_run", "detail": "must be true or false"},
        ],
    }
    with pytest.raises(tombola.InvalidRequest) as caught:
        _client(422, json.dumps(problem)).version()
    assert str(caught.value).splitlines() == [
        "Unprocessable: 2 fields are wrong.",
        "  /grid/width/0: must be at least 1",
        "  dry_run: must be true or false",
    ]
    assert [part.pointer for part in caught.value.errors] == ["/grid/width/0", None]


def test_a_refused_key_says_where_to_give_one():
    problem = {"title": "Unauthorized", "status": 401, "detail": "the key is not known"}
    with pytest.raises(tombola.Unauthorized, match="set TOMBOLA_API_KEY"):
        _client(401, json.dumps(problem)).version()


def test_an_error_page_of_a_proxy_is_quoted():
    with pytest.raises(tombola.ServerError, match=r"/v1/version answered 502 Bad Gateway: <html> oops"):
        _client(502, "<html>\n  oops").version()


def test_a_redirect_says_where_the_server_is():
    with pytest.raises(tombola.ApiError, match="redirects to https://elsewhere/; give that server as url"):
        _client(301, "", location="https://elsewhere/").version()


def test_another_programs_success_is_no_answer():
    with pytest.raises(tombola.UnexpectedAnswer, match=r"not Tombola's \(text/html: 'It works!'\)"):
        _client(200, "It works!", **{"content-type": "text/html"}).version()


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7.0), ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0), ("soon", None), ("²", None)],
)
def test_retry_after_is_seconds_or_a_date(retry_after, seconds):
    problem = json.dumps({"title": "Slow down", "status": 429, "detail": "later"})
    response = httpx.Response(429, content=problem, headers=[(b"retry-after", retry_after.encode())])
    client = Client(transport=httpx.MockTransport(lambda _: response), max_retries=0)
    with pytest.raises(tombola.RateLimited) as caught:
        client.version()
    assert caught.value.retry_after == seconds


WRONG_SPECS = {
    "too small": (
        {"grid": {"width": [0], "samples": [1]}},
        "/grid/width/0",
        "must be greater than or equal to 1, not 0",
    ),
    "missing": ({"target": {"n": 3}}, "/target/k", "is required"),
    "of a model": (
        {"target": {"n": 3, "k": 4}},
        "/target",
        "k must be at most n: a support of 4 coordinates does not fit into 3",
    ),
    "between fields": (
        {"grid": {"width": [1], "samples": [1], "sparsity": [1, 11]}},
        "/grid/sparsity/1",
        "sparsity must be at most n = 10, or null for dense; this one is 11",
    ),
    "unknown": (
        {"wdith": 1},
        "/wdith",
        "is unknown; the fields here are name, target, grid, training, seeds",
    ),
    "unknown inside": (
        {"seeds": {"a/b~c": 1}},
        "/seeds/a~1b~0c",
        "is unknown; the fields here are count, start",
    ),
    "union": (
        {"training": {"batch_size": 5000}},
        "/training/batch_size",
        "must be less than or equal to 4096 or 'full', not 5000",
    ),
    "object for a number": (
        {"training": {"batch_size": {"int": 3}}},
        "/training/batch_size",
        "must be a valid integer or 'full', not an object",
    ),
    "not a number": (
        {"training": {"learning_rate": float("nan")}},
        "/training/learning_rate",
        "must be a finite number, not NaN",
    ),
    "not finite": (
        {"training": {"learning_rate": float("inf")}},
        "/training/learning_rate",
        "must be a finite number, not infinite",
    ),
    "text for a number": ({"seeds": {"count": "3"}}, "/seeds/count", 'must be a valid integer, not "3"'),
    "a long text": (
        {"seeds": {"count": "3" * 99}},
        "/seeds/count",
        f'must be a valid integer, not "{"3" * 60}\\u2026"',
    ),
    "empty": ({"name": ""}, "/name", "must not be empty"),
    "list for an object": ({"target": [3]}, "/target", "must be a JSON object, not a list"),
    "no mode": (
        {"seeds": {"goal": "boundary"}},
        "/seeds/mode",
        'must be "adaptive", not left out; seeds of a fixed number have count and start only',
    ),
    "a goal there is not": (
        {"seeds": {"mode": "adaptive", "goal": "best"}},
        "/seeds/goal",
        'must be "boundary" or "half_width", not "best"; seeds of a fixed number have count and start only',
    ),
    "of another kind of seeds": (
        {"seeds": {"mode": "adaptive", "goal": "boundary", "count": 3}},
        "/seeds/count",
        "is unknown; the fields here are mode, max, start, level, goal, probability",
    ),
    "inside a kind of seeds": (
        {"seeds": {"mode": "adaptive", "goal": "half_width", "half_width": 0.5}},
        "/seeds/half_width",
        "must be less than 0.5, not 0.5",
    ),
    "too many adaptive runs": (
        {
            "seeds": {"mode": "adaptive", "goal": "boundary", "max": 10_000},
            "grid": {"width": list(range(1, 102)), "samples": [1]},
        },
        "/seeds/max",
        (
            "an experiment has at most 1000000 runs; this one asks for 1010000: "
            "use fewer seeds or cells, or split it"
        ),
    ),
    "null": ({"seeds": {"count": None}}, "/seeds/count", "must be a valid integer, not null"),
}


@pytest.mark.parametrize(("change", "pointer", "detail"), WRONG_SPECS.values(), ids=WRONG_SPECS)
def test_a_wrong_spec_says_where_and_what(spec, change, pointer, detail):
    with pytest.raises(InvalidSpec) as caught:
        as_spec(spec | change)
    [part] = caught.value.errors
    assert part.pointer == pointer
    assert part.detail == detail
    assert str(caught.value) == f"the spec is not valid\n  {pointer}: {part.detail}"


def test_every_wrong_field_of_a_spec_is_named(spec):
    with pytest.raises(InvalidSpec) as caught:
        as_spec(spec | {"name": "", "seeds": {"count": 0, "start": -1}})
    assert [part.pointer for part in caught.value.errors] == ["/name", "/seeds/count", "/seeds/start"]


@pytest.mark.parametrize("document", ["a string", [1], None, 3])
def test_what_is_no_object_is_no_spec(document):
    with pytest.raises(InvalidSpec, match=r"\(body\): must be a JSON object, not "):
        as_spec(document)


def test_arrays_ranges_and_tuples_may_stand_for_lists(spec):
    grid = {"width": np.array([8, 16]), "samples": range(100, 300, 100), "sparsity": (np.int64(2), None)}
    made = as_spec(spec | {"grid": grid})
    assert made.grid.model_dump() == {"width": [8, 16], "samples": [100, 200], "sparsity": [2, None]}


def test_what_is_no_json_value_is_refused(spec):
    with pytest.raises(TypeError, match="a spec holds JSON values"):
        as_spec(spec | {"name": object()})


def test_a_wrong_spec_is_not_sent(spec):
    def never(request):
        raise AssertionError(request)

    with pytest.raises(InvalidSpec):
        Client(transport=httpx.MockTransport(never)).experiments.create(spec | {"name": ""})


def _every_kind(kind=tombola.TombolaError):
    yield kind
    for child in kind.__subclasses__():
        yield from _every_kind(child)


def _make(kind, answer):
    experiment = results.Experiment.model_validate(answer())
    if issubclass(kind, tombola.ApiError):
        problem = {
            "title": "No",
            "status": 422,
            "detail": "because",
            "errors": [{"pointer": "/a", "detail": "b"}],
        }
        return kind(results.Problem.model_validate(problem), retry_after=3.0)
    if kind is InvalidSpec:
        return kind([results.ProblemPart(pointer="/a", detail="b")])
    if kind is tombola.ConnectionFailed:
        return kind("away", sent=True)
    if kind is tombola.WaitTimeout:
        return kind(experiment, 3.0)
    if kind in (tombola.ExperimentFailed, tombola.ExperimentCancelled):
        return kind(experiment)
    return kind("text")


@pytest.mark.parametrize("kind", list(_every_kind()), ids=lambda kind: kind.__name__)
def test_errors_travel_between_processes(kind, answer):
    error = _make(kind, answer)
    back = pickle.loads(pickle.dumps(error))  # noqa: S301  # made one call before
    assert type(back) is kind
    assert str(back) == str(error)
    assert vars(back) == vars(error)
