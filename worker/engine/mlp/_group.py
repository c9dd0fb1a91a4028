"""Which networks can train together, and what they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tombola.spec import MlpModel, Optimizer, TabularConfiguration, TabularTask

_FLOAT = 4
#: Activations of one layer in a batch, in numbers: larger batches fall out of the cache and gain nothing.
_BATCH_ACTIVATIONS = 2**19
_MOST_RUNS = 512
#: Copies of the parameters: themselves, those of the best evaluation, gradients; Adam's two moments.
_COPIES = {"sgd": 3, "adamw": 5}


@dataclass(frozen=True)
class Group:
    """What runs must share to train in one batch; seeds, sparsity, rates and patience may differ."""

    task: TabularTask
    samples: int
    width: int
    depth: int
    optimizer: Optimizer
    batch_size: int
    eval_every: int
    max_steps: int

    @classmethod
    def of(cls, configuration: TabularConfiguration, model: MlpModel) -> Self:
        """Return the group of a configuration whose model is a network."""
        return cls(
            configuration.target,
            configuration.samples,
            model.width,
            model.depth,
            model.optimizer,
            model.batch_size,
            model.eval_every,
            model.max_steps,
        )

    @property
    def outputs(self) -> int:
        """Number of outputs: one logit for two classes, else one for each class."""
        return self.task.classes if self.task.classes > 2 else 1  # noqa: PLR2004  # two classes

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer of weights."""
        between = [(self.width, self.width)] * (self.depth - 2)
        return [(self.task.features, self.width), *between, (self.width, self.outputs)]

    @property
    def parameters(self) -> int:
        """Number of parameters of a run."""
        return sum((inputs + 1) * outputs for inputs, outputs in self.layers)

    @property
    def chunk(self) -> int:
        """Most rows of one pass in an evaluation: by the width alone, as it decides how sums are rounded."""
        return min(1024, max(256, 2**19 // self.width))

    @property
    def run_cost(self) -> float:
        """Relative cost of a run to its step budget, for progress."""
        return self.max_steps * (6.0 * self.batch_size * self.parameters + 1e5)

    @property
    def bytes_per_run(self) -> int:
        """Estimate the memory of one run in a batch, in bytes of float32."""
        rows = max(self.batch_size * 2, self.chunk)
        passing = rows * (self.width * (self.depth - 1) + self.task.features)
        return _FLOAT * (_COPIES[self.optimizer] * self.parameters + passing)

    @property
    def most_runs(self) -> int:
        """Most runs of a batch that gain from each other."""
        return max(1, min(_MOST_RUNS, _BATCH_ACTIVATIONS // (self.batch_size * self.width)))
