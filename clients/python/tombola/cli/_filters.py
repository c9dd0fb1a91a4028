"""Options that choose cells and runs, for all commands that take them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

Id = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the experiment, or `latest`.", show_default=False)
]
Width = Annotated[int | None, typer.Option(min=1, help="Only cells of this width.", show_default=False)]
Samples = Annotated[
    str | None,
    typer.Option(metavar="M", help="Only cells of this number of samples, or `online`.", show_default=False),
]
Sparsity = Annotated[
    str | None, typer.Option(metavar="S", help="Only cells of this sparsity, or `dense`.", show_default=False)
]
Outcome = Annotated[
    Literal["success", "censored", "diverged"] | None,
    typer.Option(help="Only runs that ended so.", show_default=False),
]


def cells(width: int | None, samples: str | None, sparsity: str | None) -> dict[str, Any]:
    """Return the client's arguments for the cells that were chosen."""
    chosen: dict[str, Any] = {"width": width}
    for name, text, word in (("samples", samples, "online"), ("sparsity", sparsity, "dense")):
        if text == word:
            chosen[name] = None
        elif text is not None:
            if not (text.isascii() and text.isdigit()):
                raise typer.BadParameter(f"--{name} takes a number or {word}, not {text!r}")
            chosen[name] = int(text)
    return chosen
