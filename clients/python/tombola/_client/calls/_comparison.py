"""Calls that read what an experiment on tables found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tombola._client.calls._base import Call, as_model, experiment_path, page_params
from tombola._client.calls._results import Confidence
from tombola.results import Comparison, Contender, DryRun, Importances, Page, Score, WidthFrontier
from tombola.spec import ModelKind

Against = Literal["same", "full"]


@dataclass(frozen=True, slots=True)
class Compared:
    """How models are compared; None leaves it to the server (the forest, 0.95, all candidates)."""

    baseline: Contender | None = None
    level: float | None = None
    trials: int | None = None
    seconds: float | None = None

    def params(self) -> dict[str, str]:
        """Return the query parameters."""
        params = {} if self.baseline is None else {"baseline": str(self.baseline)}
        if self.level is not None:
            params["level"] = repr(float(self.level))
        if self.trials is not None:
            params["trials"] = str(int(self.trials))
        if self.seconds is not None:
            params["seconds"] = repr(float(self.seconds))
        return params


def comparison(experiment_id: str, asked: Compared) -> Call[Comparison]:
    """Ask for the comparison of models."""
    path = f"{experiment_path(experiment_id)}/comparison"
    return Call("GET", path, as_model(Comparison), params=asked.params())


def width_frontier(
    experiment_id: str,
    probability: float,
    against: Against,
    baseline: Contender | None,
    confidence: Confidence,
) -> Call[WidthFrontier]:
    """Ask how much width and data networks need."""
    params = {"probability": repr(float(probability)), "against": against} | confidence.params()
    if baseline is not None:
        params["baseline"] = baseline
    path = f"{experiment_path(experiment_id)}/comparison/frontier"
    return Call("GET", path, as_model(WidthFrontier), params=params)


def importance(experiment_id: str) -> Call[Importances]:
    """Ask what the models read."""
    return Call("GET", f"{experiment_path(experiment_id)}/importance", as_model(Importances))


def importance_plan(experiment_id: str) -> Call[DryRun]:
    """Ask for the experiment that shows what the models of a comparison read."""
    return Call("GET", f"{experiment_path(experiment_id)}/importance/plan", as_model(DryRun))


def list_scores(
    experiment_id: str, dataset: str | None, model: ModelKind | None, page_size: int, cursor: str | None
) -> Call[Page[Score]]:
    """Ask for one page of scores."""
    params = page_params(page_size, cursor)
    params |= {name: value for name, value in (("dataset", dataset), ("model", model)) if value is not None}
    return Call("GET", f"{experiment_path(experiment_id)}/scores", as_model(Page[Score]), params=params)
