"""What the handle of an experiment on tables answers, and its async twin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from tombola._client import calls
from tombola._client.aio import take
from tombola._client.calls import Against, Compared, Confidence
from tombola._client.view import ExperimentView

if TYPE_CHECKING:
    from tombola._client.driver import AsyncDriver, Driver
    from tombola.results import (
        Comparison,
        Contender,
        DryRun,
        Importances,
        IntervalMethod,
        Score,
        WidthFrontier,
    )
    from tombola.spec import ModelKind


class TabularAnswers(ExperimentView):
    """Answers of experiments on tables."""

    _driver: Driver

    def comparison(
        self,
        *,
        baseline: Contender | None = None,
        level: float | None = None,
        trials: int | None = None,
        seconds: float | None = None,
    ) -> Comparison:
        """Return the models of an experiment on tables, compared; `.to_pandas()` of it gives a DataFrame.

        Args:
            baseline: The model that others are compared with; else the forest, or the first one. `mlp-sparse`
                and `mlp-dense` are the networks of one initialisation.
            level: Confidence level of all limits, from 0.5 to below 1; else 0.95.
            trials: Count so many hyperparameter settings of each model only.
            seconds: Count so many core-seconds of each model's search, on each table and size, only.

        Raises:
            Conflict: The experiment is on a parity.
            InvalidRequest: It has no such model.
        """
        asked = Compared(baseline, level, trials, seconds)
        return self._driver.send(calls.comparison(self.id, asked))

    def width_frontier(
        self,
        probability: float = 0.5,
        *,
        against: Against = "same",
        baseline: Contender | None = None,
        interval: IntervalMethod | None = None,
        level: float | None = None,
    ) -> WidthFrontier:
        """Return how much width and data networks need to be as good as the baseline on each table.

        Args:
            probability: With which networks must reach its accuracy, over splits and seeds.
            against: The baseline of the `same` training-set size, or that of the `full` one.
            baseline: As of `comparison`.
            interval: As of `success_table`, for the limits of the probability.
            level: Confidence level of them.

        Raises:
            Conflict: The experiment is on a parity.
            InvalidRequest: It has no such model.
        """
        asked = Confidence(interval, level)
        return self._driver.send(calls.width_frontier(self.id, probability, against, baseline, asked))

    def importance(self) -> Importances:
        """Return what the models read of each column, where the spec has `importance: true`.

        Raises:
            Conflict: The experiment does not measure that, or is on a parity.
        """
        return self._driver.send(calls.importance(self.id))

    def importance_plan(self) -> DryRun:
        """Return the small experiment that shows what the winners of this comparison read, with its quote.

        Submit its `spec`, and ask that experiment for its `importance()`.

        Raises:
            Conflict: No size has all its runs yet, or the experiment is on a parity.
        """
        return self._driver.send(calls.importance_plan(self.id))

    def scores(
        self,
        *,
        dataset: str | None = None,
        model: ModelKind | None = None,
        limit: int | None = None,
        page_size: int = 500,
    ) -> Iterator[Score]:
        """Yield what finished runs on tables scored, page by page as they are asked for.

        Args:
            dataset: Only runs on this data set: its name or id.
            model: Only runs of this model.
            limit: At most so many runs.
            page_size: Runs per request.
        """
        size = calls.page_size_for(limit, page_size)
        items = self._driver.pages(lambda cursor: calls.list_scores(self.id, dataset, model, size, cursor))
        return islice(items, limit)


class AsyncTabularAnswers(ExperimentView):
    """Answers of experiments on tables, for asyncio and trio."""

    _driver: AsyncDriver

    async def comparison(
        self,
        *,
        baseline: Contender | None = None,
        level: float | None = None,
        trials: int | None = None,
        seconds: float | None = None,
    ) -> Comparison:
        """Return the models of an experiment on tables, compared; `.to_pandas()` of it gives a DataFrame.

        Args:
            baseline: The model that others are compared with; else the forest, or the first one. `mlp-sparse`
                and `mlp-dense` are the networks of one initialisation.
            level: Confidence level of all limits, from 0.5 to below 1; else 0.95.
            trials: Count so many hyperparameter settings of each model only.
            seconds: Count so many core-seconds of each model's search, on each table and size, only.

        Raises:
            Conflict: The experiment is on a parity.
            InvalidRequest: It has no such model.
        """
        asked = Compared(baseline, level, trials, seconds)
        return await self._driver.send(calls.comparison(self.id, asked))

    async def width_frontier(
        self,
        probability: float = 0.5,
        *,
        against: Against = "same",
        baseline: Contender | None = None,
        interval: IntervalMethod | None = None,
        level: float | None = None,
    ) -> WidthFrontier:
        """Return how much width and data networks need to be as good as the baseline on each table.

        Args:
            probability: With which networks must reach its accuracy, over splits and seeds.
            against: The baseline of the `same` training-set size, or that of the `full` one.
            baseline: As of `comparison`.
            interval: As of `success_table`, for the limits of the probability.
            level: Confidence level of them.

        Raises:
            Conflict: The experiment is on a parity.
            InvalidRequest: It has no such model.
        """
        asked = Confidence(interval, level)
        return await self._driver.send(calls.width_frontier(self.id, probability, against, baseline, asked))

    async def importance(self) -> Importances:
        """Return what the models read of each column, where the spec has `importance: true`.

        Raises:
            Conflict: The experiment does not measure that, or is on a parity.
        """
        return await self._driver.send(calls.importance(self.id))

    async def importance_plan(self) -> DryRun:
        """Return the small experiment that shows what the winners of this comparison read, with its quote.

        Submit its `spec`, and ask that experiment for its `importance()`.

        Raises:
            Conflict: No size has all its runs yet, or the experiment is on a parity.
        """
        return await self._driver.send(calls.importance_plan(self.id))

    def scores(
        self,
        *,
        dataset: str | None = None,
        model: ModelKind | None = None,
        limit: int | None = None,
        page_size: int = 500,
    ) -> AsyncIterator[Score]:
        """Yield what finished runs on tables scored, page by page as they are asked for.

        Args:
            dataset: Only runs on this data set: its name or id.
            model: Only runs of this model.
            limit: At most so many runs.
            page_size: Runs per request.
        """
        size = calls.page_size_for(limit, page_size)
        items = self._driver.pages(lambda cursor: calls.list_scores(self.id, dataset, model, size, cursor))
        return take(items, limit)
