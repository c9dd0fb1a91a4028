"""Calls about data sets: bring tables, have them imported, read and delete them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from tombola._client.calls._base import Call, as_model, page_params, segment
from tombola.results import ComparisonPlan, Dataset, DatasetImport, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tombola.results import ImportRequest

_PATH = "/v1/datasets"
TableFormat = Literal["csv", "tsv", "parquet", "arrow"]
#: A file, or what has been read of one.
TableFile = str | os.PathLike[str] | bytes | BinaryIO
_SUFFIXES: dict[str, TableFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
}
_MEDIA_TYPES: dict[TableFormat, str] = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",  # the server sees which of Arrow's two it is
}
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "\\t": "tab", "|": "pipe"}
_GZIP = b"\x1f\x8b"


def table_format(path: Path) -> tuple[TableFormat | None, bool]:
    """Return the format that a file's name tells, if any, and whether it is packed (`.gz`)."""
    packed = path.suffix.lower() == ".gz"
    suffix = Path(path.stem).suffix if packed else path.suffix
    return _SUFFIXES.get(suffix.lower()), packed


def dataset_name(path: Path) -> str:
    """Return a name for the data set of a file: the file's, with dashes for what no name may have."""
    stem = Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("-._")[:100]
    if not name:
        raise ValueError(f"{path.name!r} makes no name of a data set: give one")
    return name


def create_dataset(  # noqa: PLR0913  # each is a part of the request
    file: TableFile,
    *,
    target: str,
    name: str | None,
    categorical: Sequence[str] | None,
    delimiter: str | None,
    licence: str | None,
    source: str | None,
    file_format: TableFormat | None,
    dry_run: bool,
) -> Call[Dataset]:
    """Post a table; repeatable because the same content is stored once."""
    if isinstance(file, str | os.PathLike):
        path = Path(file)
        content: Path | bytes = path
        told, packed = table_format(path)
        name = dataset_name(path) if name is None else name
    else:
        content = file if isinstance(file, bytes) else file.read()
        told, packed = None, content.startswith(_GZIP)
        if name is None:
            raise ValueError("a table that is no file of its own has no name: give one")
    known = file_format or told
    if known is None:
        raise ValueError(
            f"give the format of {name}: one of {', '.join(_MEDIA_TYPES)}; files named "
            f"{', '.join(_SUFFIXES)} (and .gz) tell it"
        )
    said = {
        "name": name,
        "target": target,
        "delimiter": _DELIMITERS.get(delimiter, delimiter) if delimiter else None,
        "categorical": ",".join(map(_quoted, categorical)) if categorical else None,
        "licence": licence,
        "source": source,
        "dry_run": "true" if dry_run else None,
    }
    headers = {"Content-Type": _MEDIA_TYPES[known]} | ({"Content-Encoding": "gzip"} if packed else {})
    params = {key: value for key, value in said.items() if value is not None}
    return Call("POST", _PATH, as_model(Dataset), params=params, headers=headers, content=content)


def import_dataset(request: ImportRequest) -> Call[DatasetImport]:
    """Ask for an import. Not repeatable: a second one would do it again."""
    headers = {"Content-Type": "application/json"}
    content = request.model_dump_json()
    return Call("POST", _PATH, as_model(DatasetImport), headers=headers, content=content, repeatable=False)


def get_import(import_id: str) -> Call[DatasetImport]:
    """Ask how far an import is."""
    path = f"{_PATH}/imports/{segment(import_id, f'import id {import_id!r}')}"
    return Call("GET", path, as_model(DatasetImport))


def list_datasets(page_size: int, cursor: str | None) -> Call[Page[Dataset]]:
    """Ask for one page of data sets."""
    return Call("GET", _PATH, as_model(Page[Dataset]), params=page_params(page_size, cursor))


def get_dataset(dataset: str) -> Call[Dataset]:
    """Ask for a data set with its profile."""
    return Call("GET", _path(dataset), as_model(Dataset))


def dataset_data(dataset: str, file_format: Literal["parquet", "csv"]) -> Call[bytes]:
    """Ask for the table of a data set."""
    params = {"format": file_format}
    # The client's own Accept is JSON, which a table is not.
    headers = {"Accept": "*/*"}
    return Call("GET", f"{_path(dataset)}/data", lambda response: response.content, params, headers)


def comparison_plan(dataset: str, minutes: float | None, encoding: str | None) -> Call[ComparisonPlan]:
    """Ask for a comparison on a data set that fits into so many minutes."""
    params = {} if minutes is None else {"minutes": repr(float(minutes))}
    if encoding is not None:
        params["encoding"] = encoding
    return Call("GET", f"{_path(dataset)}/plan", as_model(ComparisonPlan), params=params)


def delete_dataset(dataset: str) -> Call[None]:
    """Delete a data set."""
    return Call("DELETE", _path(dataset), lambda _: None)


def _path(dataset: str) -> str:
    return f"{_PATH}/{segment(dataset, f'data set {dataset!r}')}"


def _quoted(name: str) -> str:
    # `auto` alone would mean none.
    return '"' + name.replace('"', '""') + '"' if re.search('[",\n]|^auto$', name) else name
