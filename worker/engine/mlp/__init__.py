"""Networks on tables: many runs on one split train in the same matrix products, on CPU or CUDA."""

from worker.engine.mlp.engine import MlpEngine

__all__ = ["MlpEngine"]
