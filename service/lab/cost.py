"""What a run costs, from its configuration alone."""

from __future__ import annotations

from tombola.spec import Configuration, TrainingSettings

#: Cost model of one run inside a batch: a fixed part of a step, and a rate for its arithmetic. Both are
#: what the torch engine reached on two CPU cores (BENCHMARKS.md); they size shards and quotes, no result.
STEP_SECONDS = 4.5e-6
FLOPS_PER_SECOND = 110e9


def step_flops(configuration: Configuration) -> float:
    """Return floating-point operations of one SGD step (multiply and add are two).

    Forward: 2B(n+1)r for the hidden layer, 2Br for the output. Backward: the same for the gradients of
    each layer's weights and 2Br for the hidden gradient. Update: 4 operations per parameter, (n+2)r + 1.
    """
    width, inputs = configuration.width, configuration.target.n
    batch = _batch(configuration)
    parameters = (inputs + 2) * width + 1
    return 4.0 * batch * (inputs + 1) * width + 6.0 * batch * width + 4.0 * parameters


def evaluation_flops(configuration: Configuration) -> float:
    """Return floating-point operations of one evaluation: a forward pass over test and training samples."""
    test = configuration.training.test_samples
    train = 0 if configuration.samples is None else min(configuration.samples, test)
    return 2.0 * (test + train) * (configuration.target.n + 2) * configuration.width


def run_flops(configuration: Configuration, steps: int) -> float:
    """Return floating-point operations of a run of `steps` steps, its evaluations included."""
    evaluations = evaluations_within(configuration.training, steps)
    return steps * step_flops(configuration) + evaluations * evaluation_flops(configuration)


def run_seconds(configuration: Configuration) -> float:
    """Return the most worker-seconds a run takes by the cost model: to the end of its step budget."""
    steps = configuration.training.max_steps
    return steps * STEP_SECONDS + run_flops(configuration, steps) / FLOPS_PER_SECOND


def evaluations_within(training: TrainingSettings, steps: int) -> int:
    """Return the number of evaluations in the first `steps` steps; the last step of the budget has one."""
    full = steps // training.eval_every
    return full + int(steps == training.max_steps and steps % training.eval_every != 0)


def _batch(configuration: Configuration) -> int:
    batch = configuration.training.batch_size
    if batch == "full":
        assert configuration.samples is not None  # noqa: S101  # the spec refuses full batches online
        return configuration.samples
    return batch
