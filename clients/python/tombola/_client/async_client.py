"""The asynchronous client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from tombola._client import calls
from tombola._client.aio import take
from tombola._client.async_experiment import AsyncExperiment
from tombola._client.datasets import AsyncDatasets
from tombola._client.driver import AsyncDriver
from tombola._client.settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, Settings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import httpx

    from tombola.results import DryRun, ExperimentStatus, Preset, PresetQuote, Scale, Version, Worker
    from tombola.spec import AnySpec


class AsyncClient:
    """A connection to a Tombola server. An async context manager, for asyncio and trio.

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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._driver = AsyncDriver(Settings.of(url, api_key, timeout, max_retries), transport)
        self.experiments = AsyncExperiments(self._driver)
        self.datasets = AsyncDatasets(self._driver)
        self.presets = AsyncPresets(self._driver)
        self.workers = AsyncWorkers(self._driver)

    @property
    def url(self) -> str:
        """The server."""
        return self._driver.settings.url

    async def version(self) -> Version:
        """Return code and library versions of the server."""
        return await self._driver.send(calls.version())

    async def health(self) -> calls.Health:
        """Return whether the server is ready. A server that says no has answered; it is asked once.

        Raises:
            ConnectionFailed: There is no answer.
        """
        return await self._driver.send(calls.health(), max_retries=0)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._driver.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncClient({self.url!r})"


class AsyncExperiments:
    """The experiments of a server: `client.experiments`."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def create(
        self, spec: AnySpec | Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> AsyncExperiment:
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
        return AsyncExperiment(self._driver, await self._driver.send(calls.create(spec, idempotency_key)))

    async def quote(self, spec: AnySpec | Mapping[str, Any]) -> DryRun:
        """Return what an experiment would cost; the server stores nothing. Raises as `create`."""
        return await self._driver.send(calls.dry_run(spec))

    async def get(self, experiment_id: str) -> AsyncExperiment:
        """Return one experiment.

        Raises:
            NotFound: There is none with this id.
        """
        return AsyncExperiment(self._driver, await self._driver.send(calls.get_experiment(experiment_id)))

    async def list(
        self,
        *,
        status: ExperimentStatus | str | None = None,
        limit: int | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[AsyncExperiment]:
        """Yield experiments, newest first, page by page as they are asked for.

        Args:
            status: Only those in this state.
            limit: At most so many.
            page_size: Experiments per request.
        """
        size = calls.page_size_for(limit, page_size)
        items = self._driver.pages(lambda cursor: calls.list_experiments(status, size, cursor))
        async for item in take(items, limit):
            yield AsyncExperiment(self._driver, calls.Snapshot(item, None))

    async def cancel(self, experiment_id: str) -> AsyncExperiment:
        """End an experiment now; its finished runs stay. Raises Conflict where it has ended."""
        return await self._change(experiment_id, "cancel")

    async def pause(self, experiment_id: str) -> AsyncExperiment:
        """Begin no more shards of an experiment. Raises Conflict where it is neither queued nor running."""
        return await self._change(experiment_id, "pause")

    async def resume(self, experiment_id: str) -> AsyncExperiment:
        """Go on with a paused experiment. Raises Conflict where it is not paused."""
        return await self._change(experiment_id, "resume")

    async def retry(self, experiment_id: str) -> AsyncExperiment:
        """Train again what failed or was cancelled. Raises Conflict where nothing did."""
        return await self._change(experiment_id, "retry")

    async def delete(self, experiment_id: str) -> None:
        """Remove an experiment. Raises Conflict where it has not ended."""
        await self._driver.send(calls.delete_experiment(experiment_id))

    async def _change(self, experiment_id: str, action: calls.Action) -> AsyncExperiment:
        return AsyncExperiment(self._driver, await self._driver.send(calls.change(experiment_id, action)))


class AsyncPresets:
    """The ready experiments of a server: `client.presets`."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def list(self) -> list[Preset]:
        """Return all presets, each at its smallest scale."""
        return await self._driver.send(calls.list_presets())

    async def get(self, name: str, *, scale: Scale | str | None = None) -> Preset:
        """Return one preset; each of its `specs` can be submitted.

        Args:
            name: Its name.
            scale: How much of it: one of its `scales`, the smallest where left out.

        Raises:
            NotFound: There is none of this name.
            InvalidRequest: It has no such scale.
        """
        return await self._driver.send(calls.get_preset(name, scale))

    async def quote(self, name: str, *, scale: Scale | str | None = None) -> PresetQuote:
        """Return what a preset would cost, each experiment and all; stores nothing. Raises as `get`."""
        return await self._driver.send(calls.preset_quote(name, scale))

    async def submit(
        self,
        name: str,
        *,
        scale: Scale | str | None = None,
        rename: str | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[AsyncExperiment, ...]:
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
        preset = await self.get(name, scale=scale)
        asked = calls.submissions(preset, rename, idempotency_key)
        return tuple(
            [AsyncExperiment(self._driver, await self._driver.send(calls.create(*each))) for each in asked]
        )


class AsyncWorkers:
    """The fleet of a server: `client.workers`."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def list(self) -> list[Worker]:
        """Return all workers that the server remembers, those that are gone included."""
        return await self._driver.send(calls.list_workers())
