"""Success counts of this engine beside those of an independent implementation of the same learner.

Usage: python bench/paper_cells.py [--widths 304] [--samples 300 600 1000 2000] [--seeds 24] [--json FILE]

The cells are the (50, 3)-sparse parity at widths 16, 112, 304 and 1008, 2-sparse and dense, at most
50 000 steps, test error checked every 1000 steps. Two engines with different random numbers agree where the
counts differ by no more than chance: the last column is the two-sided p-value of Fisher's exact test. Of the
24 cells that have an expected count, about one is below 0.05 by chance alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from scipy import stats  # type: ignore[import-untyped]  # scipy ships no types

from tombola.results import Outcome
from tombola.spec import Configuration, ParityTarget, TrainingSettings
from worker.engine import FinishedRun, Run, select_engine

#: Successes of 24 runs by (samples, width, sparsity), measured with a fused float32 implementation.
EXPECTED_RUNS = 24
EXPECTED = {
    (600, 16, 2): 0,
    (600, 16, None): 0,
    (600, 112, 2): 2,
    (600, 112, None): 0,
    (600, 304, 2): 6,
    (600, 304, None): 0,
    (600, 1008, 2): 19,
    (600, 1008, None): 2,
    (1000, 16, 2): 5,
    (1000, 16, None): 7,
    (1000, 112, 2): 16,
    (1000, 112, None): 17,
    (1000, 304, 2): 23,
    (1000, 304, None): 23,
    (1000, 1008, 2): 24,
    (1000, 1008, None): 24,
    (2000, 16, 2): 22,
    (2000, 16, None): 22,
    (2000, 112, 2): 24,
    (2000, 112, None): 24,
    (2000, 304, 2): 24,
    (2000, 304, None): 24,
    (2000, 1008, 2): 24,
    (2000, 1008, None): 24,
}


def configurations(widths: list[int], samples: list[int]) -> list[Configuration]:
    """Return the cells."""
    training = TrainingSettings(max_steps=50_000, eval_every=1_000)
    return [
        Configuration(
            target=ParityTarget(n=50, k=3), width=width, samples=size, sparsity=sparsity, training=training
        )
        for width, size, sparsity in itertools.product(widths, samples, (2, None))
    ]


def row(cell: Configuration, finished: list[FinishedRun]) -> dict[str, Any]:
    """Return one line of the table."""
    successes = sum(one.outcome is Outcome.SUCCESS for one in finished)
    expected = EXPECTED.get((cell.samples or 0, cell.width, cell.sparsity))
    p_value = None
    if expected is not None:
        table = [[successes, len(finished) - successes], [expected, EXPECTED_RUNS - expected]]
        p_value = float(stats.fisher_exact(table).pvalue)
    return {
        "width": cell.width,
        "samples": cell.samples,
        "sparsity": cell.sparsity,
        "runs": len(finished),
        "successes": successes,
        "diverged": Counter(one.outcome for one in finished)[Outcome.DIVERGED],
        "expected": expected,
        "p_value": p_value,
    }


def main() -> None:
    """Train all cells in one call and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--widths", type=int, nargs="+", default=[304])
    parser.add_argument("--samples", type=int, nargs="+", default=[300, 600, 1000])
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    arguments = parser.parse_args()

    engine = select_engine(arguments.engine, arguments.device)
    cells = configurations(arguments.widths, arguments.samples)
    finished: list[FinishedRun] = []
    started = time.monotonic()

    def show(fraction: float) -> bool:
        elapsed = time.monotonic() - started
        print(f"\r{fraction:6.1%} after {elapsed:.0f} s, {len(finished)} runs", end="", file=sys.stderr)
        return False

    engine.train(
        [Run(cell, seed) for cell in cells for seed in range(arguments.seeds)], finished.append, show
    )
    print(file=sys.stderr)
    rows = [row(cell, [one for one in finished if one.run.configuration == cell]) for cell in cells]
    print(f"engine {engine.name} on {engine.device}, {time.monotonic() - started:.0f} s\n")
    print("| width | m | start | successes | expected | p |")
    print("|---:|---:|---|---:|---:|---:|")
    for one in rows:
        kind = "dense" if one["sparsity"] is None else f"s = {one['sparsity']}"
        expected = "" if one["expected"] is None else f"{one['expected']} of {EXPECTED_RUNS}"
        p_value = "" if one["p_value"] is None else f"{one['p_value']:.2f}"
        counted = f"{one['successes']} of {one['runs']}"
        print(f"| {one['width']} | {one['samples']} | {kind} | {counted} | {expected} | {p_value} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
