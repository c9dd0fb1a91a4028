"""Answers as tables on standard output: fitted to a terminal, else plain text in full width."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tombola.cli import _format

if TYPE_CHECKING:
    from tombola.results import (
        Cell,
        DryRun,
        Estimate,
        Frontier,
        FrontierCell,
        Luck,
        Quote,
        SmallestSamples,
        SmallestWidth,
        SuccessTable,
        Thresholds,
        Times,
    )

__all__ = [
    "print_frontier",
    "print_luck",
    "print_quote",
    "print_quotes",
    "print_success_table",
    "print_table",
    "print_thresholds",
    "print_times",
    "show",
    "table",
]

#: Wider than any row: what goes into a file or a pipe is not cut.
_UNLIMITED = 10_000


def print_success_table(answer: SuccessTable) -> None:
    """Print one row per cell, one table per sparsity, dense last."""
    columns = ["width", "samples", *_cell_columns(answer.cells)]
    by_sparsity = sorted(answer.cells, key=lambda cell: (cell.sparsity is None, cell.sparsity or 0))
    for position, (sparsity, cells) in enumerate(groupby(by_sparsity, key=lambda cell: cell.sparsity)):
        if position:
            typer.echo("")
        rows = [[str(cell.width), _format.samples(cell.samples), *_cell_row(cell)] for cell in cells]
        print_table(columns, rows, title=f"sparsity {_format.sparsity(sparsity)}")


def print_frontier(answer: Frontier) -> None:
    """Print one row per point, then the cells that may be on the frontier; say where there is none."""
    if answer.points:
        known = {_coordinates(cell): cell for cell in answer.cells}
        marks = [_mark_row(known.get(_coordinates(cell))) for cell in answer.points]
        rows = [
            [*_coordinates(cell), *_cell_row(cell), *mark]
            for cell, mark in zip(answer.points, marks, strict=True)
        ]
        more = ["<place", "on it", *_measured(answer)] if answer.cells else []
        print_table(["width", "samples", "sparsity", *_cell_columns(answer.points), *more], rows)
    else:
        typer.echo(f"no cell reaches probability {answer.probability:g}", err=True)
    shown = {_coordinates(cell) for cell in answer.points}
    others = [cell for cell in answer.cells if cell.mark != "dominated" and _coordinates(cell) not in shown]
    if others:
        typer.echo("")
        columns = ["width", "samples", "sparsity", "<place", "on it", *_measured(answer)]
        rows = [[*_coordinates(cell), *_mark_row(cell)] for cell in others]
        print_table(columns, rows, title="Cells that may be on it, by their limits")


def print_thresholds(answer: Thresholds) -> None:
    """Print one row per width, and one per number of samples; a dash is none of those there are."""
    ends = ["observed", "fitted", f"{answer.level * 100:g}% limits"]
    rows = [[_format.sparsity(row.sparsity), str(row.width), *_smallest_row(row)] for row in answer.samples]
    title = f"Smallest number of samples that reaches {answer.probability:g}"
    print_table(["sparsity", "width", *ends], rows, title=title)
    typer.echo("")
    rows = [
        [_format.sparsity(row.sparsity), _format.samples(row.samples), *_smallest_row(row)]
        for row in answer.widths
    ]
    print_table(["sparsity", "samples", *ends], rows, title=title.replace("number of samples", "width"))


def print_times(answer: Times) -> None:
    """Print one row per cell: steps to success with their limits, means and spread of FLOP and seconds."""
    shares = [reached.share for reached in answer.cells[0].reached] if answer.cells else []
    columns = ["width", "samples", "sparsity", "runs"]
    for share in shares:
        columns += [f"steps of {share * 100:g}%", f"{answer.level * 100:g}% limits"]
    rows = []
    for cell in answer.cells:
        row = [
            str(cell.width),
            _format.samples(cell.samples),
            _format.sparsity(cell.sparsity),
            str(cell.runs),
        ]
        for reached in cell.reached:
            row += [_format.steps(reached.steps.value), _format.limits(reached.steps, _format.steps)]
        rows.append(
            [*row, _format.spread(cell.steps), _format.spread(cell.flops), _format.spread(cell.wall_seconds)]
        )
    print_table([*columns, "mean steps ± sd", "mean FLOP ± sd", "mean seconds ± sd"], rows)


def print_luck(answer: Luck) -> None:
    """Print one row per cell, and one per pair of a wide network and restarts of a narrower one."""
    limits = f"{answer.level * 100:g}% limits"
    rows = []
    for cell in answer.cells:
        row = [str(cell.width), _format.samples(cell.samples), _format.sparsity(cell.sparsity)]
        for number in (cell.restarts, cell.restarts_to, cell.steps, cell.flops):
            row += [_format.some(number.value), _format.limits(number, _format.some)]
        rows.append(row)
    columns = ["restarts", f"to {answer.probability:g}", "steps", "FLOP"]
    each = [name for column in columns for name in (column, limits)]
    title = "Expected until a first success, failures included"
    print_table(["width", "samples", "sparsity", *each], rows, title=title)
    rows = [
        [
            _format.samples(group.samples),
            _format.sparsity(group.sparsity),
            f"1 x {group.width}",
            _format.number(group.probability.value),
            f"{_format.amount(rival.restarts)} x {rival.width}",
            _format.number(rival.probability.value),
            _format.limits(rival.difference, _format.number),
            rival.better,
        ]
        for group in answer.equal_flops
        for rival in group.rivals
    ]
    if not rows:
        return
    typer.echo("")
    columns = [
        "samples",
        "sparsity",
        "one",
        "succeeds",
        "restarts",
        "succeed",
        f"difference, {limits}",
        "<better",
    ]
    print_table(columns, rows, title="Width against restarts at equal FLOP")


def print_quote(name: str, quote: Quote) -> None:
    """Print a quote: a sentence, the ranges of what it takes, and what they rest on."""
    typer.echo(f"{name}: {_format.quote_line(quote)}")
    # A server from before there were ranges sends none.
    if quote.wall_seconds is None or _format.nothing_to_train(quote):
        return
    rows = [
        [name, *(shown(end) for end in (estimate.low, estimate.expected, estimate.high))]
        for name, estimate, shown in _ranges(quote)
    ]
    typer.echo("")
    print_table(["<", "low", "expected", "high"], rows)
    _print_basis(quote)


def print_quotes(title: str, experiments: Sequence[DryRun], total: Quote) -> None:
    """Print what each of several experiments costs, all of them together, and what that rests on."""
    typer.echo(f"{title}: {_format.quote_line(total)}\n")
    rows = [
        [
            name,
            str(quote.cells),
            str(quote.runs),
            str(quote.runs - quote.runs_existing - quote.runs_pending),
            f"{quote.flops:.2g}",
            *(
                text
                for _, estimate, shown in _ranges(quote)
                for text in (shown(estimate.expected), f"{shown(estimate.low)} to {shown(estimate.high)}")
            ),
        ]
        for name, quote in (*((each.spec.name, each.quote) for each in experiments), ("all", total))
    ]
    ranges = [column for name, *_ in _ranges(total) for column in (name, "low to high")]
    print_table(["<experiment", "cells", "runs", "to train", "FLOP", *ranges], rows)
    if not _format.nothing_to_train(total):
        _print_basis(total)


def _print_basis(quote: Quote) -> None:
    typer.echo("")
    if quote.memory_bytes:
        typer.echo(f"largest run: about {_format.memory(quote.memory_bytes)} of memory")
    typer.echo(f"estimated for {quote.basis}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """Print a table; see `table`."""
    show(table(columns, rows, title=title))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, title: str = "") -> RenderableType:
    """Return a table; a column whose name begins with `<` is aligned left, others right."""
    made = Table(box=SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)
    for column in columns:
        left = column.startswith("<")
        made.add_column(column.removeprefix("<"), justify="left" if left else "right", overflow="fold")
    for row in rows:
        made.add_row(*row)
    # Not the table's own title, which is broken where the table is narrower.
    return Group(Text(title, style="bold"), made) if title else made


def show(*renderables: RenderableType) -> None:
    """Print tables and texts: fitted to a terminal, else plain in full width."""
    if sys.stdout.isatty():
        Console(markup=False, highlight=False, emoji=False).print(*renderables, sep="\n")
        return
    console = Console(markup=False, highlight=False, emoji=False, width=_UNLIMITED, color_system=None)
    with console.capture() as capture:
        console.print(*renderables, sep="\n")
    for line in capture.get().splitlines():
        typer.echo(line.rstrip())


def _ranges(quote: Quote) -> list[tuple[str, Estimate, Callable[[float], str]]]:
    """Return what is estimated, by name, and how its numbers are written."""
    found = (
        ("wall time", quote.wall_seconds, _format.time),
        ("core-seconds", quote.core_seconds, _format.amount),
        ("GPU-seconds", quote.gpu_seconds, _format.amount),
    )
    return [(name, estimate, shown) for name, estimate, shown in found if estimate is not None]


def _cell_columns(cells: Sequence[Cell]) -> list[str]:
    level = next((f"{cell.interval.level * 100:g}% interval" for cell in cells if cell.interval), "interval")
    columns = ["probability", level, "successes", "runs", "diverged", "median steps"]
    return [*columns, "<decision"] if any(cell.decision for cell in cells) else columns


def _cell_row(cell: Cell) -> list[str]:
    return [
        _format.number(cell.probability),
        _format.interval(cell.interval),
        str(cell.successes),
        str(cell.runs) if cell.runs == cell.runs_total else f"{cell.runs} of {cell.runs_total}",
        str(cell.diverged),
        _format.steps(cell.median_steps),
        *([str(cell.decision)] if cell.decision else []),
    ]


def _coordinates(cell: Cell | FrontierCell) -> tuple[str, str, str]:
    return str(cell.width), _format.samples(cell.samples), _format.sparsity(cell.sparsity)


def _measured(answer: Frontier) -> list[str]:
    names = next((list(cell.objectives) for cell in answer.cells), [])
    return [column for name in names for column in (name, "limits")]


def _mark_row(cell: FrontierCell | None) -> list[str]:
    if cell is None:  # a server from before there were marks
        return []
    row = [cell.mark, _format.number(cell.frontier_probability)]
    for number in cell.objectives.values():
        row += [_format.some(number.value), _format.limits(number, _format.some)]
    return row


def _smallest_row(row: SmallestSamples | SmallestWidth) -> list[str]:
    if row.low is None:
        limits = "-"
    else:
        limits = f"{row.low} or more" if row.high is None else f"{row.low} to {row.high}"
    return [_format.whole(row.observed), _format.whole(row.fitted), limits]
