"""What every command has: a session with the server, and the global options after its name too."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Concatenate, ParamSpec, get_type_hints

import typer

from tombola.cli._session import Session

P = ParamSpec("P")
_PANEL = "Global options"
_Url = Annotated[
    str | None, typer.Option(help="Server to talk to.", rich_help_panel=_PANEL, show_default=False)
]
_ApiKey = Annotated[str | None, typer.Option(help="API key.", rich_help_panel=_PANEL, show_default=False)]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.", rich_help_panel=_PANEL)]


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The global options that stood before the command's name."""

    url: str | None
    api_key: str | None
    json: bool


def examples(*lines: str) -> str:
    """Return an epilog with one example a line."""
    return "\n\n".join(["Examples:", *lines])


def command(
    app: typer.Typer, panel: str, *example_lines: str, name: str | None = None
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Register a function as a command; its first argument is the session, the others come from the user."""

    def register(
        function: Callable[Concatenate[Session, P], None],
    ) -> Callable[Concatenate[Session, P], None]:
        def run(ctx: typer.Context, url: str | None, api_key: str | None, json: bool, **kwargs: Any) -> None:  # noqa: ANN401, FBT001  # typer passes what the signature below says
            before: GlobalOptions = ctx.obj
            with Session(
                url=before.url if url is None else url,
                api_key=before.api_key if api_key is None else api_key,
                json=json or before.json,
            ) as session:
                function(session, **kwargs)  # type: ignore[call-arg]  # typer checks them against the signature

        hints = get_type_hints(function, localns={"Session": Session}, include_extras=True)
        _, *own = inspect.signature(function).parameters.values()
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter("ctx", keyword, annotation=typer.Context),
            *(parameter.replace(kind=keyword, annotation=hints[parameter.name]) for parameter in own),
            inspect.Parameter("url", keyword, annotation=_Url, default=None),
            inspect.Parameter("api_key", keyword, annotation=_ApiKey, default=None),
            inspect.Parameter("json", keyword, annotation=_Json, default=False),
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions take attributes
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__ = function.__doc__
        epilog = examples(*example_lines) if example_lines else None
        app.command(name or function.__name__, rich_help_panel=panel, epilog=epilog)(run)
        return function

    return register
