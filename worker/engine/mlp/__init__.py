"""Networks on tables: many runs, each on its own split, train in the same matrix products, on CPU or CUDA."""

from worker.engine.mlp.engine import MlpEngine

__all__ = ["MlpEngine"]
