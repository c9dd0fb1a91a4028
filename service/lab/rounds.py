"""Adaptive experiments: when a cell has the runs of its round, decide, or ask for those of the next.

Recording only counts runs. Decisions are made afterwards, in transactions of their own under the planning
lock: by a worker that has completed a shard, and by the sweeper.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from service.lab import allocation, events
from service.store import cells, runs
from service.store.cells import Decided
from service.store.models import Cell, Experiment
from tombola.results import Adaptive, Decision
from tombola.spec import AdaptiveSeeds

_SEEDS: TypeAdapter[AdaptiveSeeds] = TypeAdapter(AdaptiveSeeds)


def seeds_of(experiment: Experiment) -> AdaptiveSeeds | None:
    """Return an experiment's rule, None where its seeds are a fixed number."""
    seeds = experiment.spec["seeds"]
    return _SEEDS.validate_python(seeds) if "mode" in seeds else None


def advance(session: Session, experiment: Experiment) -> list[Cell]:
    """Decide the cells of an experiment that have the runs of their round, and grow those that want more.

    Runs of later rounds that are in the store already are counted, and decided on in turn. The caller holds
    the planning lock and the experiment's row.

    Returns:
        The cells that have grown and lack runs.
    """
    seeds = seeds_of(experiment)
    if seeds is None:
        return []
    full = cells.full_rounds(session, experiment.id)
    if full:
        _grow(session, experiment, seeds, full)
        session.flush()
        events.progress(session, experiment)
        decided = [cell for cell in full if cell.decision != Decision.OPEN]
        if decided:
            events.decided(session, experiment, Counter(str(cell.decision) for cell in decided))
    experiment.cost_total = cells.decided_cost(session, experiment.id) + sum(
        row.run_cost * allocation.forecast(seeds, row.successes, row.runs, wanted=row.seed_count)
        for row in cells.open_ones(session, experiment.id)
    )
    return [cell for cell in full if cell.runs < cell.seed_count]


def spending(session: Session, experiments: Iterable[Experiment]) -> dict[str, Adaptive]:
    """Return how adaptive experiments spend their runs, by experiment."""
    adaptive = {row.id: (row, seeds) for row in experiments if (seeds := seeds_of(row)) is not None}
    found = cells.decisions(session, adaptive)
    return {key: _spending(session, *adaptive[key], found[key]) for key in found}


def _spending(
    session: Session, experiment: Experiment, seeds: AdaptiveSeeds, found: Sequence[Decided]
) -> Adaptive:
    by_decision = {item.decision: item.cells for item in found}
    n_open = by_decision.pop(Decision.OPEN, 0)
    told = Adaptive(
        cells_open=n_open,
        **{f"cells_{decision}": count for decision, count in by_decision.items()},
        runs_spent=experiment.runs_done,
        runs_most=n_open * seeds.max + sum(item.runs for item in found if item.decision != Decision.OPEN),
    )
    if n_open:
        return told
    hardest, n_cells = max(item.most for item in found), sum(by_decision.values())
    one_look = max(
        allocation.one_look_runs(seeds, successes, hardest)
        for successes in cells.successes_at(session, experiment.id, hardest)
    )
    return told.model_copy(
        update={
            "runs_fixed": n_cells * hardest,
            "runs_one_look": n_cells * one_look,
            "saving": n_cells * hardest / experiment.runs_done,
        }
    )


def _grow(session: Session, experiment: Experiment, seeds: AdaptiveSeeds, full: Sequence[Cell]) -> None:
    known = runs.outcomes(
        session,
        sorted(cell.configuration_id for cell in full),
        seeds.start + min(cell.seed_count for cell in full),
        seeds.start + seeds.max,
    )
    steps: Counter[tuple[int, int]] = Counter()
    totals: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for cell in full:
        mine = {seed - cell.seed_start: run for seed, run in known.get(cell.configuration_id, {}).items()}
        prefix = allocation.walk(
            seeds,
            {number: outcome == "success" for number, (outcome, *_) in mine.items()},
            complete=cell.seed_count,
            successes=cell.successes,
        )
        found = [mine[number] for number in range(cell.seed_count, prefix.wanted) if number in mine]
        counts = Counter(run.outcome for run in found)
        steps.update((cell.id, run.steps) for run in found if run.outcome == "success")
        for run in found:
            totals[cell.id, run.outcome].update(cells.taken(run.steps, run.flops, run.wall_seconds))
        experiment.runs_total += prefix.wanted - cell.seed_count
        experiment.runs_done += len(found)
        experiment.successes += counts["success"]
        experiment.diverged += counts["diverged"]
        experiment.cost_done += cell.run_cost * len(found)
        cell.seed_count = prefix.wanted
        cell.decision = prefix.decision
        cell.runs += len(found)
        cell.successes += counts["success"]
        cell.censored += counts["censored"]
        cell.diverged += counts["diverged"]
    cells.add_steps(session, steps)
    cells.add_totals(session, totals)
