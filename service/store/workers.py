"""Queries on workers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from service.store.database import clock
from service.store.models import Worker

#: A worker not heard of for this long counts as gone; workers report every few seconds.
ALIVE = timedelta(seconds=30)
#: Rows of gone workers are kept this long, for a look at what happened.
KEPT = timedelta(days=7)


def add(session: Session, worker: Worker) -> None:
    """Store a worker that starts, and forget those long gone."""
    session.execute(delete(Worker).where(Worker.seen_at < clock(session) - KEPT))
    session.add(worker)


def beat(session: Session, worker_id: str, shard_id: int | None) -> None:
    """Note that a worker lives and what it trains."""
    session.execute(
        update(Worker).where(Worker.id == worker_id).values(seen_at=clock(session), shard_id=shard_id)
    )


def stop(session: Session, worker_id: str) -> None:
    """Note that a worker stopped."""
    at = clock(session)
    session.execute(
        update(Worker).where(Worker.id == worker_id).values(stopped_at=at, seen_at=at, shard_id=None)
    )


def recent(session: Session, at: datetime) -> Sequence[Worker]:
    """Return the workers heard of within the last hour, newest first."""
    return session.scalars(
        select(Worker).where(Worker.seen_at > at - timedelta(hours=1)).order_by(Worker.started_at.desc())
    ).all()


def alive(session: Session, queue: str | None = None) -> Sequence[Worker]:
    """Return the live workers, oldest first; those that listen to a queue, where one is given."""
    query = select(Worker).where(Worker.stopped_at.is_(None), Worker.seen_at > clock(session) - ALIVE)
    if queue is not None:
        query = query.where(Worker.queue == queue)
    return session.scalars(query.order_by(Worker.id)).all()


def last(session: Session) -> Worker | None:
    """Return the worker that was heard of last, if any is remembered."""
    return session.scalars(select(Worker).order_by(Worker.seen_at.desc()).limit(1)).first()


def get(session: Session, worker_id: str) -> Worker | None:
    """Return one worker, if it is remembered."""
    return session.get(Worker, worker_id)


def is_alive(worker: Worker, at: datetime) -> bool:
    """Tell whether a worker was heard of lately and did not say goodbye."""
    return worker.stopped_at is None and worker.seen_at > at - ALIVE


def alive_count(session: Session) -> int:
    """Return the number of live workers."""
    return session.scalars(
        select(func.count()).where(Worker.stopped_at.is_(None), Worker.seen_at > clock(session) - ALIVE)
    ).one()


def has_pid(session: Session, hostname: str, pid: int) -> bool:
    """Tell whether a live worker of this host has that process id."""
    return bool(
        session.scalar(
            select(func.count()).where(
                Worker.hostname == hostname,
                Worker.pid == pid,
                Worker.stopped_at.is_(None),
                Worker.seen_at > clock(session) - ALIVE,
            )
        )
    )


def alive_on(session: Session, hostname: str) -> int:
    """Return the number of live workers on one host."""
    return session.scalars(
        select(func.count()).where(
            Worker.hostname == hostname, Worker.stopped_at.is_(None), Worker.seen_at > clock(session) - ALIVE
        )
    ).one()
