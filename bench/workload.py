"""What the benchmarks train: the sparse parity of the acceptance figures, at any width."""

from __future__ import annotations

from typing import Literal

from tombola.spec import Configuration, ParityTarget, TrainingSettings

K, SAMPLES = 3, 1000
#: Evaluations stand this far apart by default; measurements take whole intervals, so that each has its share.
INTERVAL = TrainingSettings().eval_every


def configuration(  # noqa: PLR0913  # a cell has so many coordinates
    width: int,
    *,
    n: int = 50,
    k: int = K,
    samples: int | None = SAMPLES,
    sparsity: int | None = 2,
    steps: int = INTERVAL,
    loss: Literal["hinge", "logistic"] = "hinge",
) -> Configuration:
    """Return a cell with the default settings: runs end at their success, or with their budget."""
    return Configuration(
        target=ParityTarget(n=n, k=k),
        width=width,
        samples=samples,
        sparsity=sparsity,
        training=TrainingSettings(max_steps=steps, loss=loss),
    )
