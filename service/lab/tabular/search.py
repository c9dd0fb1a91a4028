"""Candidates of libraries' models."""

from __future__ import annotations

from tombola.spec import EstimatorModel, EstimatorModels


def candidates(models: EstimatorModels) -> list[EstimatorModel]:
    """Return the candidates, the library's default first."""
    return [
        EstimatorModel(kind=models.kind, hyperparameters={"max_depth": trial} if trial else {})
        for trial in range(models.trials)
    ]
