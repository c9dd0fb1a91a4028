"""The life of an experiment: submit, cancel, pause, resume, retry, delete, settle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session
from ulid import ULID

from service.lab import allocation, asked, checkpoints, events, planning, quoting, rounds, work
from service.lab.errors import IdempotencyConflict, IllegalTransition, UnknownExperiment
from service.store import cells, configurations, datasets, experiments, shards
from service.store.database import Database, lock_planning, now
from service.store.models import Cell, Experiment
from tombola.results import Decision, DryRun, ExperimentStatus, Preset, PresetQuote, Quote
from tombola.spec import AnyConfiguration, AnySpec, Seeds, spec_of

_FINISHED = tuple(status.value for status in ExperimentStatus if status.finished)


@dataclass(frozen=True, slots=True)
class Lab:
    """The planner's settings, passed to what plans.

    Attributes:
        shard_seconds: Wall time of a worker that a shard is planned for.
    """

    shard_seconds: float = 60.0

    def quote(self, session: Session, spec: AnySpec) -> Quote:
        """Return what a spec would cost, beside what is in the store already.

        Raises:
            BadSpec: It does not fit the data sets in the store.
        """
        return quoting.quote(session, spec, asked.by_hash(session, spec))

    def quote_preset(self, session: Session, preset: Preset) -> PresetQuote:
        """Return what each experiment of a preset would cost, and all of them."""
        quotes, total = quoting.quote_all(
            session, [(spec, asked.by_hash(session, spec)) for spec in preset.specs]
        )
        return PresetQuote(
            preset=preset.name,
            scale=preset.scale,
            experiments=[
                DryRun(quote=quote, spec=spec) for quote, spec in zip(quotes, preset.specs, strict=True)
            ],
            total=total,
        )

    def submit(
        self, session: Session, spec: AnySpec, *, idempotency_key: str | None = None, scope: str = ""
    ) -> tuple[Experiment, bool]:
        """Store an experiment, its cells and the shards for what nobody trained yet.

        Args:
            session: A write transaction.
            spec: What is asked.
            idempotency_key: A second submission under the same key returns the first one's experiment.
            scope: Whose key it is; keys of different users do not meet.

        Returns:
            The experiment, and whether it is new.

        Raises:
            IdempotencyConflict: The key was used for another spec.
            BadSpec: It does not fit the data sets in the store.
        """
        lock_planning(session)
        document = spec.model_dump(mode="json")
        if idempotency_key is not None:
            known = experiments.by_idempotency_key(session, scope, idempotency_key)
            if known is not None:
                if spec_of(known.spec) != spec:
                    raise IdempotencyConflict(
                        f"Idempotency-Key {idempotency_key!r} was used for experiment {known.id}, "
                        "which has another spec; use a new key for a new experiment"
                    )
                return known, False
        wanted = asked.by_hash(session, spec)
        experiment = Experiment(
            id=str(ULID()),
            name=spec.name,
            status="queued",
            spec=document,
            quote=quoting.quote(session, spec, wanted).model_dump(mode="json"),
            idempotency_scope=scope,
            idempotency_key=idempotency_key,
            runs_total=0,
            cost_total=0.0,
            created_at=now(),
        )
        session.add(experiment)
        session.flush()
        self._add_cells(session, experiment, spec, wanted)
        events.status(session, experiment)
        rounds.advance(session, experiment)
        experiment.runs_reused = experiment.runs_done
        self._go_on(session, experiment)
        return experiment, True

    def _add_cells(
        self,
        session: Session,
        experiment: Experiment,
        spec: AnySpec,
        wanted: dict[str, AnyConfiguration],
    ) -> None:
        ids = configurations.ensure(session, wanted)
        count, decision = (
            (spec.seeds.count, None)
            if isinstance(spec.seeds, Seeds)
            else (allocation.rounds(spec.seeds)[0], Decision.OPEN)
        )
        cells.add(
            session,
            [
                {
                    "experiment_id": experiment.id,
                    "position": position,
                    "configuration_id": ids[key],
                    "width": item.width or 0,
                    "samples": item.samples,
                    "sparsity": item.sparsity,
                    "seed_start": spec.seeds.start,
                    "seed_count": count,
                    "run_cost": work.run_cost(item),
                    "decision": decision,
                }
                for position, (key, item) in enumerate(wanted.items())
            ],
        )
        cells.count_existing(session, experiment.id)
        for cell in cells.of(session, experiment.id):
            experiment.runs_total += cell.seed_count
            experiment.runs_done += cell.runs
            experiment.successes += cell.successes
            experiment.diverged += cell.diverged
            experiment.cost_total += cell.run_cost * cell.seed_count
            experiment.cost_done += cell.run_cost * cell.runs

    def plan(self, session: Session, experiment: Experiment, lacking: Sequence[Cell] | None = None) -> int:
        """Make shards for what an experiment lacks and nobody is training; return how many.

        Args:
            session: A write transaction that holds the planning lock.
            experiment: Whose row it holds, too.
            lacking: Plan for these cells only; without, for all that lack runs.
        """
        return planning.plan(
            session,
            experiment,
            planning.unfinished(session, experiment) if lacking is None else lacking,
            shard_seconds=self.shard_seconds,
        )

    def advance(self, session: Session, experiment_id: str) -> None:
        """Decide the cells of an adaptive experiment whose round is complete, and plan the next rounds.

        Harmless when repeated, and where there is nothing to decide.
        """
        lock_planning(session)
        experiment = experiments.get(session, experiment_id, lock=True)
        if experiment is None or experiment.status not in experiments.ACTIVE:
            return
        self._next_rounds(session, experiment)
        settle_status(session, experiment)

    def advance_all(self, database: Database) -> bool:
        """Advance each adaptive experiment that has a round to decide and no shard queued; tell whether any.

        One in a transaction, so that nobody who records waits long.
        """
        with database.read() as session:
            found = experiments.ids_with_full_rounds(session)
        for experiment_id in found:
            with database.write() as session:
                self.advance(session, experiment_id)
        return bool(found)

    def _next_rounds(self, session: Session, experiment: Experiment) -> None:
        grown = rounds.advance(session, experiment)
        if grown:
            self.plan(session, experiment, grown)

    def _go_on(self, session: Session, experiment: Experiment) -> None:
        """End an experiment that has all it wants, or plan what it lacks. The caller holds its row."""
        settle_status(session, experiment)
        if experiment.status in experiments.ACTIVE:
            self.plan(session, experiment)

    def cancel(self, session: Session, experiment_id: str) -> Experiment:
        """End an experiment; its finished runs stay, and others who wait for its runs take them over.

        Raises:
            UnknownExperiment: No such experiment.
            IllegalTransition: It has ended already.
        """
        experiment = _locked(session, experiment_id)
        _require(experiment, ("queued", "running", "paused"), "cancelled")
        _finish(session, experiment, "cancelled")
        self._release(session, experiment)
        return experiment

    def pause(self, session: Session, experiment_id: str) -> Experiment:
        """Stop training an experiment until it is resumed; short runs in the middle will start again.

        Raises:
            UnknownExperiment: No such experiment.
            IllegalTransition: It is not queued or running.
        """
        experiment = _locked(session, experiment_id)
        _require(experiment, experiments.ACTIVE, "paused")
        experiment.status = "paused"
        events.status(session, experiment)
        self._release(session, experiment)
        return experiment

    def _release(self, session: Session, experiment: Experiment) -> None:
        """Drop the shards of an experiment and let others plan those runs they were waiting for.

        A shard in training of which another wants every run becomes the other's: its worker notices nothing,
        and no run is trained twice.
        """
        session.flush()
        _hand_over(session, experiment)
        dropped = shards.drop_live(session, experiment.id, now())
        others = experiments.active_ids_wanting(session, dropped, besides=experiment.id)
        for other in experiments.lock_many(session, others).values():
            self.plan(session, other)

    def resume(self, session: Session, experiment_id: str) -> Experiment:
        """Go on with a paused experiment.

        Raises:
            UnknownExperiment: No such experiment.
            IllegalTransition: It is not paused.
        """
        experiment = _locked(session, experiment_id)
        _require(experiment, ("paused",), "resumed")
        return self._restart(session, experiment)

    def retry(self, session: Session, experiment_id: str) -> Experiment:
        """Train again what a failed or cancelled experiment lacks; its finished runs count.

        Raises:
            UnknownExperiment: No such experiment.
            IllegalTransition: It has neither failed nor been cancelled, or a data set that it needs is gone.
        """
        experiment = _locked(session, experiment_id)
        _require(experiment, ("failed", "cancelled"), "retried")
        _require_datasets(session, experiment)
        experiment.reason = None
        experiment.finished_at = None
        return self._restart(session, experiment)

    def _restart(self, session: Session, experiment: Experiment) -> Experiment:
        rounds.advance(session, experiment)  # others may have trained what it wanted
        # What failed before is planned anew, or others are training it: no reason to fail again.
        shards.forget_failures(session, experiment.id)
        experiment.status = "queued"
        experiment.timed_from = None
        if not has_all(session, experiment):
            events.status(session, experiment)
        self._go_on(session, experiment)
        return experiment

    def delete(self, session: Session, experiment_id: str) -> None:
        """Forget an experiment that has ended; its runs stay for others to use.

        Raises:
            UnknownExperiment: No such experiment.
            IllegalTransition: It has not ended.
        """
        experiment = _locked(session, experiment_id)
        _require(experiment, _FINISHED, "deleted", hint="cancel it first")
        session.delete(experiment)

    def is_waiting(self, session: Session, experiment_id: str) -> bool:
        """Tell whether all that an experiment lacks is in live shards, its own or others'."""
        experiment = experiments.get(session, experiment_id)
        if experiment is None or experiment.runs_done >= experiment.runs_total:
            return False
        return planning.is_waiting(session, experiment)

    def settle(self, session: Session, experiment_id: str) -> None:
        """Bring an active experiment without live shards on its way: end it, or plan what it lacks."""
        lock_planning(session)
        experiment = experiments.get(session, experiment_id, lock=True)
        if experiment is None:  # deleted meanwhile
            return
        if experiment.status in experiments.ACTIVE and shards.live_count(session, experiment.id) == 0:
            self._next_rounds(session, experiment)
            if shards.live_count(session, experiment.id) == 0:
                self._go_on(session, experiment)


