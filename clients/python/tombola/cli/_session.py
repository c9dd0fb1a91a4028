"""One command's connection to the server, and where its output goes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tombola._client.client import Client
    from tombola._client.experiment import Experiment

#: Fewer than the library's: a person waits for the answer.
_RETRIES = 2


class Session:
    """Answers go to standard output, messages to standard error.

    Attributes:
        json: Whether answers are JSON.
    """

    def __init__(self, *, url: str | None, api_key: str | None, json: bool) -> None:
        self._url = url
        self._api_key = api_key
        self._client: Client | None = None
        self.json = json

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def client(self) -> Client:
        """The client, made when it is first needed."""
        if self._client is None:
            from tombola._client.client import Client  # noqa: PLC0415  # httpx and pydantic load with it

            try:
                self._client = Client(self._url, self._api_key, max_retries=_RETRIES)
            except ValueError as error:
                raise typer.BadParameter(str(error)) from None
        return self._client

    @property
    def named(self) -> bool:
        """Whether a server was named, by option or environment."""
        return self._url is not None

    def connect(self, url: str, api_key: str) -> None:
        """Talk to this server from now on."""
        if self._client is not None:
            self._client.close()
        self._client, self._url, self._api_key = None, url, api_key

    def experiment(self, experiment_id: str) -> Experiment:
        """Return the experiment of that id, or the latest one."""
        if experiment_id == "latest":
            for experiment in self.client.experiments.list(limit=1):
                return experiment
            raise typer.BadParameter("there is no latest experiment: none was submitted yet")
        try:
            return self.client.experiments.get(experiment_id)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    def note(self, text: str) -> None:
        """Say something to the person, not to the script."""
        typer.echo(text, err=True)

    def text(self, text: str) -> None:
        """Print text as it is."""
        typer.echo(text)

    def model(self, model: BaseModel) -> None:
        """Print a model as JSON."""
        typer.echo(model.model_dump_json(indent=2))

    def value(self, value: Any) -> None:  # noqa: ANN401  # any JSON value
        """Print a value as JSON."""
        typer.echo(json.dumps(value, indent=2))

    def wrote(self, file: Path, size: int) -> None:
        """Say that there is a file, of so many bytes."""
        if self.json:
            self.value({"file": str(file), "bytes": size})
        else:
            self.note(f"wrote {file}")

    def models(self, models: Iterable[BaseModel]) -> None:
        """Print models as a JSON array, each as soon as it is there."""
        separator = "["
        for model in models:
            typer.echo(separator + "\n" + model.model_dump_json(), nl=False)
            separator = ","
        typer.echo("[]" if separator == "[" else "\n]")
