"""The synchronous client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from tombola._client import calls
from tombola._client.datasets import Datasets
from tombola._client.driver import Driver
from tombola._client.experiment import Experiment
from tombola._client.settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, Settings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import httpx

    from tombola.results import DryRun, ExperimentStatus, Preset, PresetQuote, Scale, Version, Worker
    from tombola.spec import AnySpec


class Client:
    """A connection to a Tombola server. Usable from several threads, and as a context manager.

    Args:
        url: The server; else TOMBOLA_URL, else http://127.0.0.1:8000.
        api_key: The key; else TOMBOLA_API_KEY, else none is sent. Empty text sends none.
        timeout: Seconds for each connect, read and write, or an `httpx.Timeout`; None waits for ever.
        max_retries: Times that a request which did not get through is sent again, where that is safe.
        transport: An httpx transport to send through, instead of the network.

    Raises:
        ValueError: The URL, the key or the number of retries cannot be used.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float | httpx.Timeout | None = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_RETRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._driver = Driver(Settings.of(url, api_key, timeout, max_retries), transport)
        self.experiments = Experiments(self._driver)
        self.datasets = Datasets(self._driver)
        self.presets = Presets(self._driver)
        self.workers = Workers(self._driver)

    @property
    def url(self) -> str:
        """The server."""
        return self._driver.settings.url

    def version(self) -> Version:
        """Return code and library versions of the server."""
        return self._driver.send(calls.version())

    def health(self) -> calls.Health:
        """Return whether the server is ready. A server that says no has answered; it is asked once.

        Raises:
            ConnectionFailed: There is no answer.
        """
        return self._driver.send(calls.health(), max_retries=0)

    def close(self) -> None:
        """Close the connections."""
        self._driver.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"


class Experiments:
    """The experiments of a server: `client.experiments`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def create(self, spec: AnySpec | Mapping[str, Any], *, idempotency_key: str | None = None) -> Experiment:
        """Submit an experiment.

        Args:
            spec: An `ExperimentSpec` or a `TabularSpec`, or the dict that would make one.
            idempotency_key: Submitting again with the same key gives the same experiment; else a fresh key
                makes the retries of this one call safe.

        Raises:
            InvalidSpec: The spec is wrong; nothing was sent.
            InvalidRequest: The server found it wrong.
            Conflict: The key went with another spec before.
            ValueError: The key cannot stand in a header.
        """
        return Experiment(self._driver, self._driver.send(calls.create(spec, idempotency_key)))

    def quote(self, spec: AnySpec | Mapping[str, Any]) -> DryRun:
        """Return what an experiment would cost; the server stores nothing. Raises as `create`."""
        return self._driver.send(calls.dry_run(spec))

    def get(self, experiment_id: str) -> Experiment:
        """Return one experiment.

        Raises:
            NotFound: There is none with this id.
        """
        return Experiment(self._driver, self._driver.send(calls.get_experiment(experiment_id)))

    def list(
        self,
        *,
        status: ExperimentStatus | str | None = None,
        limit: int | None = None,
        page_size: int = 100,
    ) -> Iterator[Experiment]:
        """Yield experiments, newest first, page by page as they are asked for.

        Args:
            status: Only those in this state.
            limit: At most so many.
            page_size: Experiments per request.
        """
        size = calls.page_size_for(limit, page_size)
        items = self._driver.pages(lambda cursor: calls.list_experiments(status, size, cursor))
        for item in islice(items, limit):
            yield Experiment(self._driver, calls.Snapshot(item, None))

    def cancel(self, experiment_id: str) -> Experiment:
        """End an experiment now; its finished runs stay. Raises Conflict where it has ended."""
        return self._change(experiment_id, "cancel")

    def pause(self, experiment_id: str) -> Experiment:
        """Begin no more shards of an experiment. Raises Conflict where it is neither queued nor running."""
        return self._change(experiment_id, "pause")

    def resume(self, experiment_id: str) -> Experiment:
        """Go on with a paused experiment. Raises Conflict where it is not paused."""
        return self._change(experiment_id, "resume")

    def retry(self, experiment_id: str) -> Experiment:
        """Train again what failed or was cancelled. Raises Conflict where nothing did."""
        return self._change(experiment_id, "retry")

    def delete(self, experiment_id: str) -> None:
        """Remove an experiment. Raises Conflict where it has not ended."""
        self._driver.send(calls.delete_experiment(experiment_id))

    def _change(self, experiment_id: str, action: calls.Action) -> Experiment:
        return Experiment(self._driver, self._driver.send(calls.change(experiment_id, action)))


class Presets:
    """The ready experiments of a server: `client.presets`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self) -> list[Preset]:
        """Return all presets, each at its smallest scale."""
        return self._driver.send(calls.list_presets())

    def get(self, name: str, *, scale: Scale | str | None = None) -> Preset:
        """Return one preset; each of its `specs` can be submitted.

        Args:
            name: Its name.
            scale: How much of it: one of its `scales`, the smallest where left out.

        Raises:
            NotFound: There is none of this name.
            InvalidRequest: It has no such scale.
        """
        return self._driver.send(calls.get_preset(name, scale))

    def quote(self, name: str, *, scale: Scale | str | None = None) -> PresetQuote:
        """Return what a preset would cost, each experiment and all; stores nothing. Raises as `get`."""
        return self._driver.send(calls.preset_quote(name, scale))

    def submit(
        self,
        name: str,
        *,
        scale: Scale | str | None = None,
        rename: str | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[Experiment, ...]:
        """Submit all experiments of a preset, in the order of its `specs`.

        Args:
            name: Its name.
            scale: As in `get`.
            rename: Another name for its experiment; of several, each keeps what sets it apart.
            idempotency_key: Submitting again with the same key gives the same experiments: so goes on what
                was interrupted. Else a fresh key makes the retries of this one call safe.

        Raises:
            NotFound: There is none of this name.
            InvalidRequest: It has no such scale.
            InvalidSpec: `rename` cannot be a name; nothing was submitted.
            Conflict: The key went with something else before.
            ValueError: The key cannot stand in a header.
        """
        preset = self.get(name, scale=scale)
        asked = calls.submissions(preset, rename, idempotency_key)
        return tuple(Experiment(self._driver, self._driver.send(calls.create(*each))) for each in asked)


class Workers:
    """The fleet of a server: `client.workers`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self) -> list[Worker]:
        """Return all workers that the server remembers, those that are gone included."""
        return self._driver.send(calls.list_workers())
