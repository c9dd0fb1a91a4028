"""Options that several commands share, and how they change the settings."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

PANEL = "Server"

DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the database. [default: tombola-data]", envvar="TOMBOLA_DATA_DIR"),
]
Host = Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one. [default: 8000]")
]
Device = Annotated[str | None, typer.Option(help="`auto`, `cpu`, `cuda` or `cuda:1`. [default: auto]")]
Queues = Annotated[
    str | None,
    typer.Option(
        help="What it trains: `main` parities and networks, `cpu` forests and other models of libraries, and "
        "imports. [default: main,cpu]"
    ),
]
Engine = Annotated[str | None, typer.Option(help="Training engine. [default: auto]")]


def fail(message: str, code: int = 2) -> NoReturn:
    """End the command with one line on stderr."""
    sys.stderr.write(f"tombola: {message}\n")
    raise typer.Exit(code)


def reporting(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with a database that is away said in one line."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:  # noqa: ANN401  # the command's own
        try:
            command(*arguments, **options)
        except Exception as error:
            from sqlalchemy.exc import OperationalError

            if not isinstance(error, OperationalError):
                raise
            fail(f"the database cannot be used: {' '.join(str(error.orig).split())}", code=1)

    return run


def settings(**given: Any) -> Any:  # noqa: ANN401  # Settings, imported late to keep `--help` quick
    """Return the settings of the environment with the options that were given put over them."""
    from pydantic import ValidationError

    from service.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        found = error.errors()
        lines = [
            f"TOMBOLA_{item['loc'][0]}: ".upper() + _said(item) if item["loc"] else _said(item)
            for item in found
        ]
        fail("bad setting: " + "; ".join(lines))


def _said(item: Any) -> str:  # noqa: ANN401  # one of pydantic's errors
    return str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
