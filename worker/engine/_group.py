"""Which runs can train together, and what they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from worker.engine._samples import row_blocks, row_width

if TYPE_CHECKING:
    from tombola.spec import Configuration, ParityTarget, TrainingSettings

#: Samples up to this size (of one stream of one run) are generated once and kept, larger ones on the fly.
RESIDENT_BYTES = 4 * 2**20
#: Generator scratch and other memory that does not grow with the runs of a batch.
FIXED_BYTES = 64 * 2**20
#: On CUDA more is drawn at once, and once more inside a CUDA graph.
CUDA_FIXED_BYTES = 512 * 2**20
_FLOAT = 4
#: Scratch of the generator per block: ten int64 vectors.
_BLOCK_BYTES = 4 * 10 * 8


@dataclass(frozen=True)
class Group:
    """What runs must share to train in one batch; their seeds and sparsity, and mostly their m, may differ.

    Attributes:
        source: Where training samples come from: fresh at each step, generated again whenever a mini-batch
            takes them, or kept in memory.
        samples: Training-set size, where it must be the same (full-batch gradient descent).
    """

    target: ParityTarget
    width: int
    training: TrainingSettings
    source: Literal["online", "streamed", "resident"]
    samples: int | None

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        """Return the group of a configuration."""
        samples, training = configuration.samples, configuration.training
        source: Literal["online", "streamed", "resident"]
        if samples is None:
            source = "online"
        else:
            fits = samples * row_width(configuration.target.n) * _FLOAT <= RESIDENT_BYTES
            source = "resident" if fits else "streamed"
        full = training.batch_size == "full"
        return cls(configuration.target, configuration.width, training, source, samples if full else None)

    @property
    def batch_size(self) -> int:
        """Samples per step; for full-batch gradient descent the training set."""
        size = self.training.batch_size if self.samples is None else self.samples
        assert size != "full"  # noqa: S101  # then samples is given
        return size

    @property
    def chunk(self) -> int:
        """Most samples that go through the network at once.

        Rounding depends on the shapes of the products, so this may not depend on how many runs a batch has.
        """
        return min(1024, max(256, 2**19 // self.width))

    @property
    def test_resident(self) -> bool:
        """Whether test samples are kept in memory."""
        return self.training.test_samples * row_width(self.target.n) * _FLOAT <= RESIDENT_BYTES

    @property
    def step_cost(self) -> float:
        """Relative cost of one step of one run, for progress.

        A step costs about what 48 neurons cost even with no neurons (measured at n = 50, batch size 32).
        """
        return self.batch_size * (self.target.n + 2) * (self.width + 48)

    @property
    def run_cost(self) -> float:
        """Relative cost of a run to its step budget."""
        return self.step_cost * self.training.max_steps

    @property
    def step_blocks(self) -> int:
        """Blocks of random words that one step of one run draws."""
        indices = 0 if self.source == "online" or self.samples is not None else -(-self.batch_size // 4)
        inputs = 0 if self.source == "resident" else self.batch_size * row_blocks(self.target.n)
        return indices + inputs

    def bytes_per_run(self, samples: int | None) -> int:
        """Estimate the memory of one run in a batch, scratch included, in bytes."""
        row = row_width(self.target.n) * _FLOAT
        weights = self.width * (self.target.n + 2) * _FLOAT
        taken = min(self.batch_size, self.chunk)
        tested = min(self.training.test_samples, self.chunk)
        kept = self.training.test_samples * row if self.test_resident else 0
        if self.source == "resident" and samples is not None:
            kept += samples * row
        hidden = (2 * taken + tested) * self.width * _FLOAT
        rows = (taken + tested) * (row + row_blocks(self.target.n) * _BLOCK_BYTES)
        # Weights and kept samples stand twice while runs leave or join a batch.
        return 2 * weights + 2 * kept + hidden + rows
