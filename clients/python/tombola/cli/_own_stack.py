"""A laboratory for one command: an installed server offers one, for where none answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from tombola.cli._errors import FAILED

if TYPE_CHECKING:
    from tombola.cli._session import Session


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that runs.

    Attributes:
        folder: Where its data stay, None where they go with it.
    """

    url: str
    api_key: str
    folder: str | None


#: Starts a stack and stops it in the end; with True its data stay, where `tombola serve` finds them.
Start = Callable[[bool], AbstractContextManager[Running]]
_offered: list[Start] = []


def offer(start: Start) -> None:
    """Say how a stack is started; for the distribution that has one."""
    _offered[:] = [start]


@contextmanager
def somewhere(session: Session, *, keep: bool) -> Iterator[Running | None]:
    """Let a session talk to the server that was named or answers, else to a stack of this command's own.

    Args:
        session: Not used yet.
        keep: Whether the data of a stack of its own stay.

    Yields:
        The stack that was started, if one was.

    Raises:
        typer.Exit: None answers, and no server is installed.
    """
    if session.named or _answers(session):
        yield None
        return
    if not _offered:
        session.note(
            f"tombola: no server answers at {session.client.url}: name one with --url or TOMBOLA_URL, or "
            "install tombola-server here, which brings `tombola serve`"
        )
        raise typer.Exit(FAILED)
    session.note(f"no server answers at {session.client.url}: starting one for this command")
    with _offered[0](keep) as running:
        session.connect(running.url, running.api_key)
        yield running


def _answers(session: Session) -> bool:
    from tombola.errors import ConnectionFailed  # noqa: PLC0415  # as in Session.client

    try:
        session.client.health()
    except ConnectionFailed:
        return False
    return True
