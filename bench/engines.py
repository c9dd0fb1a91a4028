"""Speed of every engine beside a plain loop and a vmap ensemble, over widths and dimensions.

Usage: python -m bench.engines [--widths 16 112] [--n 50] [--quick] [--results DIR]

All sides of a row take turns in one process, on the same learner with the same evaluations (2048 test and up
to 2048 training samples every 500 steps); the median of some rounds counts. Figures are seconds per run and
step. An engine's runs begin at their start and end at their success, as users have them.
"""

from __future__ import annotations

from typing import Any

from bench import output
from bench.baselines import best_plain_loop, best_vmap_ensemble, compiled_ensemble
from bench.machine import CORES
from bench.peak import sgemm_peak
from bench.timing import Side, side_by_side, summary
from bench.training import EngineSide, engine_here, engines_here
from bench.workload import INTERVAL, SAMPLES, configuration
from service.lab.cost import step_flops
from worker.engine import Engine

WIDTHS = (10, 16, 30, 112, 304, 1008, 3000, 10_000)
DIMENSIONS = (30, 50, 300)
#: The least ratio to the plain loop, by width, that a release shall have at n = 50 on two cores.
GOALS = {16: 240, 112: 75, 1008: 15, 10_000: 7}
GOALS_DIMENSION = 50
#: As many steps as the paper's cells have.
MOST_STEPS = 50_000


def runs_for(width: int, n: int = GOALS_DIMENSION) -> int:
    """Return how many runs an engine trains at once: as users do, fewer where each takes long."""
    if width * n <= 60_000:
        return 50
    return (4 if width * n <= 200_000 else 2 if width * n <= 600_000 else 1) * CORES


def measure(engines: dict[str, Engine], width: int, n: int, *, quick: bool) -> dict[str, Any]:
    """Return one row: what each side takes, its ratio to the plain loop, its FLOP/s."""
    counted = n == GOALS_DIMENSION and width in GOALS
    rounds = 1 if quick else 3
    target = 0.05 if quick else 1.5 if counted else 0.4
    runs = 4 if quick else runs_for(width, n)
    cell = configuration(width, n=n)
    plain = best_plain_loop(cell, CORES)
    vmap = best_vmap_ensemble(cell, CORES, most_runs=2) if quick else best_vmap_ensemble(cell, CORES)
    sides: dict[str, Side] = {"plain": plain, "vmap": vmap}
    missing: dict[str, str] = {}
    if counted and not quick:  # it compiles for so long that not every row can have it
        compiled = compiled_ensemble(vmap)
        if isinstance(compiled, str):
            missing["compiled"] = compiled
        else:
            sides["compiled"] = compiled
    sides |= {name: EngineSide(engine, width, n, runs) for name, engine in engines.items()}
    measured = side_by_side(sides, target_seconds=target, interval=INTERVAL, most=MOST_STEPS, rounds=rounds)
    timed = {name: summary(seconds) for name, (_, seconds) in measured.items()}
    flops = step_flops(cell)
    threads = {"plain": plain.threads, "vmap": vmap.threads, "compiled": vmap.threads}
    found = {
        name: {
            "seconds": seconds,
            "runs": sides[name].runs,
            "steps": measured[name][0],
            "threads": threads.get(name, CORES),
            "ratio": timed["plain"]["median"] / seconds["median"],
            "flops_per_second": flops / seconds["median"],
        }
        for name, seconds in timed.items()
    }
    return {
        "n": n,
        "width": width,
        "samples": SAMPLES,
        "flops_per_step": flops,
        "sides": found,
        "missing": missing,
    }


def main() -> None:
    """Measure, print and write engines.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--widths", type=int, nargs="+")
    parser.add_argument("--n", type=int, nargs="+")
    arguments = parser.parse_args()
    widths = arguments.widths or ((16, 112) if arguments.quick else WIDTHS)
    dimensions = arguments.n or ((30, 50) if arguments.quick else DIMENSIONS)

    engines, missing = engines_here()
    for name, reason in missing.items():
        print(f"engine {name} does not run here: {reason}")
    size, repeats = (512, 2) if arguments.quick else (2048, 8)
    peaks = [sgemm_peak(size, repeats)]
    rows = []
    for n in dimensions:
        for width in widths:
            row = measure(engines, width, n, quick=arguments.quick)
            rows.append(row)
            missing |= row["missing"]
            said = ", ".join(
                f"{name} {side['seconds']['median'] * 1e6:.3g} µs ({side['ratio']:.3g}x)"
                for name, side in row["sides"].items()
            )
            print(f"n = {n}, width {width}: {said}", flush=True)
    # Before and after: a machine's clock and neighbours change.
    peaks.append(sgemm_peak(size, repeats))
    peak = {threads: max(one[threads] for one in peaks) for threads in peaks[0]}
    print(
        ", ".join(
            f"sgemm, {name.replace('_', ' ')}: {value / 1e9:.0f} GFLOP/s" for name, value in peak.items()
        )
    )
    details = {name: engine.detail for name, engine in engines.items()}
    output.write(
        arguments,
        "engines",
        {
            "auto": engine_here().name,
            "engines": details,
            "missing": missing,
            "peak": peak,
            "goals": GOALS,
            "goals_n": GOALS_DIMENSION,
            "rows": rows,
        },
    )


if __name__ == "__main__":
    main()
