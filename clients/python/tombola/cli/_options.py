"""Arguments and options that several commands share."""

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
Interval = Annotated[
    Literal["wilson", "clopper-pearson", "jeffreys", "confidence-sequence"] | None,
    typer.Option(help="How intervals are made.", show_default="wilson"),
]
Level = Annotated[float | None, typer.Option(help="Confidence level of intervals.", show_default="0.95")]


def cells_of(width: int | None, samples: str | None, sparsity: str | None) -> dict[str, Any]:
    """Return what the options say of cells, as the client takes it.

    Raises:
        typer.BadParameter: It is neither a number nor the word for none.
    """
    cells: dict[str, Any] = {"width": width}
    for name, text, word in (("samples", samples, "online"), ("sparsity", sparsity, "dense")):
        if text == word:
            cells[name] = None
        elif text is not None:
            if not (text.isascii() and text.isdigit()):
                raise typer.BadParameter(f"--{name} takes a number or {word}, not {text!r}")
            cells[name] = int(text)
    return cells
