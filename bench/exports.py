"""What exports cost: all runs, and all curves, of a large experiment as CSV, Parquet and Arrow.

Usage: python -m bench.exports [--runs 1000000] [--curve-runs 20000] [--quick] [--results DIR]

An SQLite store is filled (`bench.filling`), the API serves it as a process of its own, and the client writes
the files. Beside them, pages of JSON are read as `experiment.runs()` does. Memory is what a process held at
most during the export, beyond what it held before; libraries are loaded by then.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import migrations
from bench import output
from bench.filling import fill
from bench.machine import ROOT
from bench.point import peak_memory_mib, reset_peak_memory_mib
from service.processes import PARENT_VARIABLE
from service.store.database import Database
from tombola import Client, ConnectionFailed, Experiment
from tombola._client.calls import Export
from tombola.spec import ExperimentSpec, Grid, ParityTarget, Seeds, TrainingSettings

FORMATS = ("csv", "parquet", "arrow")
GRID = Grid(
    width=[10, 16, 24, 32, 48, 64, 96, 128, 192, 256],
    samples=[300, 600, 1000, 2000, None],
    sparsity=[2, None],
)
#: The cells of this width are exported first, so that both sides have loaded what they need.
WARM_UP_WIDTH = 10
#: Pages of JSON are read for so many runs: their rate is the same for more.
PAGED_RUNS = 20_000
_START_SECONDS = 60


def spec(runs: int, *, inputs: int) -> ExperimentSpec:
    """Return an experiment of a hundred cells with about so many runs."""
    cells = len(GRID.width) * len(GRID.samples) * len(GRID.sparsity)
    return ExperimentSpec(
        name=f"{runs} runs",
        target=ParityTarget(n=inputs, k=3),
        grid=GRID,
        training=TrainingSettings(max_steps=20_000),
        seeds=Seeds(count=max(runs // cells, 1)),
    )


@contextmanager
def serving(database_url: str, data_dir: Path) -> Iterator[tuple[Client, int]]:
    """Run the API alone, in a process of its own; give a client of it and the process's id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    keyless = {name: value for name, value in os.environ.items() if name != "TOMBOLA_ADMIN_KEY"}
    environment = keyless | {
        "TOMBOLA_DATABASE_URL": database_url,
        "TOMBOLA_DATA_DIR": str(data_dir),
        "TOMBOLA_HOST": "127.0.0.1",
        "TOMBOLA_LOG_LEVEL": "ERROR",
        PARENT_VARIABLE: str(os.getpid()),
    }
    command = [sys.executable, "-m", "tombola", "api", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:  # noqa: S603  # our own command
        try:
            with Client(f"http://127.0.0.1:{port}", api_key="", max_retries=0) as client:
                _await(client, process)
                yield client, process.pid
        finally:
            process.terminate()


def _await(client: Client, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            client.version()
        except ConnectionFailed:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the API did not start in {_START_SECONDS} s")


@contextmanager
def measured(server: int) -> Iterator[dict[str, float]]:
    """Give a place for the seconds of a block, and for the memory that both processes took for it."""
    before = reset_peak_memory_mib(server), reset_peak_memory_mib()
    found: dict[str, float] = {}
    started = time.perf_counter()
    yield found
    found["seconds"] = time.perf_counter() - started
    found["server_mib"] = peak_memory_mib(server) - before[0]
    found["client_mib"] = peak_memory_mib() - before[1]


def read_pages(experiment: Experiment, server: int) -> dict[str, Any]:
    """Read pages of JSON, and say what it took."""
    list(experiment.runs(width=WARM_UP_WIDTH, limit=PAGED_RUNS, page_size=1000))
    with measured(server) as found:
        rows = sum(1 for _ in experiment.runs(limit=PAGED_RUNS, page_size=1000))
    return {"what": "runs", "format": "json", "rows": rows, **found}


def export(experiment: Experiment, server: int, what: Export, path: Path) -> dict[str, Any]:
    """Write a file, and say what it took and how large it is."""
    experiment.export(what, path, width=WARM_UP_WIDTH)
    with measured(server) as found:
        experiment.export(what, path)
    file_format = path.suffix.removeprefix(".")
    size = path.stat().st_size
    return {"what": what, "format": file_format, "rows": count(path), "bytes": size, **found}


def count(path: Path) -> int:
    """Return the number of rows of a file."""
    import pyarrow as pa  # noqa: PLC0415  # not before the client's memory is measured
    import pyarrow.parquet as pq  # noqa: PLC0415  # as above

    if path.suffix == ".csv":
        with path.open("rb") as file:
            return sum(1 for _ in file) - 1
    if path.suffix == ".parquet":
        return int(pq.ParquetFile(path).metadata.num_rows)
    with pa.ipc.open_stream(path) as stream:
        return sum(batch.num_rows for batch in stream)


def main() -> None:
    """Measure, print and write exports.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--runs", type=int, help="[default: 1 000 000; quick: 2000]")
    parser.add_argument("--curve-runs", type=int, help="runs that have curves [default: 20 000; quick: 500]")
    arguments = parser.parse_args()
    quick = arguments.quick
    sizes: dict[Export, int] = {
        "runs": arguments.runs or (2_000 if quick else 1_000_000),
        "curves": arguments.curve_runs or (500 if quick else 20_000),
    }
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="tombola-bench-") as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'tombola.db'}"
        database = Database(url)
        with database.write() as session:
            migrations.upgrade(session.connection())
        ids = {
            what: fill(database, spec(runs, inputs=inputs), curves=what == "curves")
            for (what, runs), inputs in zip(sizes.items(), (50, 40), strict=True)
        }
        database.close()
        with serving(url, folder) as (client, server):
            experiments = {what: client.experiments.get(key) for what, key in ids.items()}
            rows.append(read_pages(experiments["runs"], server))
            for what, experiment in experiments.items():
                for suffix in FORMATS:
                    rows.append(export(experiment, server, what, folder / f"{what}.{suffix}"))
                    (folder / f"{what}.{suffix}").unlink()
    for row in rows:
        row["rows_per_second"] = row["rows"] / row["seconds"]
        print(
            f"{row['what']} as {row['format']}: {row['rows']} rows in {row['seconds']:.1f} s, "
            f"{row['rows_per_second']:.0f} rows/s, server {row['server_mib']:+.0f} MiB, "
            f"client {row['client_mib']:+.0f} MiB"
        )
    output.write(arguments, "exports", {"runs": sizes["runs"], "curve_runs": sizes["curves"], "rows": rows})


if __name__ == "__main__":
    main()
