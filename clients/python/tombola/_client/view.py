"""What both experiment handles show: the last answer about the experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tombola import results
    from tombola._client.calls import Snapshot
    from tombola.spec import AnySpec


class ExperimentView:
    """The fields of an experiment, as of the last answer; `refresh()` asks again."""

    _snapshot: Snapshot

    @property
    def data(self) -> results.Experiment:
        """The whole last answer, as a `tombola.results.Experiment`."""
        return self._snapshot.experiment

    @property
    def id(self) -> str:
        """Identifier that the server gave."""
        return self.data.id

    @property
    def name(self) -> str:
        """Name that the spec gave."""
        return self.data.name

    @property
    def status(self) -> results.ExperimentStatus:
        """Queued, running, paused, succeeded, failed or cancelled."""
        return self.data.status

    @property
    def reason(self) -> str | None:
        """Why it failed, where it did."""
        return self.data.reason

    @property
    def progress(self) -> results.Progress:
        """Runs done, successes, fraction and seconds left."""
        return self.data.progress

    @property
    def quote(self) -> results.Quote:
        """What it was to cost, when it was submitted."""
        return self.data.quote

    @property
    def actual(self) -> results.Actual | None:
        """What it has taken, to compare with the quote; None until a run of it was trained."""
        return self.data.actual

    @property
    def adaptive(self) -> results.Adaptive | None:
        """How it spends its runs and what that saves; None where seeds are a fixed number."""
        return self.data.adaptive

    @property
    def spec(self) -> AnySpec:
        """What was asked for."""
        return self.data.spec

    @property
    def created_at(self) -> datetime:
        """When it was submitted."""
        return self.data.created_at

    @property
    def started_at(self) -> datetime | None:
        """When its first shard began, or None."""
        return self.data.started_at

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, or None."""
        return self.data.finished_at

    def __repr__(self) -> str:
        done, total = self.progress.runs_done, self.progress.runs_total
        return f"<{type(self).__name__} {self.id} {self.name!r}: {self.status}, {done}/{total} runs>"
