"""Tables of OpenML and of scikit-learn, as scikit-learn's own loaders read them."""

from __future__ import annotations

import gzip
import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import pyarrow as pa
from sklearn import datasets as bundled
from sklearn.datasets import _openml, fetch_openml

from service.lab.datasets import storing
from service.lab.datasets.storing import About, Prepared
from service.lab.datasets.table import Asked, assemble
from worker.tabular.downloads import Body, Downloads, SourceError

_SUITE = "https://www.openml.org/api/v1/json/study/{}"
_LONGEST_NOTE = 500
_NO_SUCH = 412  # OpenML's own for what is not there

_patching = threading.Lock()


def bundled_dataset(name: str) -> Prepared:
    """Return a data set that comes with scikit-learn, with the names of its classes for their numbers."""
    bunch = getattr(bundled, f"load_{name}")(as_frame=True)
    labels = [str(bunch.target_names[code]) for code in bunch.target]
    frame = bunch.data.assign(target=labels)
    return _prepared(frame, "target", About(name, source=f"scikit-learn, {name}"))


def openml_dataset(number: int, downloads: Downloads) -> Prepared:
    """Return a data set of OpenML with its default target.

    What was fetched is kept in a folder of its own and not fetched again. Its MD5 must be that of its
    description; where it is not, scikit-learn fetches it anew, once.

    Raises:
        SourceError: There is no such data set, it stays damaged, or its target is not one column.
        BadTable: It cannot be learnt from.
        OSError: OpenML cannot be reached.
        HTTPException: Its answers break off.
    """
    folder = downloads.folder / "openml" / str(number)
    try:
        bunch = _fetch(number, downloads, folder)
    except _openml.OpenMLError:
        raise SourceError(f"OpenML has no data set {number}") from None
    except _GivenUp as error:
        raise error.reason from None
    except ValueError as error:
        raise SourceError(" ".join(str(error).split())) from None
    if len(bunch.target_names) != 1:
        raise SourceError(f"OpenML {number} has {len(bunch.target_names)} targets: it takes one")
    (target,) = bunch.target_names
    details = bunch.details
    about = About(
        storing.name_of(details["name"]),
        licence=str(details.get("licence") or "")[:_LONGEST_NOTE] or None,
        source=f"OpenML {number}, {details['name']} version {details.get('version')}"[:_LONGEST_NOTE],
    )
    return _prepared(bunch.frame, target, about)


def openml_suite(number: int, downloads: Downloads) -> list[int]:
    """Return the numbers of the data sets of a suite of OpenML.

    Raises:
        SourceError: There is no such suite, or the answer is none.
        OSError: OpenML cannot be reached.
    """
    kept = downloads.folder / "openml" / f"suite-{number}.json"
    if not kept.exists():
        try:
            body = downloads.open(_SUITE.format(number))
        except HTTPError as error:
            if error.code == _NO_SUCH:
                raise SourceError(f"OpenML has no suite {number}") from None
            raise
        packed = body.info()["Content-Encoding"] == "gzip"
        _suite_in(gzip.decompress(body.read()) if packed else body.read(), number)
        content = body.getvalue()
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside = kept.with_suffix(".part")
        beside.write_bytes(gzip.decompress(content) if packed else content)
        beside.replace(kept)
    return _suite_in(kept.read_bytes(), number)


def _suite_in(content: bytes, number: int) -> list[int]:
    try:
        found = json.loads(content)["study"]["data"]["data_id"]
        return [int(item) for item in (found if isinstance(found, list) else [found])]
    except (ValueError, KeyError, TypeError):
        raise SourceError(f"what OpenML says of suite {number} names no data sets") from None


def _fetch(number: int, downloads: Downloads, folder: Path) -> Any:  # noqa: ANN401  # scikit-learn's Bunch
    fetch = partial(fetch_openml, data_id=number, data_home=folder, as_frame=True)
    with _through(downloads), warnings.catch_warnings():
        # That a version is inactive, or that what was in the cache is damaged and fetched again.
        warnings.simplefilter("ignore")
        try:
            return fetch(parser="pandas")
        except TypeError:  # the quick parser cannot read categories TRUE and FALSE with pandas 3
            return fetch(parser="liac-arff")


def _prepared(frame: Any, target: str, about: About) -> Prepared:  # noqa: ANN401  # a DataFrame
    raw = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    return storing.prepare(assemble(raw, Asked(target), drop_empty=True), about)


class _GivenUp(Exception):  # noqa: N818  # reads as what it is
    """What could not be had for all our patience; none of the errors that scikit-learn waits for."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


@contextmanager
def _through(downloads: Downloads) -> Iterator[None]:
    """Have scikit-learn fetch through these downloads.

    It has no setting for a mirror, a time limit or growing pauses; its own tests replace the same name.
    """
    given_up: dict[str, _GivenUp] = {}

    def open_once(request: Request) -> Body:
        url = request.full_url
        if url in given_up:  # scikit-learn tries again what failed
            raise given_up[url]
        try:
            return downloads.open(request)
        except Exception as error:
            if isinstance(error, HTTPError) and error.code == _NO_SUCH:
                raise
            given_up[url] = _GivenUp(error)
            raise given_up[url] from error

    with _patching:
        own = _openml.urlopen
        _openml.urlopen = open_once
        try:
            yield
        finally:
            _openml.urlopen = own
