"""Speed of the engine beside a plain training loop, per run and step, evaluation included.

Usage: python bench/engine.py [--widths 16 112 304 1008] [--engine auto] [--device cpu] [--json FILE]

The plain loop is what a notebook has: nn.Sequential, autograd and torch.optim.SGD, one run at a time, with
its training set and mini-batches drawn by torch. Both evaluate 2048 test and up to 2048 training samples
every 500 steps. Prints a Markdown table, then JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tombola.spec import Configuration, ParityTarget, TrainingSettings
from worker.engine import Engine, FinishedRun, Run, select_engine

N, K, SAMPLES, RUNS = 50, 3, 1000, 50
#: Steps that each side trains: enough for a second or more, with whole evaluation intervals.
PLAIN_STEPS = 2000
ENGINE_STEPS = {16: 10_000, 112: 5_000, 304: 2_500, 1008: 1_000}


def settings_for(steps: int) -> TrainingSettings:
    """Return the default settings, with a success that no run reaches, so that all train to the end."""
    return TrainingSettings(max_steps=steps, success_error=0.0)


def plain_loop(width: int) -> float:
    """Return seconds per step of one run in a plain loop, with torch's own threads."""
    torch.set_num_threads(os.cpu_count() or 1)  # an engine may have left it at one
    settings = settings_for(PLAIN_STEPS)
    generator = torch.Generator().manual_seed(0)

    def sample(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = 2.0 * torch.randint(0, 2, (count, N), generator=generator) - 1.0
        return x, x[:, :K].prod(dim=1, keepdim=True)

    train_x, train_y = sample(SAMPLES)
    test_x, test_y = sample(settings.test_samples)
    model = nn.Sequential(nn.Linear(N, width), nn.ReLU(), nn.Linear(width, 1))
    optimizer = torch.optim.SGD(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    assert settings.batch_size != "full"  # noqa: S101  # the default is a number
    started = time.perf_counter()
    for step in range(1, PLAIN_STEPS + 1):
        index = torch.randint(0, SAMPLES, (settings.batch_size,), generator=generator)
        x, y = train_x[index], train_y[index]
        optimizer.zero_grad()
        loss = torch.relu(1 - y * model(x)).mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has none
        optimizer.step()
        if step % settings.eval_every == 0:
            with torch.no_grad():
                for x, y in ((test_x, test_y), (train_x, train_y)):
                    (model(x) * y <= 0).float().mean().item()
    return (time.perf_counter() - started) / PLAIN_STEPS


def engine_loop(engine: Engine, width: int) -> float:
    """Return seconds per step of one of many runs in the engine, start-up included."""
    steps = ENGINE_STEPS.get(width, 1_000)
    configuration = Configuration(
        target=ParityTarget(n=N, k=K),
        width=width,
        samples=SAMPLES,
        sparsity=2,
        training=settings_for(steps),
    )
    finished: list[FinishedRun] = []
    started = time.perf_counter()
    engine.train([Run(configuration, seed) for seed in range(RUNS)], finished.append, lambda _: False)
    elapsed = time.perf_counter() - started
    return elapsed / sum(one.steps for one in finished)


def machine(engine: Engine) -> dict[str, Any]:
    """Describe where this runs."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
        processor = models[0] if models else processor
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "engine": engine.name,
        "device": engine.device,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 112, 304, 1008])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="also write the JSON to this file")
    arguments = parser.parse_args()

    engine = select_engine(arguments.engine, arguments.device)
    where = machine(engine)
    print(", ".join(f"{name}: {value}" for name, value in where.items()), end="\n\n")
    print(f"n = {N}, k = {K}, m = {SAMPLES}, batch size 32, {RUNS} runs; µs per run and step\n")
    print("| width | plain loop | engine | ratio |")
    print("|---:|---:|---:|---:|")
    rows = []
    for width in arguments.widths:
        plain, ours = plain_loop(width), engine_loop(engine, width)
        rows.append({"width": width, "plain_us": plain * 1e6, "engine_us": ours * 1e6, "ratio": plain / ours})
        print(f"| {width} | {plain * 1e6:.0f} | {ours * 1e6:.1f} | {plain / ours:.1f} |", flush=True)
    report = json.dumps({"machine": where, "rows": rows}, indent=2)
    print(f"\n{report}")
    if arguments.json:
        arguments.json.write_text(report + "\n")


if __name__ == "__main__":
    main()
