"""The application: global options, commands, exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer
import typer.main

from tombola._client.about import DEFAULT_URL
from tombola.cli import (
    _compare,
    _comparisons,
    _datasets,
    _experiments,
    _exports,
    _pictures,
    _report,
    _results,
    _server,
    _submit,
)
from tombola.cli._command import GlobalOptions, examples
from tombola.cli._errors import INTERRUPTED, explain

_HELP = """Ask how much width, data, time and luck learning takes.

Submit an experiment (a grid of cells, many seeded runs per cell), let the workers train it, and read its
success probabilities and its Pareto frontier. An experiment is named by its id, or `latest`.
"""
_EXAMPLES = examples(
    "tombola submit spec.json --wait",
    "tombola table latest",
    "tombola frontier latest --probability 0.9",
    "tombola runs latest --outcome success --json",
)


def build_app() -> typer.Typer:
    """Return the application with all commands, those of other installed distributions included."""
    app = typer.Typer(
        name="tombola", help=_HELP, epilog=_EXAMPLES, no_args_is_help=True, pretty_exceptions_enable=False
    )
    app.callback()(_globals)
    for module in (
        _submit,
        _experiments,
        _results,
        _comparisons,
        _exports,
        _pictures,
        _report,
        _compare,
        _datasets,
        _server,
    ):
        module.register(app)
    _add_plugins(app)
    return app


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Returns:
        0 for success, 1 for a failed experiment, connection or server, 2 for a bad request, 130 for Ctrl-C.
    """
    try:
        result = typer.main.get_command(build_app())(args, prog_name="tombola", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):  # Ctrl-C at a question, or while modules load
        return INTERRUPTED
    except Exception as error:
        explanation = explain(error)
        if explanation is None:
            raise
        if explanation.message:
            typer.echo(f"tombola: {explanation.message}", err=True)
        return explanation.exit_code
    return result if isinstance(result, int) else 0


def _globals(  # one parameter per option
    ctx: typer.Context,
    *,
    url: Annotated[
        str | None,
        typer.Option(envvar="TOMBOLA_URL", show_default=DEFAULT_URL, help="Server to talk to."),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="TOMBOLA_API_KEY", show_default="none", help="API key, where the server wants one."
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print JSON on standard output, for scripts; messages go to standard error."
        ),
    ] = False,
    version: Annotated[  # noqa: ARG001  # its callback does the work
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda asked: _print_versions(asked=asked),
            help="Print versions.",
        ),
    ] = False,
) -> None:
    ctx.obj = GlobalOptions(url=url, api_key=api_key, json=json)


def _print_versions(*, asked: bool) -> None:
    if not asked:
        return
    import platform  # noqa: PLC0415  # only `--version` pays for these
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # as above

    typer.echo(f"tombola {version('tombola')}")
    with suppress(PackageNotFoundError):  # a client-only installation
        typer.echo(f"tombola-server {version('tombola-server')}")
    typer.echo(f"python {platform.python_version()}")
    for name in ("httpx", "pydantic"):
        typer.echo(f"{name} {version(name)}")
    raise typer.Exit


def _add_plugins(app: typer.Typer) -> None:
    from importlib.metadata import entry_points  # noqa: PLC0415  # tests replace it

    for entry_point in entry_points(group="tombola.commands"):
        try:
            entry_point.load()(app)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the other commands work
            reason = " ".join(str(error).split())
            what = f"the commands of {entry_point.value} are missing ({type(error).__name__}: {reason})"
            typer.echo(f"tombola: warning: {what}", err=True)
