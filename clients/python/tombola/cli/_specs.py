"""Specs from files or standard input."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from tombola.spec import AnySpec

Scale = Annotated[
    Literal["laptop", "gpu-hour", "full"] | None,
    typer.Option(
        help="How much of the preset, where it has scales; laptop where left out.", show_default=False
    ),
]


def check_preset(name: str | None) -> str | None:
    """Return the name of a preset, or raise typer.BadParameter where it is none; for options."""
    if name is not None:
        from tombola._client.calls import get_preset  # noqa: PLC0415  # pydantic loads with it

        try:
            get_preset(name, None)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return name


def check_source(source: str | None, preset: str | None, scale: str | None) -> None:
    """Raise typer.BadParameter where there is not exactly one source, or a scale of a file."""
    if (source is None) == (preset is None):
        raise typer.BadParameter(
            "give either a spec (a JSON or YAML file, - for standard input) or --preset NAME"
        )
    if preset is None and scale is not None:
        raise typer.BadParameter("--scale goes with --preset")


def read_spec(source: str, name: str | None) -> AnySpec:
    """Return the spec in a file.

    Args:
        source: Path of a JSON or YAML file; `-` is standard input.
        name: Name the experiment so, whatever the file says.

    Raises:
        typer.BadParameter: It cannot be read.
        InvalidSpec: It can be read, and is wrong.
    """
    from tombola._client.calls import as_spec  # noqa: PLC0415  # pydantic loads with it

    document = _load(source)
    if name is not None and isinstance(document, dict):
        document["name"] = name
    return as_spec(document)


def _load(source: str) -> Any:  # noqa: ANN401  # whatever the file holds; as_spec judges it
    where = "standard input" if source == "-" else source
    try:
        raw = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"cannot read {where}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{where} is not UTF-8 text: {error}") from None
    if source.lower().endswith(".json") or text.lstrip().startswith("{"):
        return _json(text, where)
    return _yaml(text, where)


def _json(text: str, where: str) -> Any:  # noqa: ANN401  # as above
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{where} is not JSON: {error}") from None


def _yaml(text: str, where: str) -> Any:  # noqa: ANN401  # as above
    import yaml  # noqa: PLC0415  # JSON users need not load it

    class Loader(yaml.SafeLoader):
        """YAML 1.2's numbers: PyYAML reads 1e-3 as text. Dates stay text: a spec has none."""

        yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's own class attribute
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    number = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    try:
        return yaml.load(text, Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{where} is not YAML: {error}") from None
