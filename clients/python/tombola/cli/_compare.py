"""`tombola compare`: networks against forests on a table of one's own, from the file to a report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tombola.cli import _datasets
from tombola.cli._command import command
from tombola.cli._errors import BAD_REQUEST, FAILED, INTERRUPTED
from tombola.cli._own_stack import Running, somewhere

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tombola._client.experiment import Experiment
    from tombola.cli._session import Session
    from tombola.results import Comparison, ComparisonPlan, Dataset, Importances

_PANEL = "Data sets"
#: Of the budget, or of the time that was expected where none fits: then what is there is the answer.
_OVER = 1.5
#: Seconds that a comparison may take at least: the smallest budgets are under what a busy machine needs.
_LEAST = 60.0
#: Seconds that reading what the models read may take at least, however late it is.
_LEAST_READING = 20.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a comparison brought.

    Attributes:
        reading: The experiment that measured what the models read, None where there is none.
        importances: What they read, None where that was not measured to the end.
        seconds: From the submission to the last answer.
        caution: What went otherwise than planned.
    """

    dataset: Dataset
    plan: ComparisonPlan
    experiment: Experiment
    comparison: Comparison
    reading: Experiment | None
    importances: Importances | None
    seconds: float
    caution: list[str]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app,
        _PANEL,
        "tombola compare titanic.csv --target survived",
        "tombola compare titanic.csv --target survived --budget 30 --html titanic.html",
        "tombola compare california --json > california.json",
    )(compare)


