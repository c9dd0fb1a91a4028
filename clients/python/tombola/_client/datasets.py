"""The data sets of a server, for both clients."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Literal

import anyio

from tombola._client import calls
from tombola._client.aio import take
from tombola.results import BundledImport, OpenmlImport, OpenmlSuiteImport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from tombola._client.driver import AsyncDriver, Driver
    from tombola.results import BundledName, ComparisonPlan, Dataset, DatasetImport

_FIRST_SECONDS, _MOST_SECONDS = 0.1, 2.0


class Poll:
    """Says how long to wait between two looks at an import: longer each time, and no longer than in all."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._until = None if timeout is None else time.monotonic() + timeout
        self._pause = _FIRST_SECONDS

    def pause(self, begun: DatasetImport) -> float:
        """Return the seconds to wait; raises TimeoutError where there are none left."""
        left = None if self._until is None else self._until - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError(
                f"import {begun.id} is still {begun.status} after {self._timeout:g} s; it goes on"
            )
        pause, self._pause = self._pause, min(1.5 * self._pause, _MOST_SECONDS)
        return pause if left is None else min(pause, left)


class Datasets:
    """The data sets of a server: `client.datasets`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def create(  # noqa: PLR0913  # what is said of a table
        self,
        file: calls.TableFile,
        *,
        target: str,
        name: str | None = None,
        categorical: Sequence[str] | None = None,
        delimiter: str | None = None,
        licence: str | None = None,
        source: str | None = None,
        format: calls.TableFormat | None = None,  # noqa: A002  # as pandas and pyarrow have it
        dry_run: bool = False,
    ) -> Dataset:
        """Bring a table, and return the data set: a new one, or the one that has this content already.

        Args:
            file: A path (CSV, TSV, Parquet, Arrow, each also packed as `.gz`), read while it is sent; or an
                open file, or bytes.
            target: Column with the classes.
            name: What it is called; by default as the file.
            categorical: Columns whose numbers are categories; text and truth values are in any case.
            delimiter: Of text: `,`, `;`, `|` or a tab.
            licence: Under which it may be used.
            source: Where it comes from.
            format: Of the file, where its name does not tell.
            dry_run: Check and describe the table only; the server stores nothing.

        Raises:
            InvalidRequest: The table cannot be learnt from; `errors` names the column or the row.
            Conflict: Another table has the name.
            PayloadTooLarge: The table is larger than the server takes.
            OSError: The file cannot be read.
            ValueError: Name or format is not told.
        """
        call = calls.create_dataset(
            file,
            target=target,
            name=name,
            categorical=categorical,
            delimiter=delimiter,
            licence=licence,
            source=source,
            file_format=format,
            dry_run=dry_run,
        )
        return self._driver.send(call)

    def list(self, *, limit: int | None = None, page_size: int = 100) -> Iterator[Dataset]:
        """Yield data sets by name, without their profiles, page by page as they are asked for.

        Args:
            limit: At most so many.
            page_size: Data sets per request.
        """
        size = calls.page_size_for(limit, page_size)
        items = self._driver.pages(lambda cursor: calls.list_datasets(size, cursor))
        yield from islice(items, limit)

    def get(self, dataset: str) -> Dataset:
        """Return one data set with its profile, by its id or its name. Raises NotFound."""
        return self._driver.send(calls.get_dataset(dataset))

    def data(self, dataset: str, format: Literal["parquet", "csv"] = "parquet") -> bytes:  # noqa: A002  # as above
        """Return the table of a data set as a file. Raises NotFound."""
        return self._driver.send(calls.dataset_data(dataset, format))

    def plan(
        self,
        dataset: str,
        *,
        minutes: float = 5.0,
        encoding: Literal["one-hot", "ordinal"] | None = None,
    ) -> ComparisonPlan:
        """Return a comparison of networks and forests on a data set that fits into so many minutes.

        Submit its `spec` with `client.experiments.create`; `tombola compare` does all of it.

        Args:
            dataset: Its id or its name.
            minutes: Of wall time, on the workers that are there.
            encoding: Of categorical columns: one-hot, or else ordinal.

        Raises:
            NotFound: There is no such data set.
            InvalidRequest: It has too few rows.
        """
        return self._driver.send(calls.comparison_plan(dataset, minutes, encoding))

    def delete(self, dataset: str) -> None:
        """Remove a data set. Raises NotFound."""
        self._driver.send(calls.delete_dataset(dataset))

    def import_openml(self, number: int) -> DatasetImport:
        """Have a worker import one data set of OpenML; `wait` follows it."""
        return self._driver.send(calls.import_dataset(OpenmlImport(source="openml", id=number)))

    def import_openml_suite(self, number: int) -> DatasetImport:
        """Have a worker import all data sets of a suite of OpenML; `wait` follows it."""
        return self._driver.send(calls.import_dataset(OpenmlSuiteImport(source="openml-suite", id=number)))

    def import_bundled(self, name: BundledName) -> DatasetImport:
        """Have a worker import a data set that comes with scikit-learn; `wait` follows it."""
        return self._driver.send(calls.import_dataset(BundledImport(source="sklearn", name=name)))

    def get_import(self, import_id: str) -> DatasetImport:
        """Return how far an import is. Raises NotFound."""
        return self._driver.send(calls.get_import(import_id))

    def wait(self, begun: DatasetImport, *, timeout: float | None = None) -> DatasetImport:
        """Return an import when it has ended; its `status` says how, and `datasets` what is there.

        Args:
            begun: The import.
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: It goes on.
        """
        poll = Poll(timeout)
        while not begun.status.finished:
            time.sleep(poll.pause(begun))
            begun = self.get_import(begun.id)
        return begun


class AsyncDatasets:
    """The data sets of a server: `client.datasets`."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def create(  # noqa: PLR0913  # what is said of a table
        self,
        file: calls.TableFile,
        *,
        target: str,
        name: str | None = None,
        categorical: Sequence[str] | None = None,
        delimiter: str | None = None,
        licence: str | None = None,
        source: str | None = None,
        format: calls.TableFormat | None = None,  # noqa: A002  # as pandas and pyarrow have it
        dry_run: bool = False,
    ) -> Dataset:
        """Bring a table, and return the data set: a new one, or the one that has this content already.

        Args:
            file: A path (CSV, TSV, Parquet, Arrow, each also packed as `.gz`), read while it is sent; or an
                open file, or bytes.
            target: Column with the classes.
            name: What it is called; by default as the file.
            categorical: Columns whose numbers are categories; text and truth values are in any case.
            delimiter: Of text: `,`, `;`, `|` or a tab.
            licence: Under which it may be used.
            source: Where it comes from.
            format: Of the file, where its name does not tell.
            dry_run: Check and describe the table only; the server stores nothing.

        Raises:
            InvalidRequest: The table cannot be learnt from; `errors` names the column or the row.
            Conflict: Another table has the name.
            PayloadTooLarge: The table is larger than the server takes.
            OSError: The file cannot be read.
            ValueError: Name or format is not told.
        """
        call = calls.create_dataset(
            file,
            target=target,
            name=name,
            categorical=categorical,
            delimiter=delimiter,
            licence=licence,
            source=source,
            file_format=format,
            dry_run=dry_run,
        )
        return await self._driver.send(call)

    async def list(self, *, limit: int | None = None, page_size: int = 100) -> AsyncIterator[Dataset]:
        """Yield data sets by name, without their profiles, page by page as they are asked for.

        Args:
            limit: At most so many.
            page_size: Data sets per request.
        """
        size = calls.page_size_for(limit, page_size)
        items = self._driver.pages(lambda cursor: calls.list_datasets(size, cursor))
        async for item in take(items, limit):
            yield item

    async def get(self, dataset: str) -> Dataset:
        """Return one data set with its profile, by its id or its name. Raises NotFound."""
        return await self._driver.send(calls.get_dataset(dataset))

    async def data(self, dataset: str, format: Literal["parquet", "csv"] = "parquet") -> bytes:  # noqa: A002  # as above
        """Return the table of a data set as a file. Raises NotFound."""
        return await self._driver.send(calls.dataset_data(dataset, format))

    async def plan(
        self,
        dataset: str,
        *,
        minutes: float = 5.0,
        encoding: Literal["one-hot", "ordinal"] | None = None,
    ) -> ComparisonPlan:
        """Return a comparison of networks and forests on a data set that fits into so many minutes.

        Submit its `spec` with `client.experiments.create`; `tombola compare` does all of it.

        Args:
            dataset: Its id or its name.
            minutes: Of wall time, on the workers that are there.
            encoding: Of categorical columns: one-hot, or else ordinal.

        Raises:
            NotFound: There is no such data set.
            InvalidRequest: It has too few rows.
        """
        return await self._driver.send(calls.comparison_plan(dataset, minutes, encoding))

    async def delete(self, dataset: str) -> None:
        """Remove a data set. Raises NotFound."""
        await self._driver.send(calls.delete_dataset(dataset))

    async def import_openml(self, number: int) -> DatasetImport:
        """Have a worker import one data set of OpenML; `wait` follows it."""
        return await self._driver.send(calls.import_dataset(OpenmlImport(source="openml", id=number)))

    async def import_openml_suite(self, number: int) -> DatasetImport:
        """Have a worker import all data sets of a suite of OpenML; `wait` follows it."""
        return await self._driver.send(
            calls.import_dataset(OpenmlSuiteImport(source="openml-suite", id=number))
        )

    async def import_bundled(self, name: BundledName) -> DatasetImport:
        """Have a worker import a data set that comes with scikit-learn; `wait` follows it."""
        return await self._driver.send(calls.import_dataset(BundledImport(source="sklearn", name=name)))

    async def get_import(self, import_id: str) -> DatasetImport:
        """Return how far an import is. Raises NotFound."""
        return await self._driver.send(calls.get_import(import_id))

    async def wait(self, begun: DatasetImport, *, timeout: float | None = None) -> DatasetImport:  # noqa: ASYNC109  # as the sync one has it
        """Return an import when it has ended; its `status` says how, and `datasets` what is there.

        Args:
            begun: The import.
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: It goes on.
        """
        poll = Poll(timeout)
        while not begun.status.finished:
            await anyio.sleep(poll.pause(begun))
            begun = await self.get_import(begun.id)
        return begun
