"""Options that several commands share, and how they change the settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

PANEL = "Server"

DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the database and the broker. [default: tombola-data]", envvar="TOMBOLA_DATA_DIR"
    ),
]
Host = Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one. [default: 8000]")
]
Device = Annotated[str | None, typer.Option(help="`auto`, `cpu`, `cuda` or `cuda:1`. [default: auto]")]
Engine = Annotated[str | None, typer.Option(help="Training engine. [default: auto]")]


def fail(message: str, code: int = 2) -> NoReturn:
    """End the command with one line on stderr."""
    sys.stderr.write(f"tombola: {message}\n")
    raise typer.Exit(code)


def settings(**given: Any) -> Any:  # noqa: ANN401  # Settings, imported late to keep `--help` quick
    """Return the settings of the environment with the options that were given put over them."""
    from pydantic import ValidationError

    from service.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        found = error.errors()
        lines = [
            f"TOMBOLA_{item['loc'][0]}: ".upper() + item["msg"] if item["loc"] else item["msg"]
            for item in found
        ]
        fail("bad setting: " + "; ".join(lines))
