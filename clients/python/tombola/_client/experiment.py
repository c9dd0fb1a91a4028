"""The handle of an experiment."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from tombola._client import calls
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
from tombola._client.events import Event, follow
from tombola._client.progress import display
from tombola._client.tabular import TabularAnswers
from tombola._client.waiting import Waiter
from tombola.errors import TombolaError

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path
    from typing import Self

    from tombola._client.calls import Export, ExportFormat
    from tombola._client.driver import Driver
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


class Experiment(TabularAnswers):
    """An experiment on the server: its last known state, and everything one can do with it.

    Every method raises ConnectionFailed where the server cannot be reached, and NotFound where it does not
    know the experiment (any more).
    """

    def __init__(self, driver: Driver, snapshot: Snapshot) -> None:
        self._driver = driver
        self._snapshot = snapshot

    def refresh(self) -> Self:
        """Ask for the present state."""
        self._snapshot = self._driver.send(calls.poll_experiment(self._snapshot))
        return self

    def wait(self, *, progress: bool = False, timeout: float | None = None) -> Self:
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
                time.sleep(pause)
                try:
                    snapshot = self._driver.send(calls.poll_experiment(self._snapshot), max_retries=0)
                except TombolaError as error:
                    screen.away(error)
                    pause = waiter.failed(error)
                else:
                    self._snapshot = snapshot
                    screen.update(snapshot.experiment)
                    pause = waiter.answered(snapshot)
        return self

    def success_table(
        self, *, interval: IntervalMethod | None = None, level: float | None = None
    ) -> SuccessTable:
        """Return one row per cell; `.to_pandas()` of it gives a DataFrame.

        Args:
            interval: How intervals are made: `wilson` (else), `clopper-pearson`, `jeffreys` or
                `confidence-sequence`; the last one in any case where the runs decided how many there are.
            level: Confidence level of intervals, from 0.5 to below 1; else 0.95.
        """
        return self._driver.send(calls.success_table(self.id, Confidence(interval, level)))

    def success_table_csv(self, *, interval: IntervalMethod | None = None, level: float | None = None) -> str:
        """Return the success table as CSV text; arguments as those of `success_table`."""
        return self._driver.send(calls.success_table_csv(self.id, Confidence(interval, level)))

    def frontier(
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
        return self._driver.send(calls.frontier(self.id, probability, objectives, asked))

    def thresholds(
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
        return self._driver.send(calls.thresholds(self.id, probability, Confidence(interval, level)))

    def times(
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
        return self._driver.send(calls.times(self.id, quantiles, Confidence(interval, level)))

    def luck(  # one keyword per parameter of the API
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
        return self._driver.send(calls.luck(self.id, probability, restarts, width, asked))

    def report(self, probability: float = 0.5) -> Report:
        """Return what the experiment says about each finding of the paper, with theory beside it.

        Args:
            probability: Success probability at which thresholds of samples are compared, above 0 and below 1.
        """
        return self._driver.send(calls.report(self.id, probability))

    def report_text(self, format: ReportFormat = "markdown", probability: float = 0.5) -> str:  # noqa: A002  # as of pictures
        """Return the report as text: `markdown`, or `html` as one file with its pictures.

        Args:
            format: `markdown` or `html`.
            probability: As of `report`.
        """
        return self._driver.send(calls.report_text(self.id, format, probability))

    def runs(  # noqa: PLR0913  # one keyword per filter of the API
        self,
        *,
        width: int | None = None,
        samples: Samples = ANY,
        sparsity: Sparsity = ANY,
        outcome: Outcome | str | None = None,
        limit: int | None = None,
        page_size: int = 500,
    ) -> Iterator[Run]:
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
        return islice(items, limit)

    def curve(
        self, seed: int, *, width: int | None = None, samples: Samples = ANY, sparsity: Sparsity = ANY
    ) -> Curve:
        """Return the errors of one run at its evaluations; the coordinates may be left out in a grid of one.

        Raises:
            NotFound: No such run has finished.
            ApiError: The coordinates fit several cells.
        """
        return self._driver.send(calls.curve(self.id, seed, CellFilter(width, samples, sparsity)))

    def export(  # noqa: PLR0913  # one keyword per filter of the API
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
        """Write the success table, all runs, or all curves into a file, which is there when it is whole.

        The server sends it as it reads: a million runs take little memory here and there. A transfer that
        breaks is begun again, as often as other calls are sent again.

        Args:
            what: `success-table`, `runs`, or `curves`: a row for each evaluation of every run; of an
                experiment on tables `comparison` or `scores`.
            path: The file; one that is there already is replaced.
            format: `csv`, `parquet` or `arrow` (a stream of its IPC format); else as the suffix says: .csv,
                .parquet, .arrow or .arrows.
            width: Of runs and curves, only cells of this width.
            samples: As of `runs`.
            sparsity: As of `runs`.
            outcome: Of runs and curves, only runs that ended so.
            interval: Of a success table, as of `success_table`.
            level: Of a success table, confidence level of intervals.
            progress: Show the bytes that came, on a terminal or in a notebook.

        Returns:
            The file's path.

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
            self._driver.download(call, target, told)
        return target

    def picture(  # noqa: PLR0913  # one keyword per parameter of the API
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
        return self._driver.send(calls.picture(self.id, name, format, cells, asked, probability, seeds))

    def heatmap(self, format: PictureFormat = "svg") -> bytes:  # noqa: A002  # as matplotlib's savefig has it
        """Return the picture of success probability over width and samples."""
        return self.picture("heatmap", format)

    def frontier_picture(
        self,
        format: PictureFormat = "svg",  # noqa: A002  # as matplotlib's savefig has it
        *,
        probability: float | None = None,
        interval: IntervalMethod | None = None,
        level: float | None = None,
    ) -> bytes:
        """Return the picture of the frontier; arguments as those of `picture`."""
        return self.picture("frontier", format, probability=probability, interval=interval, level=level)

    def events(self, *, last_event_id: int | None = None) -> Iterator[Event]:
        """Yield what happens, until the experiment ends; a broken connection is taken up where it broke.

        Args:
            last_event_id: Begin after this event.
        """
        return follow(self._driver, calls.events_path(self.id), last_event_id)

    def cancel(self) -> Self:
        """End the experiment now; its finished runs stay.

        Raises:
            Conflict: It has ended already.
        """
        return self._change("cancel")

    def pause(self) -> Self:
        """Begin no more shards until `resume()`.

        Raises:
            Conflict: It is neither queued nor running.
        """
        return self._change("pause")

    def resume(self) -> Self:
        """Go on after `pause()`.

        Raises:
            Conflict: It is not paused.
        """
        return self._change("resume")

    def retry(self) -> Self:
        """Train again what failed or was cancelled; finished runs are kept.

        Raises:
            Conflict: It neither failed nor was cancelled.
        """
        return self._change("retry")

    def delete(self) -> None:
        """Remove the experiment from the server.

        Raises:
            Conflict: It has not ended.
        """
        self._driver.send(calls.delete_experiment(self.id))

    def _change(self, action: calls.Action) -> Self:
        self._snapshot = self._driver.send(calls.change(self.id, action))
        return self