def _hand_over(session: Session, experiment: Experiment) -> None:
    for shard in shards.leased(session, [experiment.id]).get(experiment.id, ()):
        lacking = planning.lacking(session, shards.items(session, shard.id))
        heirs = experiments.active_ids_wanting(session, {key for key, _ in lacking}, besides=experiment.id)
        for heir in experiments.lock_many(session, heirs).values():
            wanted = {cell.configuration_id: cell for cell in planning.unfinished(session, heir)}
            if lacking and all(
                key in wanted and 0 <= seed - wanted[key].seed_start < wanted[key].seed_count
                for key, seed in lacking
            ):
                shards.update_leased(session, shard.id, shard.lease_token or "", experiment_id=heir.id)
                mark_running(session, heir)
                break


def settle_status(session: Session, experiment: Experiment) -> None:
    """End an experiment that has all its runs, or that cannot get them.

    The caller holds the experiment's row. A paused experiment whose runs others trained succeeds too.
    """
    if experiment.status in _FINISHED:
        return
    if has_all(session, experiment):
        _finish(session, experiment, "succeeded")
    elif experiment.status in experiments.ACTIVE and shards.live_count(session, experiment.id) == 0:
        reason = shards.failure_reason(session, experiment.id)
        # Cells that can go on do so first.
        if reason is not None and not cells.has_open(session, experiment.id, full=True):
            _finish(session, experiment, "failed", reason)


