"""The shard contract: claim, renew, record, give back, fail, and the sweep that mends what broke.

The database is the truth and the broker a doorbell. Every step here is one transaction, harmless when it
is repeated, so that a killed worker, a second delivery or an emptied broker loses and doubles nothing.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from service.lab import events, fleet, planning, splitting, work
from service.lab.experiments import mark_idle, mark_running, settle_status
from service.lab.work import run_cost
from service.store import cells, checkpoints, configurations, experiments, runs, scores, shards
from service.store.checkpoints import Trainer
from service.store.database import clock, lock_recording, now
from service.store.models import Cell, Experiment, Shard
from tombola.spec import AnyConfiguration

MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """A shard that a worker holds: the token that proves it, and the runs still to train."""

    shard_id: int
    token: str
    configurations: Mapping[int, AnyConfiguration]
    runs: Sequence[tuple[int, int]]  #: (configuration id, seed)
    #: Those of them that this worker can go on with from a checkpoint.
    begun: Collection[tuple[int, int]] = ()
    #: Share (0 to 1) of a run that the furthest checkpoint holds, whoever made it.
    held: Mapping[tuple[int, int], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A finished run as it is stored; fields as in `tombola.results.Run`."""

    configuration_id: int
    seed: int
    outcome: str
    steps: int
    train_error: float | None
    test_error: float | None
    wall_seconds: float
    flops: float
    curve: Mapping[str, Any]
    #: Steps and wall seconds of the checkpoint that it went on from: maybe those of another machine.
    begun: tuple[int, float] = (0, 0.0)
    #: Of a run on a table: the columns of `service.store.models.Score`, but for its core-seconds.
    score: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TrainedBy:
    """Engine, device and software versions behind a batch of runs.

    Attributes:
        device: "cpu" or "cuda:<index>".
        device_name: The processor's or the GPU's name.
        lanes: Seconds of a core or a GPU that pass in one second of training.
    """

    engine: str
    device: str
    versions: Mapping[str, str]
    device_name: str = "unknown"
    lanes: int = 1

    @property
    def kind(self) -> fleet.Kind:
        """What is as fast as this."""
        return fleet.Kind(self.engine, fleet.kind_of_device(self.device), self.device_name, self.lanes)

    @property
    def trainer(self) -> Trainer:
        """Whose checkpoints it can go on from: those of the same engine, kind of device and libraries."""
        return Trainer.of(self.engine, self.device, self.versions)


def claim(  # noqa: PLR0913  # who takes it, for how long, and how much of it
    session: Session,
    shard_id: int,
    *,
    worker_id: str,
    lease_seconds: float,
    by: TrainedBy,
    shard_seconds: float | None = None,
) -> Claim | None:
    """Take a queued shard, or return None: it is somebody else's, finished, or dropped.

    Of a shard that would take this worker far more than `shard_seconds` only the front is taken.
    """
    lock_recording(session)
    token = secrets.token_hex(16)
    expires_at = clock(session) + timedelta(seconds=lease_seconds)
    if not shards.claim(session, shard_id, token=token, worker_id=worker_id, expires_at=expires_at):
        return None
    shard = _existing(session, shard_id)
    experiment = experiments.get(session, shard.experiment_id, lock=True)
    if experiment is not None:
        mark_running(session, experiment)
    items = shards.items(session, shard_id)
    wanted = planning.lacking(session, items)
    known = configurations.load(session, sorted({item.configuration_id for item in items}))
    cost = {key: run_cost(item) for key, item in known.items()}
    begun, held = _checkpoints(session, wanted, known, by)
    # What has begun first, so that few states lie about; then the longest, so that lanes end together.
    wanted.sort(key=lambda run: (run not in begun, -cost[run[0]]))
    if shard_seconds is not None:
        wanted = splitting.front(session, shard, wanted, known, shard_seconds=shard_seconds)
    shards.update_leased(
        session,
        shard_id,
        token,
        cost=sum(cost[key] for key, _ in wanted),
        # Progress counts what checkpoints hold by itself, see `answers`.
        cost_recorded=sum(cost[run[0]] * held.get(run, 0.0) for run in wanted),
    )
    return Claim(shard_id, token, known, wanted, begun.intersection(wanted), held)


def _checkpoints(
    session: Session,
    wanted: Sequence[tuple[int, int]],
    known: Mapping[int, AnyConfiguration],
    by: TrainedBy,
) -> tuple[set[tuple[int, int]], dict[tuple[int, int], float]]:
    steps = checkpoints.steps(session, by.trainer, known)
    found = [(run, *steps[run]) for run in wanted if run in steps]
    return (
        {run for run, own, _ in found if own},
        {run: most / work.most_steps(known[run[0]]) for run, _, most in found},
    )


