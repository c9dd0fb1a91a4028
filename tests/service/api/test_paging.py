"""Cursors: they come back as they went, and junk is refused."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from service.api import paging
from service.api.problems import ProblemError
from tombola.spec import MAX_CELLS, WORD_RANGE

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@given(st.text(CROCKFORD, min_size=26, max_size=26))
def test_a_cursor_of_experiments_comes_back(experiment_id):
    assert paging.experiment_before(paging.after_experiment(experiment_id)) == experiment_id


@given(st.integers(0, MAX_CELLS - 1), st.integers(0, WORD_RANGE - 1))
def test_a_cursor_of_runs_comes_back(cell, seed):
    cursor = paging.after_run(cell, seed)
    assert paging.run_before(cursor) == (cell, seed)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text() | st.text("abcrxyz0189-_", max_size=24))
def test_any_other_text_is_refused_or_read_as_a_cursor_within_bounds(text):
    for read in (paging.experiment_before, paging.run_before):
        with contextlib.suppress(ProblemError):
            assert read(text) is not None


def test_junk_is_refused(client, create):
    paths = ("/v1/experiments", f"/v1/experiments/{create()['id']}/runs")
    for text in ("", "e", "r1.1", "cjk5OTk5LjA", "cjAuNDI5NDk2NzI5Ng", "ZQ==", "\x00", "\u00fc", "r\u00b2"):
        for path in paths:
            answer = client.get(path, params={"cursor": text})
            assert answer.status_code == 422, text
            assert [part["parameter"] for part in answer.json()["errors"]] == ["cursor"]


def test_a_cursor_of_another_listing_is_refused(client):
    answer = client.get("/v1/experiments", params={"cursor": paging.after_run(0, 0)})
    assert answer.status_code == 422
