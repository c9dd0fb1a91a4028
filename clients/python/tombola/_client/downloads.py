"""Files that are there when they are whole, and what is shown while they come."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place when the block ends well, and goes otherwise."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def transfer(name: str, *, enabled: bool) -> Iterator[Callable[[int], None]]:
    """Show how many bytes of a file there are, as they are told; on a terminal or in a notebook only."""
    if not enabled:
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415  # rich is for people who asked for progress
    from rich.progress import (  # noqa: PLC0415  # as above
        FileSizeColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    columns = (SpinnerColumn(), TextColumn(name, markup=False), FileSizeColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_interactive) as bar:
        task = bar.add_task("", total=None)
        yield lambda count: bar.update(task, completed=count)
