"""The engines on a GPU, beside a plain loop on that GPU and the host's cores.

Usage: python -m bench.gpu [--device cuda] [--quick] [--results DIR]

Parities as `bench.engines` has them and networks on tables as `bench.networks` has them, with as many runs at
once as keep a GPU busy. All sides of a row take turns in one process; figures are seconds per run and step,
the median of some rounds, start-up, drawing the data and evaluations included. With `--device cpu` it trains
on the cores instead: to see that it runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench import networks, output
from bench.baselines import PlainLoop
from bench.machine import CORES
from bench.networks import Shape
from bench.timing import Side, side_by_side, summary
from bench.training import EngineSide, engine_here
from bench.workload import INTERVAL, configuration
from service.lab.cost import step_flops
from worker.engine import ENGINES, Engine, EngineError
from worker.hardware import device_name

#: Runs at once, by width: about what a shard of an experiment has.
RUNS = {16: 1024, 112: 1024, 200: 1024, 304: 512, 1008: 256, 3000: 64, 10_000: 32}
QUICK_RUNS = {16: 2}
NETWORKS = {30: 400, 300: 400, 3000: 100, 30_000: 20}
QUICK_NETWORKS = {30: 2}
#: Networks are measured over so many steps at least: they train a few thousand.
NETWORK_STEPS = 1000
ROUNDS, SECONDS = 3, 0.4
#: Copies that are timed together: one alone is no longer than its launch.
_COPIES = 20
MOST_STEPS = 20_000


def measured(sides: dict[str, Side], interval: int, *, quick: bool) -> dict[str, Any]:
    """Time all sides; return for each its runs and seconds."""
    for side in sides.values():
        side.seconds(interval)  # kernels are compiled when they are first called
    timed = side_by_side(
        sides,
        target_seconds=0.05 if quick else SECONDS,
        interval=interval,
        most=MOST_STEPS,
        rounds=1 if quick else ROUNDS,
    )
    return {
        name: {"runs": sides[name].runs, "steps": steps, "seconds": summary(seconds)}
        for name, (steps, seconds) in timed.items()
    }


def parities(
    width: int, runs: int, engines: dict[str, Engine], device: str, *, quick: bool
) -> dict[str, Any]:
    """Return one row of parities."""
    cell, here = configuration(width), engine_here()
    sides: dict[str, Side] = {
        "plain": PlainLoop(cell, CORES, device),
        "cores": EngineSide(here, width, cell.target.n, min(runs, 4 * CORES)),
    }
    sides |= {name: EngineSide(engine, width, cell.target.n, runs) for name, engine in engines.items()}
    return {
        "width": width,
        "flops_per_step": step_flops(cell),
        "sides": measured(sides, INTERVAL, quick=quick),
    }


class Plain:
    """A plain loop of a network on a table; a `bench.timing.Side`."""

    runs = 1

    def __init__(self, shape: Shape, device: str) -> None:
        self._shape, self._device = shape, device

    def seconds(self, steps: int) -> float:
        """See `bench.timing.Side`."""
        return networks.plain_loop(self._shape, CORES, steps, self._device)


class Networks:
    """Many networks in one call of the engine; a `bench.timing.Side`."""

    def __init__(self, shape: Shape, runs: int, device: str) -> None:
        self._shape, self._device, self.runs = shape, device, runs

    def seconds(self, steps: int) -> float:
        """See `bench.timing.Side`."""
        return networks.engine(self._shape, steps, self.runs, self._device)


def on_tables(shape: Shape, runs: int, device: str, *, quick: bool) -> dict[str, Any]:
    """Return one row of networks on tables."""
    sides: dict[str, Side] = {
        "plain": Plain(shape, device),
        "mlp": Networks(shape, runs, device),
    }
    return {
        "width": shape.width,
        "optimizer": shape.optimizer,
        "sides": measured(sides, networks.INTERVAL if quick else NETWORK_STEPS, quick=quick),
    }


def peaks(device: str, size: int) -> dict[str, float]:
    """Return FLOP/s of a product of float32 matrices, and bytes a second of a copy, read and written."""
    a, b, out = (torch.rand(size, size, device=device) for _ in range(3))

    def copies() -> Tensor:
        for _ in range(_COPIES):
            out.copy_(a)
        return out

    def best(work: Callable[[], Tensor]) -> float:
        seconds = []
        for _ in range(5):
            work()[0, 0].item()  # waits for the device
            started = time.perf_counter()
            work()[0, 0].item()
            seconds.append(time.perf_counter() - started)
        return min(seconds)

    return {
        "flops_per_second": 2.0 * size**3 / best(lambda: torch.mm(a, b, out=out)),
        "bytes_per_second": 2.0 * a.nbytes * _COPIES / best(copies),
    }


def main() -> None:
    """Measure, print and write gpu.json."""
    parser = output.parser(__doc__)
    parser.add_argument("--device", default="cuda")
    arguments = parser.parse_args()
    device, quick = arguments.device, arguments.quick
    engines: dict[str, Engine] = {}
    missing: dict[str, str] = {}
    for name in ("torch", "triton"):
        try:
            engines[name] = ENGINES[name](device)
        except EngineError as error:
            missing[name] = str(error)
            print(f"engine {name} does not run here: {error}")
    if "torch" not in engines:
        sys.exit(f"not measured on a GPU: {missing['torch']}")
    name = device_name(engines["torch"])
    card = None if device == "cpu" else name
    found: dict[str, Any] = {
        "device": name,
        "missing": missing,
        "peaks": peaks(device, 256 if quick else 8192),
        "rows": [],
        "networks": [],
    }
    # Written after each row: what was measured before a stop is not lost.
    for width, runs in (QUICK_RUNS if quick else RUNS).items():
        found["rows"].append(tell(parities(width, runs, engines, device, quick=quick)))
        output.write(arguments, "gpu", found, gpu=card)
    for width, runs in (QUICK_NETWORKS if quick else NETWORKS).items():
        for optimizer in networks.RATES:
            found["networks"].append(tell(on_tables(Shape(width, optimizer), runs, device, quick=quick)))
            output.write(arguments, "gpu", found, gpu=card)


def tell(row: dict[str, Any]) -> dict[str, Any]:
    """Print a row, and return it."""
    sides = ", ".join(f"{name} {one['seconds']['median'] * 1e6:.3g} µs" for name, one in row["sides"].items())
    print(f"width {row['width']}{', ' + row['optimizer'] if 'optimizer' in row else ''}: {sides}", flush=True)
    return row


if __name__ == "__main__":
    main()
