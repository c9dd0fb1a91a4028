"""How every benchmark takes its options and leaves its results."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench import machine

RESULTS = machine.ROOT / "bench" / "results"


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks share."""
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument(
        "--quick", action="store_true", help="seconds, to see that it runs; no figures to quote"
    )
    made.add_argument("--results", type=Path, help="folder of the JSON [default: bench/results; quick: none]")
    return made


def folder(arguments: argparse.Namespace) -> Path | None:
    """Return where results go; a quick run overwrites none that counts."""
    given: Path | None = arguments.results
    return given or (None if arguments.quick else RESULTS)


def write(arguments: argparse.Namespace, name: str, found: dict[str, Any], gpu: str | None = None) -> None:
    """Write a benchmark's results, with the machine, as `NAME.json` into the results' folder."""
    target = folder(arguments)
    if target is None:
        return
    target.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine.describe(gpu), "quick": arguments.quick, **found}
    (target / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")
