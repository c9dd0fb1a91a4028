"""Answers: what the store holds, as the models users read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.orm import Session

from service.lab import checkpoints, rounds
from service.lab.errors import UnknownExperiment, WrongKind
from service.lab.statistics.intervals import Confidence
from service.lab.statistics.survival import steps_limits
from service.store import cells, experiments, exports, runs, shards, workers
from service.store.database import clock, now
from service.store.models import Cell as CellRow
from service.store.models import Experiment as ExperimentRow
from service.store.models import Shard
from service.store.runs import Slice
from tombola.results import (
    Actual,
    Adaptive,
    Cell,
    Curve,
    Decision,
    Experiment,
    ExperimentStatus,
    IntervalMethod,
    Outcome,
    Progress,
    Quote,
    Run,
    SuccessTable,
    Worker,
)
from tombola.spec import ExperimentSpec, spec_of

#: What an experiment is on: its `target.kind`.
Kind = Literal["parity", "tabular"]

#: An ETA from less work or time than this would be a guess.
_ETA_AFTER_SECONDS = 1.0
#: Most that is said to be done of an adaptive experiment while cells are open.
_NEARLY = 0.99


@dataclass(frozen=True, slots=True)
class Asked:
    """How somebody wants intervals; without a level it is 0.95, or that of the experiment's decisions."""

    method: IntervalMethod = "wilson"
    level: float | None = None

    def for_fixed_runs(self) -> Confidence:
        """Return what is meant where the number of runs was fixed beforehand."""
        return Confidence(self.method, self.level or Confidence().level)


#: What intervals are unless somebody asks for others.
USUAL = Asked()


def known(session: Session, experiment_id: str) -> ExperimentRow:
    """Return an experiment's row.

    Raises:
        UnknownExperiment: No such experiment.
    """
    row = experiments.get(session, experiment_id)
    if row is None:
        raise UnknownExperiment(experiment_id)
    return row


def of_kind(session: Session, experiment_id: str, kind: Kind) -> ExperimentRow:
    """Return the row of an experiment on a parity, or on tables: those have different answers.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is of the other kind.
    """
    row = known(session, experiment_id)
    found = row.spec["target"]["kind"]
    if found != kind:
        raise WrongKind(experiment_id, found)
    return row


def parity_spec(row: ExperimentRow) -> ExperimentSpec:
    """Return the spec of an experiment that is on a parity, as `of_kind` has found."""
    return ExperimentSpec.model_validate(row.spec)


def experiment(session: Session, row: ExperimentRow) -> Experiment:
    """Return one experiment with its progress."""
    return listing(session, [row])[0]


def listing(session: Session, rows: Sequence[ExperimentRow]) -> list[Experiment]:
    """Return experiments with their progress."""
    training = shards.leased(session, (row.id for row in rows))
    held = checkpoints.held_costs(session, rows)
    spending = rounds.spending(session, rows)
    return [
        Experiment(
            id=row.id,
            name=row.name,
            status=ExperimentStatus(row.status),
            reason=row.reason,
            progress=_progress(row, training.get(row.id, ()), held.get(row.id, 0.0), spending.get(row.id)),
            quote=Quote.model_validate(row.quote),
            actual=_actual(row),
            adaptive=spending.get(row.id),
            spec=spec_of(row.spec),
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )
        for row in rows
    ]


def _progress(
    row: ExperimentRow, training: Sequence[Shard], held: float, adaptive: Adaptive | None
) -> Progress:
    # A shard's own fraction includes what is counted already: runs that are recorded, steps in checkpoints.
    in_training = sum(max(shard.fraction * shard.cost - shard.cost_recorded, 0.0) for shard in training)
    done = min(row.cost_done + held + in_training, row.cost_total)
    complete = row.runs_done == row.runs_total and not (adaptive and adaptive.cells_open)
    if adaptive and not complete:  # what is done may be all that was forecast
        done = min(done, _NEARLY * row.cost_total)
    eta = None
    if row.status == ExperimentStatus.RUNNING and row.timed_from is not None:
        elapsed = (now() - row.timed_from).total_seconds()
        worked = done - row.timed_cost
        if elapsed > _ETA_AFTER_SECONDS and worked > 0:
            eta = (row.cost_total - done) * elapsed / worked
    return Progress(
        runs_done=row.runs_done,
        runs_total=row.runs_total,
        runs_reused=row.runs_reused,
        successes=row.successes,
        diverged=row.diverged,
        fraction=1.0 if complete else done / row.cost_total,
        eta_seconds=0.0 if complete else eta,
    )


def _actual(row: ExperimentRow) -> Actual | None:
    if not row.runs_trained:
        return None
    wall = None
    if row.started_at is not None and row.finished_at is not None:
        wall = (row.finished_at - row.started_at).total_seconds()
    return Actual(
        runs_trained=row.runs_trained,
        run_steps=row.steps_trained,
        flops=row.flops_trained,
        core_seconds=row.core_seconds,
        gpu_seconds=row.gpu_seconds,
        wall_seconds=wall,
    )


