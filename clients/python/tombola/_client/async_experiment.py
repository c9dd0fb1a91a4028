"""The handle of an experiment, for asyncio and trio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import anyio

from tombola._client import calls
from tombola._client.aio import take
from tombola._client.calls import (
    ANY,
    CellFilter,
    Confidence,
    PictureFormat,
    PictureName,
    ReportFormat,
    Samples,
    Snapshot,
    Sparsity,
)
from tombola._client.downloads import transfer
from tombola._client.events import Event, follow_async
from tombola._client.progress import display
from tombola._client.tabular import AsyncTabularAnswers
from tombola._client.waiting import Waiter
from tombola.errors import TombolaError

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path
    from typing import Self

    from tombola._client.calls import Export, ExportFormat
    from tombola._client.driver import AsyncDriver
    from tombola.results import (
        Curve,
        Frontier,
        IntervalMethod,
        Luck,
        Objective,
        Outcome,
        Report,
        Run,
        SuccessTable,
        Thresholds,
        Times,
    )


class AsyncExperiment(AsyncTabularAnswers):
    """An experiment on the server: its last known state, and everything one can do with it.

    Every method raises ConnectionFailed where the server cannot be reached, and NotFound where it does not
    know the experiment (any more).
    """

    def __init__(self, driver: AsyncDriver, snapshot: Snapshot) -> None:
        self._driver = driver
        self._snapshot = snapshot

    async def refresh(self) -> Self:
        """Ask for the present state."""
        self._snapshot = await self._driver.send(calls.poll_experiment(self._snapshot))
        return self

    async def wait(self, *, progress: bool = False, timeout: float | None = None) -> Self:  # noqa: ASYNC109  # also ends with WaitTimeout, as its twin
        """Return when the experiment succeeded; a paused one is waited for, a restarting server too.

        Args:
            progress: Show a progress bar, in a terminal or a notebook.
            timeout: Seconds to wait at most.

        Raises:
            ExperimentFailed: It failed.
            ExperimentCancelled: It was cancelled.
            WaitTimeout: The time is over; the experiment goes on.
        """
        waiter = Waiter(self._snapshot, timeout)
        with display(enabled=progress) as screen:
            pause: float | None = 0.0
            while pause is not None:
                await anyio.sleep(pause)
                try:
                    snapshot = await self._driver.send(calls.poll_experiment(self._snapshot), max_retries=0)
                except TombolaError as error:
                    screen.away(error)
                    pause = waiter.failed(error)
                else:
                    self._snapshot = snapshot
                    screen.update(snapshot.experiment)
                    pause = waiter.answered(snapshot)
        return self

    async def success_table(
        self, *, interval: IntervalMethod | None = None, level: float | None = None
    ) -> SuccessTable:
        """Return one row per cell; `.to_pandas()` of it gives a DataFrame.

        Args:
            interval: How intervals are made: `wilson` (else), `clopper-pearson`, `jeffreys` or
                `confidence-sequence`; the last one in any case where the runs decided how many there are.
            level: Confidence level of intervals, from 0.5 to below 1; else 0.95.
        """
        return await self._driver.send(calls.success_table(self.id, Confidence(interval, level)))

    async def success_table_csv(
        self, *, interval: IntervalMethod | None = None, level: float | None = None
    ) -> str:
        """Return the success table as CSV text; arguments as those of `success_table`."""
        return await self._driver.send(calls.success_table_csv(self.id, Confidence(interval, level)))

    async def frontier(
        self,
        probability: float | None = None,
        *,
        objectives: Sequence[Objective] | None = None,
        interval: IntervalMethod | None = None,
        level: float | None = None,
    ) -> Frontier:
        """Return the cells that reach the probability and that no other such cell beats in all objectives.

        Args:
            probability: Success probability to reach; else 0.9, or any where it is an objective itself.
            objectives: Some of width, samples, steps, flops, cost, probability (maximised) and sparsity (only
                cells with the same one are compared); else width and samples.
            interval: As of `success_table`, for the marks of `cells`.
            level: Confidence level of all limits.
        """
        asked = Confidence(interval, level)
        return await self._driver.send(calls.frontier(self.id, probability, objectives, asked))

    async def thresholds(
        self,
        probability: float = 0.9,
        *,
        interval: IntervalMethod | None = None,
        level: float | None = None,
    ) -> Thresholds:
        """Return the smallest number of samples for each width, and the smallest width for each of samples.

        Args:
            probability: Success probability to reach.
            interval: As of `success_table`, for the limits.
            level: Confidence level of all limits.
        """
        return await self._driver.send(calls.thresholds(self.id, probability, Confidence(interval, level)))

    async def times(
        self,
        quantiles: Sequence[float] | None = None,
        *,
        interval: IntervalMethod | None = None,
        level: float | None = None,
    ) -> Times:
        """Return how long the runs of every cell take: steps to success, FLOPs and seconds.

        Args:
            quantiles: Shares of a cell's runs whose success is timed, above 0 and below 1; else quartiles.
            interval: As of `success_table`, for the limits of the steps to success.
            level: Confidence level of all limits.
        """
        return await self._driver.send(calls.times(self.id, quantiles, Confidence(interval, level)))

    async def luck(  # one keyword per parameter of the API
        self,
        probability: float = 0.9,
        *,
        restarts: Sequence[int] | None = None,
        width: int | None = None,
        interval: IntervalMethod | None = None,
        level: float | None = None,
    ) -> Luck:
        """Return what a first success takes in every cell, and what one wide network is worth in restarts.

        Args:
            probability: What the best of `restarts_to` restarts is to succeed with, above 0 and below 1.
            restarts: Numbers of restarts of which the best is asked for; else 1, 2, 4, 8, 16 and 32.
            width: The width that restarts of narrower ones are compared with; else the widest.
            interval: As of `success_table`.
            level: Confidence level of all limits.

        Raises:
            InvalidRequest: The grid has no such width.
        """
        asked = Confidence(interval, level)
        return await self._driver.send(calls.luck(self.id, probability, restarts, width, asked))

    async def report(self, probability: float = 0.5) -> Report:
        """Return what the experiment says about each finding of the paper, with theory beside it.

        Args:
            probability: Success probability at which thresholds of samples are compared, above 0 and below 1.
        """
        return await self._driver.send(calls.report(self.id, probability))

    async def report_text(self, format: ReportFormat = "markdown", probability: float = 0.5) -> str:  # noqa: A002  # as of pictures
        """Return the report as text: `markdown`, or `html` as one file with its pictures.

        Args:
            format: `markdown` or `html`.
            probability: As of `report`.
        """
        return await self._driver.send(calls.report_text(self.id, format, probability))

    def runs(  # noqa: PLR0913  # one keyword per filter of the API
        self,
        *,
        width: int | None = None,
        samples: Samples = ANY,
        sparsity: Sparsity = ANY,
        outcome: Outcome | str | None = None,
        limit: int | None = None,
        page_size: int = 500,
    ) -> AsyncIterator[Run]:
        """Yield the finished runs, page by page as they are asked for.

        Args:
            width: Only cells of this width.
            samples: Only cells of this training-set size; None is online.
            sparsity: Only cells of this sparsity; None is dense.
            outcome: Only runs that ended so.
            limit: At most so many runs.
            page_size: Runs per request.
        """
        cells = CellFilter(width, samples, sparsity)
        size = calls.page_size_for(limit, page_size)
        items = self._driver.pages(lambda cursor: calls.list_runs(self.id, cells, outcome, size, cursor))
        return take(items, limit)

    async def curve(
        self, seed: int, *, width: int | None = None, samples: Samples = ANY, sparsity: Sparsity = ANY
    ) -> Curve:
        """Return the errors of one run at its evaluations; the coordinates may be left out in a grid of one.

        Raises:
            NotFound: No such run has finished.
            ApiError: The coordinates fit several cells.
        """
        return await self._driver.send(calls.curve(self.id, seed, CellFilter(width, samples, sparsity)))

    async def export(  # noqa: PLR0913  # one keyword per filter of the API
        self,
        what: Export,
        path: str | PathLike[str],
        *,
        format: ExportFormat | None = None,  # noqa: A002  # as matplotlib's savefig has it
        width: int | None = None,
        samples: Samples = ANY,
        sparsity: Sparsity = ANY,
        outcome: Outcome | str | None = None,
        interval: IntervalMethod | None = None,
        level: float | None = None,
        progress: bool = False,
    ) -> Path:
        """Write the success table, all runs, or all curves into a file, as `Experiment.export` does.

        Args:
            what: `success-table`, `runs`, or `curves`: a row for each evaluation of every run; of an
                experiment on tables `comparison` or `scores`.
            path: The file; one that is there already is replaced.
            format: `csv`, `parquet` or `arrow`; else as the suffix says.
            width: Of runs and curves, only cells of this width.
            samples: As of `runs`.
            sparsity: As of `runs`.
            outcome: Of runs and curves, only runs that ended so.
            interval: Of a success table, as of `success_table`.
            level: Of a success table, confidence level of intervals.
            progress: Show the bytes that came, on a terminal or in a notebook.

        Raises:
            ValueError: No such format or suffix, or an argument of another export.
            OSError: The file cannot be written.
        """
        target = calls.export_file(path)
        call = calls.export(
            self.id,
            what,
            format or calls.export_format(target),
            CellFilter(width, samples, sparsity),
            outcome,
            Confidence(interval, level),
        )
        with transfer(target.name, enabled=progress) as told:
            await self._driver.download(call, target, told)
        return target

    async def picture(  # noqa: PLR0913  # one keyword per parameter of the API
        self,
        name: PictureName,
        format: PictureFormat = "svg",  # noqa: A002  # as matplotlib's savefig has it
        *,
        probability: float | None = None,
        width: int | None = None,
        samples: Samples = ANY,
        sparsity: Sparsity = ANY,
        seeds: Sequence[int] | None = None,
        interval: IntervalMethod | None = None,
        level: float | None = None,
    ) -> bytes:
        """Return a picture as a file. `tombola.plots` draws the same here, from what the other calls return.

        Args:
            name: `heatmap` (success probability over width and samples), `frontier` (with the limits of the
                fewest samples that suffice), `steps` (success probability and median steps to success
                against samples), `curves` (errors of a cell's runs at their evaluations), `luck` (width
                against restarts at equal FLOPs), `theory` (success against width beside parallel search) or
                `resources` (fewest samples for each width beside what theory asks for). Of experiments on
                tables `accuracy` (against training rows), `gain` (sparse minus dense against width) or
                `ranks` (mean ranks over data sets).
            format: `svg` or `png`.
            probability: Of `frontier` and `resources`: success probability to reach; else 0.9 and 0.5.
            width: Of `curves`: the cell's width. Of `luck`: the one that restarts are compared with; else
                the widest.
            samples: Of `curves`: the cell's training-set size; None is online.
            sparsity: Of `curves`: the cell's sparsity; None is dense. What a grid has one of may be left out.
            seeds: Of `curves`: those of the runs, 12 at most; else the first 6.
            interval: Of `frontier`, `steps` and `luck`: as of `success_table`.
            level: The same, and of pictures on tables: confidence level of all limits.

        Raises:
            InvalidRequest: The picture does not depend on a parameter, or needs one that is missing.
            NotFound: No run is finished whose curve could be drawn.
            Conflict: There is more than the picture holds.
        """
        cells, asked = CellFilter(width, samples, sparsity), Confidence(interval, level)
        return await self._driver.send(calls.picture(self.id, name, format, cells, asked, probability, seeds))

    async def heatmap(self, format: PictureFormat = "svg") -> bytes:  # noqa: A002  # as matplotlib's savefig has it
        """Return the picture of success probability over width and samples."""
        return await self.picture("heatmap", format)

    async def frontier_picture(
        self,
        format: PictureFormat = "svg",  # noqa: A002  # as matplotlib's savefig has it
        *,
        probability: float | None = None,
        interval: IntervalMethod | None = None,
        level: float | None = None,
    ) -> bytes:
        """Return the picture of the frontier; arguments as those of `picture`."""
        return await self.picture("frontier", format, probability=probability, interval=interval, level=level)

    def events(self, *, last_event_id: int | None = None) -> AsyncIterator[Event]:
        """Yield what happens, until the experiment ends; a broken connection is taken up where it broke.

        Args:
            last_event_id: Begin after this event.
        """
        return follow_async(self._driver, calls.events_path(self.id), last_event_id)

    async def cancel(self) -> Self:
        """End the experiment now; its finished runs stay.

        Raises:
            Conflict: It has ended already.
        """
        return await self._change("cancel")

    async def pause(self) -> Self:
        """Begin no more shards until `resume()`.

        Raises:
            Conflict: It is neither queued nor running.
        """
        return await self._change("pause")

    async def resume(self) -> Self:
        """Go on after `pause()`.

        Raises:
            Conflict: It is not paused.
        """
        return await self._change("resume")

    async def retry(self) -> Self:
        """Train again what failed or was cancelled; finished runs are kept.

        Raises:
            Conflict: It neither failed nor was cancelled.
        """
        return await self._change("retry")

    async def delete(self) -> None:
        """Remove the experiment from the server.

        Raises:
            Conflict: It has not ended.
        """
        await self._driver.send(calls.delete_experiment(self.id))

    async def _change(self, action: calls.Action) -> Self:
        self._snapshot = await self._driver.send(calls.change(self.id, action))
        return self
