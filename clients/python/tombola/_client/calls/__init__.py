"""Every call of the API, described once: what to send and how to read the answer.

The sync and the async driver both send these; neither knows a path or a model.
"""

from __future__ import annotations

from tombola._client.calls._base import (
    Call,
    page_size_for,
)
from tombola._client.calls._experiments import (
    Action,
    Snapshot,
    as_spec,
    change,
    checked_key,
    create,
    delete_experiment,
    dry_run,
    events_path,
    get_experiment,
    list_experiments,
    poll_experiment,
)
from tombola._client.calls._exports import Export, ExportFormat, export, export_file, export_format
from tombola._client.calls._presets import (
    get_preset,
    list_presets,
    preset_quote,
    renamed,
    submissions,
)
from tombola._client.calls._results import (
    ANY,
    Anything,
    CellFilter,
    Confidence,
    PictureFormat,
    PictureName,
    Samples,
    Sparsity,
    curve,
    frontier,
    list_runs,
    luck,
    picture,
    success_table,
    success_table_csv,
    thresholds,
    times,
)
from tombola._client.calls._server import (
    Health,
    health,
    list_workers,
    version,
)

__all__ = [
    "ANY",
    "Action",
    "Anything",
    "Call",
    "CellFilter",
    "Confidence",
    "Export",
    "ExportFormat",
    "Health",
    "PictureFormat",
    "PictureName",
    "Samples",
    "Snapshot",
    "Sparsity",
    "as_spec",
    "change",
    "checked_key",
    "create",
    "curve",
    "delete_experiment",
    "dry_run",
    "events_path",
    "export",
    "export_file",
    "export_format",
    "frontier",
    "get_experiment",
    "get_preset",
    "health",
    "list_experiments",
    "list_presets",
    "list_runs",
    "list_workers",
    "luck",
    "page_size_for",
    "picture",
    "poll_experiment",
    "preset_quote",
    "renamed",
    "submissions",
    "success_table",
    "success_table_csv",
    "thresholds",
    "times",
    "version",
]
