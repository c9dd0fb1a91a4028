"""Which networks can train together, and what they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tombola.spec import MlpModel, Optimizer, TabularConfiguration

_FLOAT = 4
#: Activations of one layer in a batch, in numbers. On CPU larger batches fall out of the cache and gain
#: nothing; a GPU has the more to do at once.
_BATCH_ACTIVATIONS = {"cpu": 2**19, "cuda": 2**28}
_MOST_RUNS = 512
#: Copies of the parameters: themselves, those of the best evaluation, gradients; Adam's two moments and a
#: product of its own.
_COPIES = {"sgd": 3, "adamw": 6}
#: Numbers for each output of an evaluated row: float32, its copy when chunks are joined, and one run's as
#: float64 in five steps on the way to its scores.
_OUTPUTS_OF_RUNS, _OUTPUTS_OF_ONE = 2, 10


@dataclass(frozen=True)
class Group:
    """What runs must share to train in one batch; data sets, splits, sizes, seeds and rates may differ."""

    features: int
    classes: int
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
            configuration.target.features,
            configuration.target.classes,
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
        return self.classes if self.classes > 2 else 1  # noqa: PLR2004  # two classes

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer of weights."""
        between = [(self.width, self.width)] * (self.depth - 2)
        return [(self.features, self.width), *between, (self.width, self.outputs)]

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

    def bytes_per_run(self, validation_rows: int) -> int:
        """Estimate the memory of one more run in a batch, in bytes."""
        # Activations and slopes of a step, and of an evaluation; freed ones are not always taken again.
        rows = 2 * (self.batch_size + self.chunk)
        passing = rows * (self.width * (self.depth - 1) + self.features)
        judged = _OUTPUTS_OF_RUNS * validation_rows * self.outputs
        return _FLOAT * (_COPIES[self.optimizer] * self.parameters + passing + judged)

    def bytes_of(self, runs: int, validation_rows: int, test_rows: int) -> int:
        """Estimate what so many runs take, judged on at most so many rows, in bytes."""
        judged = _FLOAT * _OUTPUTS_OF_ONE * max(validation_rows, test_rows) * self.classes
        return runs * self.bytes_per_run(validation_rows) + judged

    def runs_within(self, memory: int, validation_rows: int, test_rows: int) -> int:
        """Return how many runs a batch within so many bytes has, 0 where one alone is too large."""
        left = memory - self.bytes_of(0, validation_rows, test_rows)
        return max(0, left // self.bytes_per_run(validation_rows))

    def most_runs(self, device: str) -> int:
        """Return the most runs of a batch that gain from each other, on "cpu" or "cuda"."""
        return max(1, min(_MOST_RUNS, _BATCH_ACTIVATIONS[device] // (self.batch_size * self.width)))
