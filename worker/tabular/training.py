"""Runs on tables: never cut, so that there is nothing to keep of one that is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.lab import shards
from service.lab.shards import Claim
from tombola.spec import TabularConfiguration
from worker.engine.seam import TabularEngine, TabularRun
from worker.heartbeat import Hold
from worker.patience import patiently
from worker.recording import Recorder

if TYPE_CHECKING:
    from worker.member import Member


class TableTraining:
    """The training of one claim on tables; see `worker.training.Training`."""

    def __init__(self, member: Member, claim: Claim, engine: TabularEngine) -> None:
        """Train one claim with this engine."""
        self._member = member
        self._claim = claim
        self._engine = engine

    def train(self, hold: Hold, recorder: Recorder) -> bool:
        """Train all runs of the claim, to the end unless the training is to stop."""

        def should_stop(fraction: float) -> bool:
            recorder.save_when_due()  # no other run may end for long
            return hold.should_stop(fraction)

        return self._engine.train(_runs(self._claim), recorder.add, should_stop)

    def failed(self, error: Exception) -> None:
        """Leave all as it is: what failed holds nothing in the store."""

    def give_back(self, recorder: Recorder) -> bool:  # noqa: ARG002  # as `Training` has it
        """Give the shard back; what was recorded stays, and the others start anew."""
        patiently(self._member.heartbeat.stopping)(self._give_back)
        return False

    def _give_back(self) -> None:
        with self._member.database.write() as session:
            shards.give_back(session, self._claim)


def _runs(claim: Claim) -> list[TabularRun]:
    runs = []
    for key, seed in claim.runs:
        configuration = claim.configurations[key]
        assert isinstance(configuration, TabularConfiguration)  # noqa: S101  # a shard holds one kind
        runs.append(TabularRun(configuration, seed))
    return runs
