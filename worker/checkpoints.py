"""Checkpoints of one claim: loaded before its training, saved when it is cut."""

from __future__ import annotations

import dataclasses
import logging

from sqlalchemy.orm import Session

from service.lab import checkpoints, shards
from service.lab.checkpoints import RunState
from service.lab.shards import Claim
from service.store import checkpoints as stored
from service.store.database import lock_recording
from tombola.spec import Configuration
from worker.engine import Checkpoint, Curve, Run
from worker.member import Member
from worker.patience import patiently

#: States are stored when there is so much of them, so that no transaction is longer than it must be.
_FLUSH_BYTES = 32 * 2**20
#: A worker that shall stop stores no more than this: it has 10 s in all.
_STOP_BYTES = 128 * 2**20

_log = logging.getLogger(__name__)


class Checkpoints:
    """Loads and saves the states of a claim's runs."""

    def __init__(self, member: Member, claim: Claim) -> None:
        """Serve one claim."""
        self._member = member
        self._claim = claim
        self._ids = {item: key for key, item in claim.configurations.items()}
        self._unsaved: list[RunState] = []
        self._unsaved_bytes = 0
        self._taken_bytes = 0
        self._saved = 0
        self._loaded = 0

    def runs(self) -> list[Run | Checkpoint]:
        """Return what is to be trained, from where it is."""
        return [
            self._begun(key, seed) or Run(self._configuration(key), seed) for key, seed in self._claim.runs
        ]

    def _configuration(self, configuration_id: int) -> Configuration:
        found = self._claim.configurations[configuration_id]
        assert isinstance(found, Configuration)  # noqa: S101  # a shard holds one kind
        return found

    def _begun(self, configuration_id: int, seed: int) -> Checkpoint | None:
        if (configuration_id, seed) not in self._claim.begun:
            return None
        return patiently(self._member.heartbeat.stopping)(self._load, configuration_id, seed)

    def _load(self, configuration_id: int, seed: int) -> Checkpoint | None:
        configuration = self._configuration(configuration_id)
        with self._member.database.write() as session:
            state = checkpoints.load(
                session,
                configuration_id,
                seed,
                self._member.trained_by.trainer,
            )
        if state is None:
            return None
        self._loaded += 1
        return Checkpoint(
            run=Run(configuration, seed),
            steps=state.steps,
            parameters=state.parameters,
            curve=Curve(**state.curve),
            wall_seconds=state.wall_seconds,
        )

    def add(self, checkpoint: Checkpoint) -> None:
        """Take the state of a run (an engine's `OnCheckpoint`), and store what came together."""
        size = len(checkpoint.parameters)
        if self._member.heartbeat.stopping.is_set() and self._taken_bytes + size > _STOP_BYTES:
            _log.warning("no time to store %d MiB of a run's state before stopping", size // 2**20)
            return
        self._taken_bytes += size
        self._unsaved_bytes += size
        self._unsaved.append(
            RunState(
                configuration_id=self._ids[checkpoint.run.configuration],
                seed=checkpoint.run.seed,
                steps=checkpoint.steps,
                parameters=checkpoint.parameters,
                curve=dataclasses.asdict(checkpoint.curve),
                wall_seconds=checkpoint.wall_seconds,
            )
        )
        if self._unsaved_bytes >= _FLUSH_BYTES:
            patiently(self._member.heartbeat.stopping)(self._save)

    def give_back(self, *, must_progress: bool) -> None:
        """Store what was not stored yet, and give the shard back in the same transaction.

        Args:
            must_progress: Nothing new, or all begun anew for want of a state that can be read, is an attempt
                that failed: else the shard could be cut for ever.
        """
        patiently(self._member.heartbeat.stopping)(self._give_back, must_progress=must_progress)

    def forget(self) -> None:
        """Delete the checkpoints that the claim's runs went on from."""
        patiently(self._member.heartbeat.stopping)(self._forget)

    def _forget(self) -> None:
        with self._member.database.write() as session:
            stored.forget_runs(session, self._claim.begun, self._member.trained_by.trainer)

    def _give_back(self, *, must_progress: bool) -> None:
        with self._member.database.write() as session:
            lock_recording(session)  # before the states, as in recording: so nobody waits for each other
            saved = self._saved + self._save_in(session)
            if must_progress and not saved:
                shards.fail(session, self._claim, "trained for a whole segment, and no run got any further")
            elif must_progress and self._claim.begun and not self._loaded:
                shards.fail(session, self._claim, "no checkpoint of its runs could be read")
            else:
                # Only one that was gone on from shows that what is saved is of use.
                shards.give_back(session, self._claim, progressed=saved > 0 and self._loaded > 0)

    def _save(self) -> None:
        with self._member.database.write() as session:
            saved = self._save_in(session)
        self._saved += saved
        self._unsaved, self._unsaved_bytes = [], 0

    def _save_in(self, session: Session) -> int:
        return checkpoints.save(session, self._unsaved, self._member.trained_by.trainer)
