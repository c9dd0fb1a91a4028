"""Calls that fetch files, as CSV, Parquet, or streams of Arrow's format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, get_args

from tombola._client.calls._base import Call, experiment_path
from tombola._client.calls._results import CellFilter, Confidence
from tombola.results import Outcome

Export = Literal["success-table", "runs", "curves", "comparison", "scores"]
ExportFormat = Literal["csv", "parquet", "arrow"]

_MEDIA_TYPES: dict[ExportFormat, str] = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
_SUFFIXES: dict[str, ExportFormat] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
}


def export_file(path: str | os.PathLike[str]) -> Path:
    """Return where an export goes, or raise ValueError where no file can stand."""
    target = Path(path)
    if target.exists() and not target.is_file():
        raise ValueError(f"an export goes into a file, and {str(target)!r} is none")
    return target


def export_format(path: Path) -> ExportFormat:
    """Return the format that a file's suffix says, or raise ValueError."""
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise ValueError(f"an export's file ends in .csv, .parquet or .arrow; got {str(path)!r}")
    return found


def export(  # noqa: PLR0913, PLR0917  # what, how, and one argument per kind of restriction
    experiment_id: str,
    what: Export,
    file_format: ExportFormat,
    cells: CellFilter,
    outcome: Outcome | str | None,
    confidence: Confidence,
) -> Call[None]:
    """Ask for a file; it is the body of the answer, which is for `download` to read."""
    if what not in get_args(Export):
        raise ValueError(f"what is exported is one of {', '.join(get_args(Export))}, not {what!r}")
    if file_format not in _MEDIA_TYPES:
        raise ValueError(f"an export's format is 'csv', 'parquet' or 'arrow', not {file_format!r}")
    restricted = cells.params() | ({} if outcome is None else {"outcome": Outcome(outcome).value})
    if what in ("comparison", "scores"):
        params = restricted | confidence.params()
        if params:
            raise ValueError(f"a file of {what} has all there is: leave out {', '.join(params)}")
    elif what == "success-table":
        if restricted:
            raise ValueError(f"a success table has all cells: leave out {', '.join(restricted)}")
        params = confidence.params()
    else:
        if confidence.params():
            raise ValueError(f"{what} have no intervals: leave out {', '.join(confidence.params())}")
        params = restricted
    headers = {"Accept": _MEDIA_TYPES[file_format]}
    path = f"{experiment_path(experiment_id)}/{what}"
    return Call("GET", path, lambda _: None, params=params, headers=headers)
