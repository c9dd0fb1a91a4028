"""The server's commands, added to `tombola` through its entry-point group `tombola.commands`.

Modules are imported when a command runs: `tombola table` must not wait for SQLAlchemy or torch.
"""

from __future__ import annotations

import typer

from service.commands import keys, processes, stack, upkeep
from tombola.cli import _own_stack


def register(app: typer.Typer) -> None:
    """Add the server's commands to the command line."""
    for module in (stack, processes, upkeep):
        module.register(app)
    _own_stack.offer(stack.for_one_command)
    app.add_typer(keys.app, name="keys", rich_help_panel="Server")
