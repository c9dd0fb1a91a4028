"""All benchmarks but the paper's figures, in one run, and their report.

Usage: python -m bench [--quick] [--results DIR]

Each part is a process of its own. A quick run leaves BENCHMARKS.md alone: its report goes beside its results.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import output
from bench.machine import ROOT

PARTS = ("engines", "networks", "scaling", "end_to_end", "answers")


def main() -> None:
    """Run every part, then the report."""
    arguments = output.parser(__doc__).parse_args()
    results = output.folder(arguments) or Path(tempfile.mkdtemp(prefix="tombola-bench-"))
    quick = ["--quick"] if arguments.quick else []
    for part in PARTS:
        started = time.monotonic()
        print(f"== {part}", flush=True)
        _run(part, "--results", str(results), *quick)
        print(f"== {part}: {time.monotonic() - started:.0f} s\n", flush=True)
    where = ["--results", str(results)]
    if arguments.quick:
        benchmarks = results / "BENCHMARKS.md"
        shutil.copy(ROOT / "BENCHMARKS.md", benchmarks)
        where += ["--benchmarks", str(benchmarks), "--images", str(results)]
    _run("report", *where)
    print(f"results: {results}")


def _run(part: str, *arguments: str) -> None:
    command = [sys.executable, "-m", f"bench.{part}", *arguments]
    done = subprocess.run(command, check=False, cwd=ROOT)  # noqa: S603  # our own modules
    if done.returncode != 0:
        sys.exit(f"bench.{part} ended with code {done.returncode}")


if __name__ == "__main__":
    main()
