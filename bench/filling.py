"""A store as months of work leave it: the runs of a whole experiment, made up instead of trained.

Outcomes look like those of a real grid: the probability of success rises with width and with samples, and is
higher with sparse starts; steps are whole evaluation intervals, with a long tail. All of it follows from
configuration and first seed, so a store filled twice is the same one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from service.lab import cost
from service.lab.experiments import Lab
from service.store import configurations, runs
from service.store.database import Database
from service.store.models import Curve, Run
from tombola.spec import Configuration, ExperimentSpec

ENGINE, DEVICE = "native", "cpu"
VERSIONS = {"python": "3.11.9", "numpy": "2.2.4", "tombola-server": "0.1.0"}
#: Operations a second that the made-up worker trains with.
FLOPS_PER_SECOND = 50e9
#: One in so many runs diverges.
DIVERGED_SHARE = 1e-3
#: Rows of one transaction, about.
CHUNK = 50_000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


class Outcomes(NamedTuple):
    """How the runs of one configuration ended, an entry for each seed."""

    outcome: Sequence[str]
    steps: Sequence[int]
    train_error: Sequence[float | None]
    test_error: Sequence[float | None]


def probability(configuration: Configuration) -> float:
    """Return the success probability that a configuration's outcomes are drawn with."""
    samples = math.inf if configuration.samples is None else configuration.samples
    odds = 1.2 * math.log2(configuration.width / 64)
    odds += 1.6 * min(math.log2(samples / (12 * configuration.target.n)), 3.0)
    odds += 0.5 if configuration.sparsity is not None else -1.0
    return 1 / (1 + math.exp(-odds))


def outcomes(configuration: Configuration, seeds: Sequence[int]) -> Outcomes:
    """Draw how runs of a configuration ended; their seeds follow each other, the first numbers the stream."""
    training = configuration.training
    random = np.random.default_rng([int(configuration.hash()[:16], 16), seeds[0]])
    chance = probability(configuration)
    budget = math.ceil(training.max_steps / training.eval_every)
    # The fewer succeed, the later those that do.
    intervals = 1 + random.lognormal(math.log(0.4 * budget * (1 - 0.8 * chance)), 0.5, len(seeds)).astype(int)
    success = (random.random(len(seeds)) < chance) & (intervals <= budget)
    diverged = ~success & (random.random(len(seeds)) < DIVERGED_SHARE / (1 - 0.9 * chance))
    steps = np.minimum(np.where(success, intervals, budget) * training.eval_every, training.max_steps)
    steps = np.where(diverged, training.eval_every, steps)
    error = np.where(success, training.success_error * random.random(len(seeds)), 0.25 * random.random())
    error = np.where(success, error, 0.5 - error)
    test = np.rint(error * training.test_samples) / training.test_samples
    train = np.where(success, test / 2, test).tolist()
    return Outcomes(
        np.where(success, "success", np.where(diverged, "diverged", "censored")).tolist(),
        steps.tolist(),
        [None] * len(seeds) if configuration.samples is None else train,
        [None if bad else value for bad, value in zip(diverged.tolist(), test.tolist(), strict=True)],
    )


def curve_of(
    configuration: Configuration, steps: int, train: float | None, test: float | None
) -> dict[str, Any]:
    """Return a curve that falls from chance to the final errors, with a point for each evaluation."""
    every = configuration.training.eval_every
    points = [*range(every, steps, every), steps]
    fallen = [(point / steps) ** 4 for point in points]
    errors = [
        [None if last is None else 0.5 - (0.5 - last) * share for share in fallen] for last in (train, test)
    ]
    return {"steps": points, "train_error": errors[0], "test_error": errors[1]}


def fill(database: Database, spec: ExperimentSpec, *, curves: bool) -> str:
    """Store all runs of a spec of fixed seeds, then submit it: it finds them there, and has succeeded.

    Args:
        database: A migrated database. Runs that are there already stay as they are.
        spec: What is filled; `seeds.count` runs for each cell.
        curves: Whether runs have curves; a million of them take gigabytes.

    Returns:
        The id of the experiment.

    Raises:
        sqlalchemy.exc.IntegrityError: Some of the runs are in the store already.
    """
    with database.write() as session:
        ids = configurations.ensure(session, {item.hash(): item for item in spec.configurations()})
        environment = runs.ensure_environment(session, engine=ENGINE, device=DEVICE, versions=VERSIONS)
    for part in _parts(spec):
        made = [(ids[item.hash()], item, seeds, outcomes(item, seeds)) for item, seeds in part]
        with database.write() as session:
            # On the table, not the model: rows go to the driver as they are.
            session.connection().execute(
                insert(Run.__table__),  # type: ignore[arg-type]  # __table__ is typed as FromClause
                [row | {"environment_id": environment} for one in made for row in _rows(*one)],
            )
            if curves:
                session.connection().execute(
                    insert(Curve.__table__),  # type: ignore[arg-type]  # as above
                    [row for one in made for row in _curves(session, *one)],
                )
    with database.write() as session:
        experiment, _ = Lab().submit(session, spec)
        return experiment.id


def _parts(spec: ExperimentSpec) -> Iterator[list[tuple[Configuration, range]]]:
    """Yield configurations with their seeds, in parts of about `CHUNK` runs."""
    part: list[tuple[Configuration, range]] = []
    first, last = spec.seeds.start, spec.seeds.start + spec.seeds.most
    for item in spec.configurations():
        for start in range(first, last, CHUNK):
            part.append((item, range(start, min(start + CHUNK, last))))
            if sum(len(seeds) for _, seeds in part) >= CHUNK:
                yield part
                part = []
    if part:
        yield part


def _rows(
    configuration_id: int, configuration: Configuration, seeds: range, ended: Outcomes
) -> Iterator[dict[str, Any]]:
    flops = {steps: cost.run_flops(configuration, steps) for steps in set(ended.steps)}
    for seed, outcome, steps, train, test in zip(seeds, *ended, strict=True):
        yield {
            "configuration_id": configuration_id,
            "seed": seed,
            "outcome": outcome,
            "steps": steps,
            "train_error": train,
            "test_error": test,
            "wall_seconds": flops[steps] / FLOPS_PER_SECOND,
            "flops": flops[steps],
            "finished_at": FIRST + timedelta(seconds=configuration_id, milliseconds=seed),
        }


def _curves(
    session: Session, configuration_id: int, configuration: Configuration, seeds: range, ended: Outcomes
) -> Iterator[dict[str, Any]]:
    ids = session.scalars(
        select(Run.id)
        .where(Run.configuration_id == configuration_id, Run.seed >= seeds.start, Run.seed < seeds.stop)
        .order_by(Run.seed)
    ).all()
    for run_id, steps, train, test in zip(ids, ended.steps, ended.train_error, ended.test_error, strict=True):
        yield {"run_id": run_id, "document": curve_of(configuration, steps, train, test)}