def compare(  # noqa: PLR0913  # one parameter per option
    session: Session,
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="File (CSV, TSV, Parquet, Arrow, also packed as .gz), or name of a data set on the server.",
            show_default=False,
        ),
    ],
    *,
    target: _datasets.Target = None,
    budget: Annotated[
        float, typer.Option(metavar="MINUTES", min=0.01, max=100_000, help="Wall time that it may take.")
    ] = 5.0,
    html: Annotated[
        Path | None, typer.Option(help="Write the report into this file, too.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the data set is called.", show_default="as the file")
    ] = None,
    categorical: _datasets.Categorical = None,
    delimiter: _datasets.Delimiter = None,
    encoding: Annotated[
        Literal["one-hot", "ordinal"], typer.Option(help="Of categorical columns.")
    ] = "one-hot",
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Where no server runs: keep what is trained for `tombola serve`."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Ask whether a wide sparse network beats a tuned forest on a table of yours.

    Plans the largest comparison that fits into the budget, trains it, and reports who wins at which numbers
    of training rows, how sure that is, what it cost, and which columns the winners read. Where no server runs
    and one is installed, it is started for the time. What takes half as long again as the budget (and more
    than a minute) is ended, and answered as far as it went.
    """
    _check(html)
    with somewhere(session, keep=keep) as own:
        options = {"--name": name, "--delimiter": delimiter, "--categorical": categorical}
        dataset = _dataset(session, table, target, options)
        plan = session.client.datasets.plan(dataset.id, minutes=budget, encoding=encoding)
        _tell(session, plan)
        found = _run(session, dataset, plan, own, quiet=quiet)
        _show(session, found, html)
        if own is not None and own.folder is not None:
            session.note(f"kept in {own.folder}: tombola serve --data-dir {own.folder} has it all")


def _check(html: Path | None) -> None:
    """Find out before the training whether the report can be written after it."""
    if html is None:
        return
    if not html.parent.is_dir() or html.is_dir():
        raise typer.BadParameter(f"cannot write {html}: there is no such folder, or it is one")


def _dataset(session: Session, table: str, target: str | None, options: Mapping[str, Any]) -> Dataset:
    """Bring a table, or find the data set of that name, which has no use for options about a file."""
    from tombola.errors import NotFound  # noqa: PLC0415  # as in Session.client

    path = Path(table)
    if not path.exists() and not path.suffix:
        try:
            stored = session.client.datasets.get(table)
        except (NotFound, ValueError):
            raise typer.BadParameter(f"there is neither a file nor a data set {table!r}") from None
        if target not in (None, stored.target):
            raise typer.BadParameter(
                f"the target of the data set {table!r} is {stored.target!r}, not {target!r}: give the file"
            )
        for option, value in options.items():
            if value:
                raise typer.BadParameter(f"the data set {table!r} is stored already: {option} is for files")
        return stored
    try:
        return _datasets.send(
            session,
            path,
            target,
            options["--delimiter"],
            name=options["--name"],
            categorical=options["--categorical"],
        )
    except _datasets.Refused as refused:
        session.note(f"tombola: {refused}")
        raise typer.Exit(BAD_REQUEST) from None


def _tell(session: Session, plan: ComparisonPlan) -> None:
    from tombola.cli._format import quote_line  # noqa: PLC0415  # results load with it

    session.note(f"{plan.dataset}: {quote_line(plan.quote)}")
    for note in plan.notes:
        session.note(f"note: {note}")


def _run(
    session: Session, dataset: Dataset, plan: ComparisonPlan, own: Running | None, *, quiet: bool
) -> Found:
    """Train the comparison, then what shows what its winners read."""
    began = time.monotonic()
    expected = 0.0 if plan.quote.wall_seconds is None else plan.quote.wall_seconds.expected
    allowed = max(_LEAST, _OVER * max(60 * plan.minutes, 0.0 if plan.fits else expected))
    experiment = session.client.experiments.create(plan.spec)
    caution: list[str] = []
    if not _waited(session, experiment, allowed, own, quiet=quiet):
        caution.append(
            f"after {allowed / 60:.3g} minutes it was ended with {experiment.progress.runs_done} of "
            f"{experiment.progress.runs_total} runs done"
        )
        session.note(f"tombola: {caution[0]}{_go_on(experiment, own)}")
    comparison = experiment.comparison()
    reading, importances = None, None
    if comparison.datasets:
        left = max(_LEAST_READING, allowed - (time.monotonic() - began))
        reading, importances = _importances(session, experiment, left, own, quiet=quiet)
        if importances is None:
            caution.append("what the models read was not measured")
    seconds = time.monotonic() - began
    return Found(dataset, plan, experiment, comparison, reading, importances, seconds, caution)


def _importances(
    session: Session, experiment: Experiment, allowed: float, own: Running | None, *, quiet: bool
) -> tuple[Experiment | None, Importances | None]:
    from tombola.errors import TombolaError  # noqa: PLC0415  # as in Session.client

    reading = None
    try:
        reading = session.client.experiments.create(experiment.importance_plan().spec)
        if _waited(session, reading, allowed, own, quiet=quiet):
            return reading, reading.importance()
    except TombolaError as error:  # the comparison is there, and shall not be lost for this
        session.note(f"tombola: {error}")
    return reading, None


def _waited(
    session: Session, experiment: Experiment, allowed: float, own: Running | None, *, quiet: bool
) -> bool:
    """Wait for an experiment; end it, and return False, where it takes too long.

    Raises:
        typer.Exit: Ctrl-C.
        ExperimentFailed: It failed.
        ExperimentCancelled: Somebody else ended it.
    """
    from tombola.errors import WaitTimeout  # noqa: PLC0415  # as in Session.client

    try:
        experiment.wait(progress=not quiet, timeout=allowed)
    except WaitTimeout:
        return not _cancelled(experiment)
    except KeyboardInterrupt:
        session.note("")
        _cancelled(experiment)
        session.note(f"cancelled {experiment.id}{_go_on(experiment, own)}")
        raise typer.Exit(INTERRUPTED) from None
    return True


def _cancelled(experiment: Experiment) -> bool:
    """End an experiment; False where it was quicker, and is done."""
    from tombola.errors import Conflict  # noqa: PLC0415  # as above

    try:
        experiment.cancel()
    except Conflict:
        return experiment.refresh().status != "succeeded"
    return True


def _go_on(experiment: Experiment, own: Running | None) -> str:
    """Say how an experiment that was ended can go on, where it can."""
    if own is not None and own.folder is None:
        return ""
    serve = "" if own is None else f"tombola serve --data-dir {own.folder}, then "
    return f"; it goes on with: {serve}tombola retry {experiment.id}"


def _show(session: Session, found: Found, html: Path | None) -> None:
    from tombola.cli import _compare_report, render  # noqa: PLC0415  # rich and the results load with it

    if session.json:
        session.value(_compare_report.document(found))
    elif found.comparison.datasets:
        render.show(*_compare_report.report(found))
    if not found.comparison.datasets:
        session.note(
            "tombola: no size has all its runs, so there is nothing to compare: give it more --budget"
        )
        raise typer.Exit(FAILED)
    if html is not None:
        picture = found.experiment.picture("accuracy", "svg").decode()
        _write(session, html, _compare_report.page(found, picture))


def _write(session: Session, path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"cannot write {path}: {error.strerror or error}") from None
    session.note(f"wrote {path}")
