"""Cursors: where the next page starts, as a text that says nothing to its reader."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated

from fastapi import Query
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from service.api.problems import ProblemError
from tombola.results import ProblemPart
from tombola.spec import MAX_CELLS, WORD_RANGE

Cursor = Annotated[
    Annotated[str, Field(max_length=200)] | SkipJsonSchema[None],
    Query(description="`next_cursor` of the page before; leave it out for the first page."),
]
_EXPERIMENT = re.compile(r"e([0-9A-HJKMNP-TV-Z]{26})")
_DATASET = re.compile(r"d([A-Za-z0-9._-]{1,100})")
_RUN = re.compile(r"r(\d{1,10})\.(\d{1,10})", re.ASCII)


def after_experiment(experiment_id: str) -> str:
    """Return the cursor of the page that follows an experiment."""
    return _encode(f"e{experiment_id}")


def experiment_before(cursor: str | None) -> str | None:
    """Return the experiment that a cursor stands behind.

    Raises:
        ProblemError: 422, the text is no cursor of a listing of experiments.
    """
    return _matched(_EXPERIMENT, cursor)


def after_dataset(name: str) -> str:
    """Return the cursor of the page that follows a data set."""
    return _encode(f"d{name}")


def dataset_before(cursor: str | None) -> str | None:
    """Return the name of the data set that a cursor stands behind.

    Raises:
        ProblemError: 422, the text is no cursor of a listing of data sets.
    """
    return _matched(_DATASET, cursor)


def after_run(cell: int, seed: int) -> str:
    """Return the cursor of the page that follows a run."""
    return _encode(f"r{cell}.{seed}")


def run_before(cursor: str | None) -> tuple[int, int] | None:
    """Return (cell, seed) of the run that a cursor stands behind.

    Raises:
        ProblemError: 422, the text is no cursor of a listing of runs.
    """
    if cursor is None:
        return None
    match = _RUN.fullmatch(_decode(cursor))
    if match is None or int(match[1]) >= MAX_CELLS or int(match[2]) >= WORD_RANGE:
        raise _invalid()
    return int(match[1]), int(match[2])


def _matched(pattern: re.Pattern[str], cursor: str | None) -> str | None:
    if cursor is None:
        return None
    match = pattern.fullmatch(_decode(cursor))
    if match is None:
        raise _invalid()
    return match[1]


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise _invalid() from None


def _invalid() -> ProblemError:
    part = ProblemPart(
        parameter="cursor", detail="must be the next_cursor of an earlier page of the same listing"
    )
    return ProblemError(422, "the cursor is wrong; see `errors`", errors=[part])
