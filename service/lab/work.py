"""What planning, quotes and accounts ask of a configuration, whatever it is on.

Runs on parities and on tables differ in what they cost, who trains them and which of them go together. Those
who count, plan and quote ask here and need not know which it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from service.lab import cost, learning
from service.lab.cost import SPEEDS, Speed
from service.lab.tabular import cost as tabular
from service.store.models import ShardKind
from tombola.spec import AnyConfiguration, Configuration, MlpModel

#: What a shard holds: runs on parities; networks on tables; models of libraries on tables, which need no GPU.
Kind = ShardKind
#: Where its message goes: estimators, and imports of data sets, have a queue of their own.
Queue = Literal["main", "cpu"]

QUEUES: Final[Mapping[Queue, Sequence[Kind]]] = {"main": ("parity", "networks"), "cpu": ("estimators",)}
KINDS: Final[tuple[Kind, ...]] = tuple(kind for kinds in QUEUES.values() for kind in kinds)


def queue_of(kind: Kind) -> Queue:
    """Return the queue that shards of a kind go to."""
    return next(queue for queue, kinds in QUEUES.items() if kind in kinds)


def kind_of(configuration: AnyConfiguration) -> Kind:
    """Return the kind of shard that trains a configuration."""
    if isinstance(configuration, Configuration):
        return "parity"
    return "networks" if isinstance(configuration.model, MlpModel) else "estimators"


def batch_of(configuration: AnyConfiguration) -> tuple[str | int, ...]:
    """Return what configurations have in common that are best trained beside each other; to be ordered by.

    On parities equal widths and kinds of data train in one batch; on tables networks of one shape on one
    split, and models of one kind that share its preparation.
    """
    if isinstance(configuration, Configuration):
        return configuration.width, configuration.samples is None
    task, model = configuration.target, configuration.model
    shape = (model.width, model.depth) if isinstance(model, MlpModel) else (0, 0)
    return model.kind, *shape, task.dataset, task.split, configuration.samples or 0


def stage_of(configuration: AnyConfiguration) -> int:
    """Return what is trained before what: on tables small training sets before large ones, parities alike.

    A comparison counts a size when all its runs are there, so who stops early has the answer at some sizes.
    """
    return 0 if isinstance(configuration, Configuration) else configuration.samples or 0


def speed_class(configuration: AnyConfiguration) -> int:
    """Return the number of the class that corrections of speed are kept for: the octave of the width.

    Models without hidden layers have one for each kind, far from every octave and from each other, so that
    nothing is concluded from one kind to another.
    """
    if isinstance(configuration, Configuration) or configuration.width is not None:
        return learning.width_class(configuration.width or 1)
    return tabular.speed_class(configuration)


def most_steps(configuration: AnyConfiguration) -> int:
    """Return the steps that a run takes at most; 0 of models that are not trained in steps."""
    if isinstance(configuration, Configuration):
        return configuration.training.max_steps
    return tabular.most_steps(configuration)


def fewest_steps(configuration: AnyConfiguration) -> int:
    """Return the steps that a run takes at least."""
    if isinstance(configuration, Configuration):
        return min(configuration.training.eval_every, configuration.training.max_steps)
    return tabular.fewest_steps(configuration)


def run_flops(configuration: AnyConfiguration, steps: int) -> float:
    """Return floating-point operations of a run of `steps` steps; 0 of models that are not made of them."""
    if isinstance(configuration, Configuration):
        return cost.run_flops(configuration, steps)
    return tabular.run_flops(configuration, steps)


def run_seconds(configuration: AnyConfiguration, steps: int, speed: Speed) -> float:
    """Return the seconds of one lane that a run of `steps` steps takes."""
    if isinstance(configuration, Configuration):
        return cost.run_seconds(configuration, steps, speed)
    return tabular.run_seconds(configuration, steps, speed)


def tells_speed(configuration: AnyConfiguration) -> bool:
    """Whether a run's time says how fast a machine is.

    Importances take a time for each column of the table, and a configuration tells its encoded features only.
    """
    return isinstance(configuration, Configuration) or not configuration.importance


def run_cost(configuration: AnyConfiguration) -> float:
    """Return what a run to the end of its budget counts in progress: seconds of one core.

    Networks on tables count by the speed of their own engine: seconds of estimators stand beside them.
    """
    if isinstance(configuration, Configuration):
        return cost.run_cost(configuration)
    return tabular.run_seconds(configuration, most_steps(configuration), SPEEDS["mlp", "cpu"])


def run_bytes(configuration: AnyConfiguration) -> int:
    """Estimate the memory of one run in training, in bytes."""
    if isinstance(configuration, Configuration):
        return cost.run_bytes(configuration)
    return tabular.run_bytes(configuration)
