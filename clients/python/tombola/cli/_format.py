"""Numbers for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tombola._client.progress import duration

if TYPE_CHECKING:
    from tombola.results import Interval, Quote


def samples(value: int | None) -> str:
    """Return a training-set size."""
    return "online" if value is None else str(value)


def sparsity(value: int | None) -> str:
    """Return a sparsity."""
    return "dense" if value is None else str(value)


def number(value: float | None, digits: int = 2) -> str:
    """Return a number, or a dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def interval(value: Interval | None) -> str:
    """Return both ends of an interval."""
    return "-" if value is None else f"{value.low:.2f}-{value.high:.2f}"


def steps(value: float | None) -> str:
    """Return a number of steps."""
    return "-" if value is None else f"{value:.0f}"


def quote_line(quote: Quote) -> str:
    """Return a quote as one sentence."""
    have = [f"{quote.runs_existing} in the store already"] if quote.runs_existing else []
    have += [f"{quote.runs_pending} in training for another experiment"] if quote.runs_pending else []
    known = f" ({', '.join(have)})" if have else ""
    workers = f"{quote.workers} workers" if quote.workers > 1 else "one worker"
    if not quote.workers:
        workers += ", and none is there now"
    wall = duration(quote.seconds / max(1, quote.workers))
    return (
        f"{quote.runs} runs in {quote.cells} cells{known}: at most {quote.run_steps:.3g} steps, "
        f"{quote.flops:.2g} FLOP, {wall} on {workers}"
    )