def renew(session: Session, claimed: Claim, *, fraction: float, lease_seconds: float) -> bool:
    """Extend a lease; false when the shard is no longer ours (cancelled, paused, or taken back)."""
    return shards.update_leased(
        session,
        claimed.shard_id,
        claimed.token,
        lease_expires_at=clock(session) + timedelta(seconds=lease_seconds),
        fraction=min(max(fraction, 0.0), 1.0),
    )


def record(
    session: Session, claimed: Claim, records: Sequence[RunRecord], by: TrainedBy, *, complete: bool
) -> int:
    """Store finished runs, count them in every cell that wants them, and complete the shard.

    Runs are kept even when the lease was lost meanwhile: they are right whoever trained them.

    Returns:
        The number of runs that were new.
    """
    lock_recording(session)
    new = _insert(session, records, by)
    checkpoints.forget_runs(session, {(item.configuration_id, item.seed) for item in records})
    if complete:
        shards.update_leased(
            session,
            claimed.shard_id,
            claimed.token,
            state="done",
            fraction=1.0,
            finished_at=now(),
            lease_token=None,
            lease_expires_at=None,
        )
    fresh = [item for item in records if (item.configuration_id, item.seed) in new]
    touched = _count(session, fresh, claimed)
    shard = shards.get(session, claimed.shard_id)
    ids = set(touched) | ({shard.experiment_id} if shard is not None else set())
    for experiment_id, experiment in experiments.lock_many(session, ids).items():
        if experiment_id in touched:
            _add(experiment, touched[experiment_id])
            mark_running(session, experiment)
            events.progress(session, experiment)
        if shard is not None and experiment_id == shard.experiment_id:
            _account(experiment, fresh, by)
        settle_status(session, experiment)
    # Last of all, so that nobody waits for the speeds while holding what others want.
    fleet.learn(
        session,
        by.kind,
        [
            (
                claimed.configurations[item.configuration_id],
                item.steps - item.begun[0],
                (item.wall_seconds - item.begun[1]) * by.lanes,
            )
            for item in fresh
        ],
    )
    return len(new)


def give_back(session: Session, claimed: Claim, *, progressed: bool = False) -> bool:
    """Return a shard that a worker did not finish; this is not an attempt.

    Args:
        session: A write transaction.
        claimed: What is given back.
        progressed: Checkpoints hold what was trained: earlier attempts are forgotten. So a run of many
            segments fails only where `MAX_ATTEMPTS` attempts bring it no further.
    """
    lock_recording(session)
    shard = shards.get(session, claimed.shard_id)
    if shard is None or not shards.update_leased(
        session,
        claimed.shard_id,
        claimed.token,
        **_queued(),
        attempts=0 if progressed else max(shard.attempts - 1, 0),
    ):
        return False
    experiment = experiments.get(session, shard.experiment_id, lock=True)
    if experiment is not None:
        mark_idle(session, experiment)
    return True


def fail(session: Session, claimed: Claim, reason: str) -> None:
    """Note that training a shard raised an error: it is tried again, at most `MAX_ATTEMPTS` times."""
    lock_recording(session)
    shard = shards.get(session, claimed.shard_id)
    if shard is not None and shard.state == "leased" and shard.lease_token == claimed.token:
        _retry_or_fail(session, shard, reason)


def take_back_expired(session: Session) -> int | None:
    """Take back one shard whose worker fell silent, and return its id, or None if there is none.

    One in a transaction: rows of several experiments are only ever locked in the order of their ids.
    """
    lock_recording(session)
    shard = shards.expired(session, clock(session))
    if shard is None:
        return None
    _retry_or_fail(
        session, shard, f"worker {shard.worker_id} fell silent in the middle of the shard (killed?)"
    )
    return shard.id


def _retry_or_fail(session: Session, shard: Shard, reason: str) -> None:
    final = shard.attempts >= MAX_ATTEMPTS
    values: dict[str, Any] = (
        {
            "state": "failed",
            "finished_at": now(),
            "reason": f"shard {shard.id} failed {shard.attempts} times, at last: {reason}"[:2000],
            "lease_token": None,
            "lease_expires_at": None,
        }
        if final
        else _queued()
    )
    if not shards.update_leased(session, shard.id, shard.lease_token or "", **values):
        return
    experiment = experiments.get(session, shard.experiment_id, lock=True)
    if experiment is not None:
        mark_idle(session, experiment)
        events.shard_failed(session, experiment, shard.id, shard.attempts, reason[:2000])
        settle_status(session, experiment)