def confidence_of(row: ExperimentRow, asked: Asked) -> Confidence:
    """Return how the intervals of an experiment are made.

    Where its runs decided how many there are, only a confidence sequence is right, whatever was asked; its
    level is that of the decisions, unless another is asked for.
    """
    seeds = rounds.seeds_of(row)
    if seeds is None:
        return asked.for_fixed_runs()
    return Confidence("confidence-sequence", asked.level or seeds.level)


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of an experiment's cells, as they are answered and as the store has them.

    Attributes:
        cells: For each cell the answer, the row, and the number of successes at each step.
    """

    experiment: ExperimentRow
    confidence: Confidence
    cells: list[tuple[Cell, CellRow, dict[int, int]]]

    @property
    def table(self) -> list[Cell]:
        """The rows of the success table."""
        return [cell for cell, _, _ in self.cells]


def counted(session: Session, experiment_id: str, asked: Asked = USUAL) -> Counted:
    """Return the counts of every cell.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on tables.
    """
    experiment = of_kind(session, experiment_id, "parity")
    confidence = confidence_of(experiment, asked)
    first = first_evaluation(experiment.spec)
    steps = cells.steps_of(session, experiment_id)
    found = []
    for row in cells.of(session, experiment_id):
        own = steps.get(row.id, {})
        found.append((_cell(row, own, confidence, first), row, own))
    return Counted(experiment, confidence, found)


def success_table(session: Session, experiment_id: str, asked: Asked = USUAL) -> SuccessTable:
    """Return success counts and probabilities of every cell, from the counts kept per cell.

    Args:
        session: An open session.
        experiment_id: Whose cells.
        asked: How to make the intervals; see `confidence_of`.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on tables.
    """
    return SuccessTable(experiment=experiment_id, cells=counted(session, experiment_id, asked).table)


def first_evaluation(spec: dict[str, Any]) -> int:
    """Return the first step at which a run can succeed."""
    return min(int(spec["training"]["eval_every"]), int(spec["training"]["max_steps"]))


def _cell(row: CellRow, steps: dict[int, int], confidence: Confidence, first: int) -> Cell:
    median = steps_limits(steps, row.runs, 0.5, confidence, first)
    return Cell(
        width=row.width,
        samples=row.samples,
        sparsity=row.sparsity,
        runs=row.runs,
        runs_total=row.seed_count,
        successes=row.successes,
        censored=row.censored,
        diverged=row.diverged,
        probability=row.successes / row.runs if row.runs else None,
        interval=confidence.interval(row.successes, row.runs),
        median_steps=median.value,
        median_steps_low=median.low,
        median_steps_high=median.high,
        decision=None if row.decision is None else Decision(row.decision),
    )


def run_page(session: Session, experiment_id: str, wanted: Slice) -> list[Run]:
    """Return some of the runs, in the order of (cell, seed).

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on tables.
    """
    of_kind(session, experiment_id, "parity")
    return [
        Run(
            cell=cell.position,
            width=cell.width,
            samples=cell.samples,
            sparsity=cell.sparsity,
            seed=run.seed,
            outcome=Outcome(run.outcome),
            steps=run.steps,
            train_error=run.train_error,
            test_error=run.test_error,
            wall_seconds=run.wall_seconds,
            flops=run.flops,
            engine=environment.engine,
            device=environment.device,
            versions=environment.versions,
            finished_at=run.finished_at,
        )
        for cell, run, environment in runs.page(session, experiment_id, wanted)
    ]


def curve_page(session: Session, experiment_id: str, wanted: Slice) -> list[Curve]:
    """Return the curves of some of the runs, in the order of (cell, seed).

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on tables.
    """
    of_kind(session, experiment_id, "parity")
    return [
        Curve(cell=row.position, seed=row.seed, **row.document)
        for row in exports.curve_rows(session, experiment_id, wanted)
    ]


def curves(
    session: Session,
    experiment_id: str,
    *,
    where: dict[str, Any],
    seeds: Collection[int] | None = None,
    limit: int,
) -> list[Curve]:
    """Return up to `limit` curves of finished runs in the order of (cell, seed); see `store.runs.curves`.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on tables.
    """
    of_kind(session, experiment_id, "parity")
    return [
        Curve(cell=cell.position, seed=run.seed, **curve.document)
        for cell, run, curve in runs.curves(session, experiment_id, where=where, seeds=seeds, limit=limit)
    ]


def fleet(session: Session) -> list[Worker]:
    """Return the workers heard of within the last hour, newest first."""
    at = clock(session)
    return [
        Worker(
            id=row.id,
            hostname=row.hostname,
            pid=row.pid,
            queue=row.queue,
            queues=row.queues.split(","),
            engine=row.engine,
            device=row.device,
            device_name=row.device_name,
            detail=row.detail,
            lanes=row.lanes,
            versions=row.versions,
            alive=workers.is_alive(row, at),
            shard=row.shard_id,
            started_at=row.started_at,
            seen_at=row.seen_at,
        )
        for row in workers.recent(session, at)
    ]
