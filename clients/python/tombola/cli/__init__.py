"""The `tombola` command.

Distributions add commands of their own through the entry-point group `tombola.commands`: each entry point
is a callable `register(app: typer.Typer) -> None`.
"""

from __future__ import annotations

from tombola.cli._main import main

__all__ = ["main"]
