"""What is known of a run in training, and how it goes on from a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from worker.engine.errors import CheckpointError
from worker.engine.seam import Checkpoint, Curve, Run

if TYPE_CHECKING:
    from tombola.spec import Configuration

#: What an engine is asked to train.
Origin = Run | Checkpoint


def run_of(origin: Origin) -> Run:
    """Return the run of an origin."""
    return origin.run if isinstance(origin, Checkpoint) else origin


def steps_of(origin: Origin) -> int:
    """Return the SGD steps taken before the training."""
    return origin.steps if isinstance(origin, Checkpoint) else 0


@dataclass(eq=False)
class Progress:
    """How far a run in training is.

    Attributes:
        origin: What it was when its training began here; memory that runs out sends it back there.
    """

    origin: Origin
    run: Run
    steps: int
    wall_seconds: float
    curve: Curve

    @classmethod
    def of(cls, origin: Origin) -> Self:
        """Return the progress of a run whose training begins or goes on here."""
        if isinstance(origin, Run):
            return cls(origin, origin, 0, 0.0, Curve())
        known = origin.curve
        curve = Curve([*known.steps], [*known.train_error], [*known.test_error])  # the caller's does not grow
        return cls(origin, origin.run, origin.steps, origin.wall_seconds, curve)

    @property
    def steps_here(self) -> int:
        """SGD steps taken since its training began here."""
        return self.steps - steps_of(self.origin)

    @property
    def next_evaluation(self) -> int:
        """The step of the next evaluation, which may be this one: a stop can come between both."""
        return _next_evaluation(self.run.configuration, self.curve)


def _next_evaluation(configuration: Configuration, curve: Curve) -> int:
    settings = configuration.training
    return min((curve.steps[-1] if curve.steps else 0) + settings.eval_every, settings.max_steps)


def parameter_bytes(configuration: Configuration) -> int:
    """Return the size of a checkpoint's parameters."""
    return 4 * (configuration.width * (configuration.target.n + 2) + 1)


def check(checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint that cannot be one of its run.

    Raises:
        CheckpointError: Its size, its steps or its curve are not as the configuration wants them.
    """
    configuration, curve = checkpoint.run.configuration, checkpoint.curve
    where = f"the checkpoint of seed {checkpoint.run.seed} at step {checkpoint.steps}"
    expected = parameter_bytes(configuration)
    if len(checkpoint.parameters) != expected:
        raise CheckpointError(
            f"{where} holds {len(checkpoint.parameters)} bytes of parameters, but width "
            f"{configuration.width} and n {configuration.target.n} make {expected}"
        )
    every = configuration.training.eval_every
    if not len(curve.steps) == len(curve.test_error) == len(curve.train_error):
        raise CheckpointError(f"{where} has a curve whose lists differ in length")
    if any(after - before != every for before, after in pairwise([0, *curve.steps])):
        raise CheckpointError(f"{where} was evaluated at steps {curve.steps}, not at multiples of {every}")
    last, due = (curve.steps or [0])[-1], _next_evaluation(configuration, curve)
    if not (last <= checkpoint.steps <= due and last < configuration.training.max_steps):
        raise CheckpointError(
            f"{where} was evaluated last at step {last}: it stands between that and the next evaluation, at "
            f"step {due} of {configuration.training.max_steps}"
        )
