"""Success counts of this engine beside those of an independent implementation of the same learner.

Usage: python -m bench.paper_cells [--widths 16 112] [--samples 600 1000] [--quick] [--results DIR]

The cells are the (50, 3)-sparse parity at widths 16, 112, 304 and 1008, 2-sparse and dense, at most
50 000 steps, test error checked every 1000 steps. Two engines with different random numbers agree where the
counts differ by no more than chance: the last column is the two-sided p-value of Fisher's exact test. Of the
24 cells that have an expected count, about one is below 0.05 by chance alone.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from typing import Any

from scipy import stats

from bench import output
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


def configurations(widths: list[int], samples: list[int], steps: int) -> list[Configuration]:
    """Return the cells."""
    training = TrainingSettings(max_steps=steps, eval_every=1_000)
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
    """Train all cells in one call, print the table and write paper_cells.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=sorted({width for _, width, _ in EXPECTED}))
    parser.add_argument("--samples", type=int, nargs="+", default=sorted({size for size, _, _ in EXPECTED}))
    parser.add_argument("--seeds", type=int, default=EXPECTED_RUNS)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()

    engine = select_engine(arguments.engine, arguments.device)
    cells = configurations(arguments.widths, arguments.samples, 500 if arguments.quick else 50_000)
    seeds = range(1 if arguments.quick else arguments.seeds)
    finished: list[FinishedRun] = []
    started = time.monotonic()

    def show(fraction: float) -> bool:
        elapsed = time.monotonic() - started
        print(f"\r{fraction:6.1%} after {elapsed:.0f} s, {len(finished)} runs", end="", file=sys.stderr)
        return False

    engine.train([Run(cell, seed) for cell in cells for seed in seeds], finished.append, show)
    seconds = time.monotonic() - started
    print(file=sys.stderr)
    rows = [row(cell, [one for one in finished if one.run.configuration == cell]) for cell in cells]
    print(f"engine {engine.name} on {engine.device}, {seconds:.0f} s\n")
    for one in rows:
        kind = "dense" if one["sparsity"] is None else f"s = {one['sparsity']}"
        said = f"width {one['width']}, m {one['samples']}, {kind}: {one['successes']} of {one['runs']}"
        if one["expected"] is not None:
            said += f", expected {one['expected']} of {EXPECTED_RUNS}, p = {one['p_value']:.2f}"
        print(said)
    output.write(arguments, "paper_cells", {"engine": engine.name, "seconds": seconds, "rows": rows})


if __name__ == "__main__":
    main()