def _queued() -> dict[str, Any]:
    return {
        "state": "queued",
        "lease_token": None,
        "lease_expires_at": None,
        "worker_id": None,
        "rung_at": None,
        "fraction": 0.0,
    }


def _insert(session: Session, records: Sequence[RunRecord], by: TrainedBy) -> Mapping[tuple[int, int], int]:
    if not records:
        return {}
    environment_id = runs.ensure_environment(
        session, engine=by.engine, device=by.device, versions=by.versions
    )
    at = now()
    new = runs.add_new(
        session,
        [
            {
                "configuration_id": item.configuration_id,
                "seed": item.seed,
                "outcome": item.outcome,
                "steps": item.steps,
                "train_error": item.train_error,
                "test_error": item.test_error,
                "wall_seconds": item.wall_seconds,
                "flops": item.flops,
                "environment_id": environment_id,
                "finished_at": at,
            }
            for item in records
        ],
        {(item.configuration_id, item.seed): item.curve for item in records},
    )
    scores.add(
        session,
        {
            new[item.configuration_id, item.seed]: {
                **item.score,
                "core_seconds": item.wall_seconds * by.lanes,
            }
            for item in records
            if item.score is not None and (item.configuration_id, item.seed) in new
        },
    )
    return new


def _count(session: Session, new: Sequence[RunRecord], claimed: Claim) -> dict[str, Counter[str]]:
    """Add new runs to every cell that wants them; return what to add to each experiment, by id."""
    covering = cells.covering(session, {item.configuration_id for item in new})
    by_cell: dict[int, Counter[str]] = defaultdict(Counter)
    by_step: Counter[tuple[int, int]] = Counter()
    by_outcome: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    by_experiment: dict[str, Counter[str]] = defaultdict(Counter)
    recorded = 0.0
    for item in new:
        wanting = [
            cell
            for cell in covering.get(item.configuration_id, ())
            if cell.seed_start <= item.seed < cell.seed_start + cell.seed_count
        ]
        taken = cells.taken(item.steps, item.flops, item.wall_seconds)
        for cell in wanting:
            _tally(by_cell[cell.id], item, cell)
            _tally(by_experiment[cell.experiment_id], item, cell)
            by_outcome[cell.id, item.outcome].update(taken)
            if item.outcome == "success":
                by_step[cell.id, item.steps] += 1
        if wanting:
            held = claimed.held.get((item.configuration_id, item.seed), 0.0)
            recorded += wanting[0].run_cost * (1.0 - held)
    cells.add_counts(session, by_cell)
    cells.add_steps(session, by_step)
    cells.add_totals(session, by_outcome)
    if recorded:
        shards.add_recorded(session, claimed.shard_id, claimed.token, recorded)
    return by_experiment


_COUNTED_AS = {"success": "successes", "censored": "censored", "diverged": "diverged"}


def _tally(counter: Counter[str], item: RunRecord, cell: Cell) -> None:
    counter["runs"] += 1
    counter[_COUNTED_AS[item.outcome]] += 1
    counter["cost"] += cell.run_cost  # type: ignore[assignment]  # a Counter adds floats as well


def _add(experiment: Experiment, counts: Mapping[str, float]) -> None:
    experiment.runs_done += int(counts["runs"])
    experiment.successes += int(counts["successes"])
    experiment.diverged += int(counts["diverged"])
    experiment.cost_done += counts["cost"]


def _account(experiment: Experiment, trained: Sequence[RunRecord], by: TrainedBy) -> None:
    """Add what runs took to the account of the experiment whose shard they are from."""
    seconds = by.lanes * sum(item.wall_seconds for item in trained)
    experiment.runs_trained += len(trained)
    # Trees and rounds of models that are not made of FLOPs are no SGD steps, as quotes have it.
    experiment.steps_trained += sum(item.steps for item in trained if item.flops)
    experiment.flops_trained += sum(item.flops for item in trained)
    if by.kind.device == "cpu":
        experiment.core_seconds += seconds
    else:
        experiment.gpu_seconds += seconds


def _existing(session: Session, shard_id: int) -> Shard:
    shard = shards.get(session, shard_id)
    if shard is None:  # a claim just changed this row, in this transaction
        raise LookupError(f"shard {shard_id} vanished under its claim")
    return shard
