"""What a run costs, from its configuration alone: operations, bytes moved, memory, and seconds at a speed."""

from __future__ import annotations

from dataclasses import dataclass

from tombola.spec import Configuration, MlpModel, TrainingSettings

_FLOAT = 4
#: Sets of samples up to this size (one set of one run) are kept in memory, larger ones drawn when needed.
_KEPT_BYTES = 4 * 2**20
#: Most samples that an evaluation sends through the network at once.
_EVALUATED_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one lane of a kind of machine trains: a core on CPU, the whole device on a GPU.

    Attributes:
        step_seconds: Fixed part of one step of one run, in seconds; in a batch its share of the batch's.
        flops_per_second: Floating-point operations a second.
        bytes_per_second: Bytes to and from where the weights lie, a second.
    """

    step_seconds: float
    flops_per_second: float
    bytes_per_second: float

    def of_step(self, flops: float, moved: float) -> float:
        """Return the seconds of one step: its fixed part and the longer of its arithmetic and its traffic.

        As in the roofline model (Williams et al. 2009).

        Args:
            flops: Floating-point operations of the step.
            moved: Bytes that it moves.
        """
        return self.step_seconds + max(flops / self.flops_per_second, moved / self.bytes_per_second)


#: What is believed before anything was measured, by engine and kind of device. The CPU's figures without
#: the bytes were measured on two cores of a Xeon with AVX-512 (BENCHMARKS.md), those of networks on tables
#: ("mlp") with AVX2 and about 25 in a batch; a GPU's on an H200 with hundreds of runs in a batch. Bytes are
#: assumed, and so are operations of wide networks on tables on a GPU.
SPEEDS = {
    ("native", "cpu"): Speed(0.4e-6, 320e9, 40e9),
    ("torch", "cpu"): Speed(9e-6, 55e9, 20e9),
    ("torch", "cuda"): Speed(0.15e-6, 7e12, 3e12),
    ("triton", "cuda"): Speed(0.05e-6, 7e12, 3e12),
    ("mlp", "cpu"): Speed(25e-6, 55e9, 12e9),
    ("mlp", "cuda"): Speed(3e-6, 3e12, 3e12),
}
_UNKNOWN_SPEEDS = {"cpu": SPEEDS["native", "cpu"], "cuda": SPEEDS["torch", "cuda"]}
#: The unit of the costs that progress is counted in: seconds of one core at this speed, whoever trains.
REFERENCE = SPEEDS["native", "cpu"]


def assumed_speed(engine: str, device: str) -> Speed:
    """Return what is believed of an engine on a kind of device ("cpu", "cuda") before it was measured."""
    return SPEEDS.get((engine, device)) or _UNKNOWN_SPEEDS.get(device, REFERENCE)


def step_flops(configuration: Configuration) -> float:
    """Return floating-point operations of one SGD step (multiply and add are two).

    Forward: 2B(n+1)r for the hidden layer, 2Br for the output. Backward: the same for the gradients of
    each layer's weights and 2Br for the hidden gradient. Update: 4 operations per parameter, (n+2)r + 1.
    """
    width, inputs = configuration.width, configuration.target.n
    batch = _batch(configuration)
    return 4.0 * batch * (inputs + 1) * width + 6.0 * batch * width + 4.0 * _parameters(configuration)


def step_bytes(configuration: Configuration) -> float:
    """Return the bytes that one SGD step moves at least, in float32.

    Every parameter is read and written once, the batch's n + 1 inputs are read, and the hidden layer's
    activations are written and read.
    """
    width, inputs = configuration.width, configuration.target.n
    batch = _batch(configuration)
    return _FLOAT * (2.0 * _parameters(configuration) + batch * (inputs + 1) + 2.0 * batch * width)


def evaluation_flops(configuration: Configuration) -> float:
    """Return floating-point operations of one evaluation: a forward pass over test and training samples."""
    test = configuration.training.test_samples
    train = 0 if configuration.samples is None else min(configuration.samples, test)
    return 2.0 * (test + train) * (configuration.target.n + 2) * configuration.width


def run_flops(configuration: Configuration, steps: int) -> float:
    """Return floating-point operations of a run of `steps` steps, its evaluations included."""
    evaluations = evaluations_within(configuration.training, steps)
    return steps * step_flops(configuration) + evaluations * evaluation_flops(configuration)


def run_seconds(configuration: Configuration, steps: int, speed: Speed) -> float:
    """Return the seconds of one lane that a run of `steps` steps takes.

    An evaluation takes its arithmetic.
    """
    step = speed.of_step(step_flops(configuration), step_bytes(configuration))
    evaluations = evaluations_within(configuration.training, steps)
    return steps * step + evaluations * evaluation_flops(configuration) / speed.flops_per_second


def run_cost(configuration: Configuration) -> float:
    """Return what a run to the end of its step budget counts in progress: seconds at `REFERENCE`."""
    return run_seconds(configuration, configuration.training.max_steps, REFERENCE)


def run_bytes(configuration: Configuration) -> int:
    """Estimate the memory of one run in training, in bytes of float32.

    Parameters and their gradients; training and test samples of n inputs, a bias and a label, as far as they
    are kept; hidden activations and their gradients of a mini-batch, or activations of an evaluation.
    """
    row = (configuration.target.n + 2) * _FLOAT
    sets = (configuration.samples or 0, configuration.training.test_samples)
    kept = sum(count * row for count in sets if count * row <= _KEPT_BYTES)
    passing = max(2 * _batch(configuration), min(configuration.training.test_samples, _EVALUATED_AT_ONCE))
    return 2 * _parameters(configuration) * _FLOAT + kept + passing * (configuration.width * _FLOAT + row)


def evaluations_within(training: TrainingSettings | MlpModel, steps: int) -> int:
    """Return the number of evaluations in the first `steps` steps; the last step of the budget has one."""
    full = steps // training.eval_every
    return full + int(steps == training.max_steps and steps % training.eval_every != 0)


def _parameters(configuration: Configuration) -> int:
    return (configuration.target.n + 2) * configuration.width + 1


def _batch(configuration: Configuration) -> int:
    batch = configuration.training.batch_size
    if batch == "full":
        assert configuration.samples is not None  # noqa: S101  # the spec refuses full batches online
        return configuration.samples
    return batch
