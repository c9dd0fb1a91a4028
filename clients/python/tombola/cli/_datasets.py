"""Commands about data sets: `tombola datasets …`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tombola.cli._command import command
from tombola.cli._errors import BAD_REQUEST, FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tombola.cli._session import Session
    from tombola.results import Dataset, DatasetImport

_PANEL = "Data sets"
_NAMED = 30
Key = Annotated[
    str, typer.Argument(metavar="DATASET", help="Name or id of the data set.", show_default=False)
]
Target = Annotated[str | None, typer.Option(help="Column with the classes.", show_default="the last one")]
Categorical = Annotated[
    list[str] | None,
    typer.Option(
        help="Column whose numbers are categories (may be given several times); text is in any case.",
        show_default=False,
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(help="What divides the columns of text: `,` `;` `|` or tab.", show_default=False),
]
Licence = Annotated[str | None, typer.Option(help="Under which it may be used.", show_default=False)]
Source = Annotated[str | None, typer.Option(help="Where it comes from.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    datasets = typer.Typer(
        help="Tables with a class to learn: add, import, list, show and remove them.", no_args_is_help=True
    )
    add_examples = (
        "tombola datasets add titanic.csv --target survived",
        "tombola datasets add old.csv.gz --delimiter ';' --categorical zip --dry-run",
    )
    command(datasets, _PANEL, *add_examples)(add)
    import_examples = (
        "tombola datasets import folder-of-tables",
        "tombola datasets import --openml 40945",
        "tombola datasets import --suite 337",
        "tombola datasets import --bundled iris",
    )
    command(datasets, _PANEL, *import_examples, name="import")(import_)
    command(datasets, _PANEL)(ls)
    command(datasets, _PANEL, "tombola datasets show titanic")(show)
    command(datasets, _PANEL, "tombola datasets rm titanic")(rm)
    app.add_typer(datasets, name="datasets", rich_help_panel=_PANEL)


def add(  # noqa: PLR0913  # one parameter per option
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(help="CSV, TSV, Parquet or Arrow, also packed as .gz.", show_default=False),
    ],
    *,
    target: Target = None,
    name: Annotated[str | None, typer.Option(help="What it is called.", show_default="as the file")] = None,
    categorical: Categorical = None,
    delimiter: Delimiter = None,
    licence: Licence = None,
    source: Source = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and describe the table; store nothing.")
    ] = False,
) -> None:
    """Add a table, unless its content is there already."""
    said = {"name": name, "categorical": categorical, "licence": licence, "source": source}
    try:
        found = send(session, file, target, delimiter, **said, dry_run=dry_run)
    except Refused as refused:
        session.note(f"tombola: {refused}")
        raise typer.Exit(BAD_REQUEST) from None
    if session.json:
        session.model(found)
    else:
        _print(session, found)


def import_(  # noqa: PLR0913  # one parameter per option
    session: Session,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="Add every table of this folder.", show_default=False),
    ] = None,
    *,
    openml: Annotated[
        int | None, typer.Option(min=1, help="Fetch this data set of OpenML.", show_default=False)
    ] = None,
    suite: Annotated[
        int | None, typer.Option(min=1, help="Fetch this suite of OpenML.", show_default=False)
    ] = None,
    bundled: Annotated[
        Literal["breast_cancer", "digits", "iris", "wine"] | None,
        typer.Option(help="Take this set that comes with scikit-learn.", show_default=False),
    ] = None,
    target: Target = None,
    categorical: Categorical = None,
    delimiter: Delimiter = None,
    licence: Licence = None,
    source: Source = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the worker.")] = False,
) -> None:
    """Import the tables of a folder, or have a worker fetch data sets from elsewhere."""
    asked = [item for item in (folder, openml, suite, bundled) if item is not None]
    if len(asked) != 1:
        raise typer.BadParameter("give one of: a folder, --openml ID, --suite ID, --bundled NAME")
    if folder is not None:
        said = {"categorical": categorical, "licence": licence, "source": source}
        _import_folder(session, folder, target, delimiter, said)
        return
    if any(item is not None for item in (target, categorical, delimiter, licence, source)):
        raise typer.BadParameter("--target and what else is said of tables go with a folder")
    datasets = session.client.datasets
    if openml is not None:
        begun = datasets.import_openml(openml)
    elif suite is not None:
        begun = datasets.import_openml_suite(suite)
    else:
        begun = datasets.import_bundled(bundled)  # type: ignore[arg-type]  # the only one that is left
    if not no_wait:
        session.note(f"import {begun.id}: waiting for a worker; Ctrl-C leaves it to go on")
        begun = datasets.wait(begun)
    _print_import(session, begun)


def ls(session: Session) -> None:
    """List the data sets by name."""
    found = session.client.datasets.list()
    if session.json:
        session.models(found)
        return
    from tombola.cli.render import print_table  # noqa: PLC0415  # rich and the results load with it

    rows = [[*_row(item), item.licence or "-", item.source or "-"] for item in found]
    if not rows:
        session.note("no data sets yet: tombola datasets add FILE, or tombola datasets import --bundled iris")
        return
    print_table([*_COLUMNS, "<licence", "<source"], rows)


def show(session: Session, dataset: Key) -> None:
    """Show what is known of a data set, and what looks wrong with it."""
    found = session.client.datasets.get(dataset)
    if session.json:
        session.model(found)
    else:
        _print(session, found)


def rm(session: Session, dataset: Key) -> None:
    """Remove a data set."""
    session.client.datasets.delete(dataset)
    if session.json:
        session.value({"deleted": dataset})
    else:
        session.text(f"{dataset}: deleted")


class Refused(Exception):  # noqa: N818  # reads as what it is
    """A table that was not taken; the text is one line."""


def send(session: Session, file: Path, target: str | None, delimiter: str | None, **said: object) -> Dataset:
    """Bring a table; raises Refused where it is not taken."""
    from tombola.errors import Conflict, InvalidRequest, PayloadTooLarge  # noqa: PLC0415  # as in Session.client

    try:
        target = _last_column(file, delimiter) if target is None else target
        return session.client.datasets.create(file, target=target, delimiter=delimiter, **said)  # type: ignore[arg-type]  # as `add` has them
    except InvalidRequest as error:
        reason = "; ".join(part.detail for part in error.errors) or error.problem.detail
    except (Conflict, PayloadTooLarge) as error:
        reason = error.problem.detail
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
    except ValueError as error:
        reason = str(error)
    raise Refused(f"{file}: {' '.join(reason.split())}")


def _last_column(file: Path, delimiter: str | None) -> str:
    """Return the last name in the header of a file of text."""
    import csv  # noqa: PLC0415  # only for those who do not name the target
    import gzip  # noqa: PLC0415  # as above

    from tombola._client.calls import table_format  # noqa: PLC0415  # pydantic loads with it

    told, packed = table_format(file)
    if told not in ("csv", "tsv"):
        raise ValueError("give --target: the last column is taken of text only")
    divider = {"tab": "\t", "\\t": "\t", "semicolon": ";", "pipe": "|", "comma": ","}.get(
        delimiter or "", delimiter or ("\t" if told == "tsv" else ",")
    )
    with gzip.open(file, "rt", encoding="utf-8-sig") if packed else file.open(encoding="utf-8-sig") as opened:
        try:
            header = next((row for row in csv.reader(opened, delimiter=divider) if row), [])
        except (csv.Error, UnicodeDecodeError, EOFError, TypeError) as error:
            raise ValueError(f"give --target: the header cannot be read ({error})") from None
    if not header or not header[-1].strip():
        raise ValueError("give --target: the first row has no name in its last column")
    return header[-1].strip()


def _tables(folder: Path) -> list[Path]:
    from tombola._client.calls import table_format  # noqa: PLC0415  # pydantic loads with it

    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is no folder; `tombola datasets add` takes a file")
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and table_format(path)[0]]
    if not found:
        raise typer.BadParameter(f"{folder} has no tables: no file of CSV, TSV, Parquet or Arrow")
    return found


def _import_folder(
    session: Session, folder: Path, target: str | None, delimiter: str | None, said: Mapping[str, object]
) -> None:
    added, refused = [], []
    for path in _shown(_tables(folder)):
        try:
            added.append(send(session, path, target, delimiter, **said))
        except Refused as error:
            refused.append(str(error))
    if session.json:
        session.models(added)
    elif added:
        from tombola.cli.render import print_table  # noqa: PLC0415  # rich and the results load with it

        print_table(_COLUMNS, [_row(item) for item in added])
    for line in refused:
        session.note(f"tombola: {line}")
    if refused:
        raise typer.Exit(BAD_REQUEST)


def _shown(paths: list[Path]) -> Iterator[Path]:
    """Yield the files, with a bar of how far they are on a terminal."""
    import sys  # noqa: PLC0415  # as below

    from rich.console import Console  # noqa: PLC0415  # rich loads with it
    from rich.progress import track  # noqa: PLC0415  # as above

    console = Console(stderr=True)
    yield from track(
        paths, description="tables", console=console, transient=True, disable=not sys.stderr.isatty()
    )


_COLUMNS = ["<name", "<target", "<task", "rows", "columns", "categorical", "classes", "<id"]


def _row(item: Dataset) -> list[str]:
    counts = (item.rows, item.columns, item.categoricals, item.classes)
    return [item.name, item.target, item.task, *map(str, counts), item.id[:12]]


def _print(session: Session, item: Dataset) -> None:
    from tombola.cli._format import memory  # noqa: PLC0415  # results load with it

    facts = [
        ("id", item.id),
        ("name", item.name + ("" if item.created_at else " (not stored)")),
        ("target", f"{item.target}, {item.task}"),
        ("rows", str(item.rows)),
        ("columns", f"{item.columns}: {item.numbers} of numbers, {item.categoricals} of categories"),
        ("size", memory(item.size)),
    ]
    facts += [(name, text) for name in ("licence", "source") if (text := getattr(item, name))]
    if item.profile is not None:
        classes = item.profile.classes
        listed = ", ".join(f"{known.label} {known.rows} ({known.share:.1%})" for known in classes[:_NAMED])
        more = f" and {len(classes) - _NAMED} more" if len(classes) > _NAMED else ""
        facts.append(("classes", listed + more))
    for name, value in facts:
        session.text(f"{name:<8} {value}")
    for warning in item.profile.warnings if item.profile is not None else ():
        session.text(f"warning  {warning}")


def _print_import(session: Session, begun: DatasetImport) -> None:
    if session.json:
        session.model(begun)
    else:
        for item in begun.datasets:
            session.text(f"{item.origin}: {item.name or item.reason}")
        if not begun.status.finished:
            session.text(f"import {begun.id}: {begun.status}")
    if begun.status == "failed":
        session.note(f"tombola: the import failed: {begun.reason}")
        raise typer.Exit(FAILED)
