"""What `wait(progress=True)` shows: a bar on a terminal or in a notebook, else a line now and then."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from tombola.errors import TombolaError
from tombola.results import Experiment
from tombola.spec import ExperimentSpec

if TYPE_CHECKING:
    from rich.console import Console

_SECONDS_BETWEEN_LINES = 10.0


class Display(Protocol):
    """Shows how far an experiment is."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state on the screen."""
        ...

    def update(self, experiment: Experiment) -> None:
        """Show a new state."""
        ...

    def away(self, error: TombolaError) -> None:
        """Show that the server does not answer, and that waiting goes on."""
        ...


def display(*, enabled: bool) -> Display:
    """Return what fits the place: nothing, a bar, or lines. All of it goes to standard error."""
    if not enabled:
        return _Silent()
    from rich.console import Console  # noqa: PLC0415  # rich is for people who asked for progress

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if console.is_jupyter and not _has_widgets():
        # rich warns without ipywidgets; lines need none.
        console = Console(stderr=True, highlight=False, markup=False, emoji=False, force_jupyter=False)
    return _Bar(console) if console.is_terminal or console.is_jupyter else _Lines(console)


def _has_widgets() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415  # notebooks only

    return find_spec("ipywidgets") is not None


def duration(seconds: float) -> str:
    """Return seconds as `h:mm:ss` or `m:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def describe(experiment: Experiment) -> str:
    """Return runs, successes and time left, as one line."""
    progress = experiment.progress
    parts = [f"{progress.runs_done}/{progress.runs_total} runs"]
    if isinstance(experiment.spec, ExperimentSpec):  # runs on tables have scores instead
        parts.append(f"{progress.successes} successes")
    adaptive = experiment.adaptive
    if adaptive is not None and adaptive.cells_open:
        parts[0] += f" so far (at most {adaptive.runs_most})"
        parts.insert(1, f"{adaptive.cells_open} of {adaptive.cells} cells open")
    if progress.diverged:
        parts.append(f"{progress.diverged} diverged")
    if experiment.status.finished or experiment.status == "paused":
        parts.append(str(experiment.status))
    elif progress.eta_seconds is not None:
        parts.append(f"{duration(progress.eta_seconds)} left")
    else:
        parts.append(str(experiment.status))
    return ", ".join(parts)


class _Silent:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, experiment: Experiment) -> None:
        pass

    def away(self, error: TombolaError) -> None:
        pass


class _Bar:
    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415  # as above

        name = TextColumn("{task.fields[name]}", markup=False)
        line = TextColumn("{task.fields[line]}", markup=False)
        self._progress = Progress(name, BarColumn(), TaskProgressColumn(), line, console=console)
        self._task = self._progress.add_task("", total=1.0, name="", line="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, experiment: Experiment) -> None:
        self._progress.update(
            self._task,
            completed=experiment.progress.fraction,
            name=experiment.name,
            line=describe(experiment),
            refresh=True,
        )

    def away(self, error: TombolaError) -> None:
        first = str(error).splitlines()[0]
        self._progress.update(self._task, line=f"trying again: {first}", refresh=True)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = (-_SECONDS_BETWEEN_LINES, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, experiment: Experiment) -> None:
        line = f"{experiment.name}: {experiment.progress.fraction:.0%}, {describe(experiment)}"
        self._say(line, experiment.status)

    def away(self, error: TombolaError) -> None:
        self._say(f"trying again: {str(error).splitlines()[0]}", "away")

    def _say(self, line: str, status: str) -> None:
        now = time.monotonic()
        since, last_status = self._last
        if status != last_status or now - since >= _SECONDS_BETWEEN_LINES:
            self._console.print(line, soft_wrap=True)
            self._last = (now, status)
