"""The task that workers run, and the hook that tells its process to stop."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from service.doorbell import TASK
from worker import training
from worker.member import Member

# Celery's tasks and hooks take no state of ours, so the process's one member is module state.
_members: list[Member] = []


def attach(member: Member) -> None:
    """Let the tasks of this process train as this member of the fleet."""
    _members[:] = [member]


@shared_task(name=TASK)
def train_shard(shard_id: int) -> None:
    """Train the shard of that id, if it is still to be had."""
    training.train_shard(_members[0], shard_id)


@worker_shutting_down.connect
def _stop_soon(**_: Any) -> None:  # noqa: ANN401  # Celery's signature
    # Runs in Celery's signal handler, in the main thread: it only sets a flag that the engine looks at.
    for member in _members:
        member.stop_soon()
