"""Numbers for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tombola._client.progress import duration

if TYPE_CHECKING:
    from tombola.results import Actual, Adaptive, Estimate, Interval, Limits, Quote, Spread

#: Hours are counted up to this many seconds, two days.
_LONG = 172_800


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


def limits(value: Limits, shown: Callable[[float | None], str]) -> str:
    """Return both ends of a number's limits; a dash stands for an end that is not reached."""
    return "-" if value.low is None and value.high is None else f"{shown(value.low)} to {shown(value.high)}"


def spread(value: Spread | None) -> str:
    """Return a mean and its standard deviation."""
    if value is None:
        return "-"
    return amount(value.mean) + ("" if value.sd is None else f" ± {amount(value.sd)}")


def amount(value: float) -> str:
    """Return a quantity in three digits: 0.123, 12.3, 1230, 1.23e+06."""
    return f"{float(f'{value:.3g}'):g}"


def whole(value: int | None) -> str:
    """Return a whole number, or a dash for none."""
    return "-" if value is None else str(value)


def some(value: float | None) -> str:
    """Return a quantity in three digits, or a dash for none."""
    return "-" if value is None else amount(value)


def memory(count: int) -> str:
    """Return a number of bytes in the unit that fits."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


def time(seconds: float) -> str:
    """Return a duration as `m:ss` or `h:mm:ss`, under a second in tenths (0.3 s), a long one in days."""
    if seconds >= _LONG:
        return f"{amount(seconds / 86_400)} days"
    return duration(seconds) if seconds >= 1 or not seconds else f"{max(seconds, 0.1):.1f} s"


def nothing_to_train(quote: Quote) -> bool:
    """Whether all runs are there or in training."""
    return quote.runs_existing + quote.runs_pending >= quote.runs


def quote_line(quote: Quote) -> str:
    """Return a quote as one sentence."""
    have = [f"{quote.runs_existing} in the store already"] if quote.runs_existing else []
    have += [f"{quote.runs_pending} in training for another experiment"] if quote.runs_pending else []
    known = f" ({', '.join(have)})" if have else ""
    if nothing_to_train(quote):
        return f"{quote.runs} runs in {quote.cells} cells{known}: nothing to train"
    workers = f"{quote.workers} workers" if quote.workers > 1 else "one worker"
    if not quote.workers:
        workers += ", and none is there now"
    wall = time(quote.seconds / max(1, quote.workers))
    if quote.wall_seconds is not None:
        estimate = quote.wall_seconds
        ends = f"{time(estimate.low)} to {time(estimate.high)}"
        wall = f"about {time(estimate.expected)} ({ends})"
    return (
        f"{_runs(quote)} in {quote.cells} cells{known}: at most {quote.run_steps:.3g} steps, "
        f"{quote.flops:.2g} FLOP, {wall} on {workers}"
    )


def _runs(quote: Quote) -> str:
    estimate = quote.adaptive_runs
    if estimate is None or estimate.low == estimate.high:
        return f"{quote.runs} runs"
    return f"about {estimate.expected:.0f} runs ({estimate.low:.0f} to {estimate.high:.0f})"


def adaptive_line(adaptive: Adaptive) -> str:
    """Return what the runs have shown of each cell, and what stopping in time saved, as one sentence."""
    counts = {
        "open": adaptive.cells_open,
        "above": adaptive.cells_above,
        "below": adaptive.cells_below,
        "narrow enough": adaptive.cells_narrow,
        "undecided": adaptive.cells_undecided,
    }
    line = f"{adaptive.cells} cells: " + ", ".join(f"{n} {name}" for name, n in counts.items() if n)
    if adaptive.saving is None:
        return f"{line}; {adaptive.runs_spent} runs spent, at most {adaptive.runs_most}"
    return (
        f"{line}; {adaptive.runs_spent} runs spent, {adaptive.saving:.1f} times fewer than the "
        f"{adaptive.runs_fixed} of a fixed design by the same rule ({adaptive.runs_one_look} looked at once)"
    )


def actual_line(quote: Quote, actual: Actual) -> str:
    """Return what an experiment took, each beside what was quoted."""
    parts = [
        f"{actual.runs_trained} runs trained",
        f"{amount(actual.run_steps)} steps{_quoted(quote.expected_run_steps, quote.run_steps)}",
        f"{actual.flops:.2g} FLOP",
    ]
    for unit, seconds, estimate in (
        ("core-seconds", actual.core_seconds, quote.core_seconds),
        ("GPU-seconds", actual.gpu_seconds, quote.gpu_seconds),
    ):
        if seconds or estimate is not None:
            parts.append(f"{amount(seconds)} {unit}{_range(estimate, amount)}")
    if actual.wall_seconds is not None:
        parts.append(f"{time(actual.wall_seconds)} of wall time{_range(quote.wall_seconds, time)}")
    return ", ".join(parts)


def _quoted(expected: int | None, most: int) -> str:
    return f" (quoted {amount(most)} at most)" if expected is None else f" (quoted {amount(expected)})"


def _range(estimate: Estimate | None, shown: Callable[[float], str]) -> str:
    if estimate is None:
        return ""
    return f" (quoted {shown(estimate.expected)}: {shown(estimate.low)} to {shown(estimate.high)})"
