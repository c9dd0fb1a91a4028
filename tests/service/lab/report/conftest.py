"""Made-up runs as arrays, with the dependence between cells that shared random numbers bring."""

from __future__ import annotations

import numpy as np
import pytest

from service.lab.report.data import Outcomes
from tombola.spec import ExperimentSpec

WIDTHS, SAMPLES, SPARSITIES = [10, 100, 1000], [100, 300, 1000], [2, None]


def spec_of(widths=WIDTHS, samples=SAMPLES, sparsities=SPARSITIES, seeds=12):
    return ExperimentSpec.model_validate(
        {
            "name": "made up",
            "target": {"n": 30, "k": 3},
            "grid": {"width": list(widths), "samples": list(samples), "sparsity": list(sparsities)},
            "training": {"max_steps": 50_000},
            "seeds": {"count": seeds},
        }
    )


@pytest.fixture(scope="session")
def arranged():
    """Return `arranged(success, steps=…, test_error=…)`: outcomes of shape (W, M, S, seeds), all complete."""

    def make(success, steps=None, test_error=None, complete=None, spec=None):
        success = np.asarray(success, dtype=bool)
        if spec is None:
            spec = spec_of(seeds=success.shape[-1])
        shape = success.shape[:-1]
        if steps is None:
            steps = np.full(success.shape, 5_000.0)
        if test_error is None:
            test_error = np.where(success, 0.05, 0.5)
        complete = np.ones(shape, dtype=bool) if complete is None else complete
        counts = np.array([np.full(shape, success.shape[-1]), success.sum(axis=-1)]) * complete
        return Outcomes(
            spec,
            spec.grid.width,
            spec.grid.samples,
            spec.grid.sparsity,
            complete,
            success & complete[..., None],
            np.where(success & complete[..., None], steps, np.inf),
            test_error,
            counts,
            False,
            np.arange(complete.size).reshape(shape),
        )

    return make


@pytest.fixture(scope="session")
def drawn(arranged):
    """Return `drawn(luck, level, seeds)`: runs whose log-odds have a level, alike at equal seeds.

    `level` broadcasts to (W, M, S); `alike` is the share of the variance that all cells of a seed have in
    common.
    """

    def make(luck, level, seeds, alike=0.8, slowdown=0.0):
        shape = (len(WIDTHS), len(SAMPLES), len(SPARSITIES), seeds)
        common = luck.normal(size=(1, 1, 1, seeds))
        latent = np.sqrt(alike) * common + np.sqrt(1 - alike) * luck.normal(size=shape)
        merit = latent + np.broadcast_to(np.asarray(level, dtype=float), shape[:3])[..., None]
        slower = np.broadcast_to(np.asarray(slowdown, dtype=float), shape[:3])[..., None]
        steps = np.ceil(np.exp(9 - 0.5 * latent + slower) / 500) * 500
        error = np.where(merit > 0, 0.05, 0.45 + 0.03 * luck.random(shape))
        return arranged(merit > 0, steps, error)

    return make
