"""Finished runs on their way into the store."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from service.lab import shards
from service.lab.shards import Claim, RunRecord, TrainedBy
from service.lab.work import run_flops
from worker.engine import Checkpoint, FinishedRun, Run
from worker.engine.seam import Score, TabularRun
from worker.member import Member
from worker.patience import patiently

#: Finished runs are stored this often, in seconds: what a killed worker loses at most.
_FLUSH_SECONDS = 1.0


class Recorder:
    """Stores finished runs in batches."""

    def __init__(self, member: Member, claim: Claim, by: TrainedBy) -> None:
        """Record the runs of one claim, as trained by this engine."""
        self._member = member
        self._claim = claim
        self._by = by
        self._ids = {item: key for key, item in claim.configurations.items()}
        self.recorded = 0  #: runs that were stored
        self._begun: dict[Run | TabularRun, tuple[int, float]] = {}
        self._unsaved: list[RunRecord] = []
        self._saved_at = time.monotonic()

    def expect(self, origins: Sequence[Run | Checkpoint]) -> None:
        """Note where the runs are when their training begins."""
        self._begun = {
            item.run: (item.steps, item.wall_seconds) for item in origins if isinstance(item, Checkpoint)
        }

    def add(self, finished: FinishedRun) -> None:
        """Take a finished run, and store what came together (an engine's `OnFinished`)."""
        configuration = finished.run.configuration
        self._unsaved.append(
            RunRecord(
                configuration_id=self._ids[configuration],
                seed=finished.run.seed,
                outcome=finished.outcome,
                steps=finished.steps,
                train_error=finished.train_error,
                test_error=finished.test_error,
                wall_seconds=finished.wall_seconds,
                flops=run_flops(configuration, finished.steps),
                curve=dataclasses.asdict(finished.curve),
                begun=self._begun.get(finished.run, (0, 0.0)),
                score=None if finished.score is None else _columns(finished.score),
            )
        )
        self.save_when_due()

    def save_when_due(self) -> None:
        """Store what was not stored yet, if that was some time ago."""
        if time.monotonic() - self._saved_at >= _FLUSH_SECONDS:
            self.save()

    def save(self, *, complete: bool = False) -> None:
        """Store what was not stored yet; with `complete`, the shard is done in the same transaction."""
        if self._unsaved or complete:
            patiently(self._member.heartbeat.stopping)(self._save, complete=complete)
            self.recorded += len(self._unsaved)
            self._unsaved = []
        self._saved_at = time.monotonic()

    def _save(self, *, complete: bool) -> None:
        with self._member.database.write() as session:
            shards.record(session, self._claim, self._unsaved, self._by, complete=complete)


def _columns(score: Score) -> Mapping[str, Any]:
    """Return a score as the columns of `service.store.models.Score`."""
    importance = score.importance
    return {
        **{
            f"{part}_{name}": value
            for part, metrics in (("validation", score.validation), ("test", score.test))
            for name, value in dataclasses.asdict(metrics).items()
        },
        "validation_rows": score.validation_rows,
        "test_rows": score.test_rows,
        "importance": None if importance is None else [dataclasses.asdict(item) for item in importance],
    }
