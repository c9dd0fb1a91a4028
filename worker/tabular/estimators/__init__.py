"""Models of libraries on tables: forests, boosted trees, linear models, TabM."""

from worker.tabular.estimators.engine import EstimatorEngine

__all__ = ["EstimatorEngine"]
