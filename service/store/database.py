"""Engines, sessions and the locks that keep planning and recording apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from service.store.models import UtcDateTime

#: Key of the advisory lock on PostgreSQL ("tombola" in ASCII, folded into 63 bits).
_LOCK_KEY = int.from_bytes(b"tombola", "big")
_BUSY_TIMEOUT_SECONDS = 30


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


class Database:
    """One database: SQLite with WAL and immediate write transactions, or PostgreSQL.

    Every transaction is a `with database.read() as session:` or a `with database.write() as session:`;
    the latter commits at its end and rolls back on an exception.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        """Connect lazily to `url` (SQLAlchemy's form); with `create`, make the folder of an SQLite file."""
        parsed = make_url(url)
        self.shown = parsed.render_as_string(hide_password=True)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {}
        if self.is_sqlite:
            if create and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            options["connect_args"] = {"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        else:
            options["pool_pre_ping"] = True
            # `lock_planning` needs statements that see what was committed before each of them.
            options["isolation_level"] = "READ COMMITTED"
            # A connection that died without a word is noticed within a minute, not a quarter of an hour.
            options["connect_args"] = {
                "connect_timeout": 10,
                "keepalives_idle": 30,
                "tcp_user_timeout": 30_000,
            }
        self.engine = create_engine(parsed, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(tombola_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for reading only; nothing is committed."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session in a write transaction, committed at the end."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def has_tables(self) -> bool:
        """Tell whether the database was ever migrated."""
        try:
            return inspect(self.engine).has_table("alembic_version")
        except OperationalError:
            if self.is_sqlite:  # the file cannot be opened: its folder is not there
                return False
            raise

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def clock(session: Session) -> datetime:
    """Return the present time by the one clock that all hosts share: PostgreSQL's, or that of SQLite's host.

    Leases are compared with it: a host whose own clock is slow would else take leases that have run out.
    """
    if session.get_bind().dialect.name == "postgresql":
        return session.scalars(select(func.clock_timestamp(type_=UtcDateTime))).one()
    return now()


def lock_planning(session: Session) -> None:
    """Keep all other planning and recording out until the end of this transaction.

    Planning compares what is wanted with what exists; a run recorded between the two would be counted in
    no cell. SQLite's immediate transactions already exclude each other.
    """
    _advisory_lock(session, "pg_advisory_xact_lock")


def lock_recording(session: Session) -> None:
    """Keep planning out until the end of this transaction, but let others record."""
    _advisory_lock(session, "pg_advisory_xact_lock_shared")


def _advisory_lock(session: Session, function: str) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT {function}(:key)"), {"key": _LOCK_KEY})


def _configure_sqlite(connection: Any, _record: Any) -> None:  # noqa: ANN401  # DB-API objects
    # The driver must not open transactions by itself: `_begin_sqlite` says which kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A read transaction that turns into a write one can fail with "database is locked" without waiting.
    write = connection.get_execution_options().get("tombola_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