def has_all(session: Session, experiment: Experiment) -> bool:
    """Tell whether an experiment has all its runs, and no adaptive cell that will want more."""
    return experiment.runs_done >= experiment.runs_total and not cells.has_open(session, experiment.id)


def mark_running(session: Session, experiment: Experiment) -> None:
    """Note that an experiment's runs are being trained, and start its clock. The caller holds its row."""
    if experiment.timed_from is None and experiment.status in experiments.ACTIVE:
        experiment.timed_from = now()
        held = checkpoints.held_costs(session, [experiment]).get(experiment.id, 0.0)
        experiment.timed_cost = experiment.cost_done + held
    if experiment.status == "queued":
        experiment.status = "running"
        experiment.started_at = experiment.started_at or now()
        events.status(session, experiment)


def mark_idle(session: Session, experiment: Experiment) -> None:
    """Stop the clock of an experiment if none of its shards is in training. The caller holds its row."""
    if not shards.leased(session, [experiment.id]):
        experiment.timed_from = None


def _finish(session: Session, experiment: Experiment, status: str, reason: str | None = None) -> None:
    experiment.status = status
    experiment.reason = reason
    experiment.finished_at = now()
    events.status(session, experiment)


def _locked(session: Session, experiment_id: str) -> Experiment:
    lock_planning(session)
    experiment = experiments.get(session, experiment_id, lock=True)
    if experiment is None:
        raise UnknownExperiment(experiment_id)
    return experiment


def _require_datasets(session: Session, experiment: Experiment) -> None:
    gone = [
        key
        for key in sorted(experiments.datasets_of(session, experiment.id))
        if not datasets.exists_now(session, key)
    ]
    if gone:
        raise IllegalTransition(
            f"experiment {experiment.id} cannot be retried: its data set {gone[0]} was deleted: bring it back"
        )


def _require(experiment: Experiment, allowed: tuple[str, ...], verb: str, *, hint: str | None = None) -> None:
    if experiment.status not in allowed:
        expected = " or ".join(filter(None, (", ".join(allowed[:-1]), allowed[-1])))
        text = f"only a {expected} experiment can be {verb}; {experiment.id} is {experiment.status}"
        raise IllegalTransition(f"{text}: {hint}" if hint else text)
