"""Networks of one group that train together on one split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.engine import draws
from worker.engine._lanes import Tick
from worker.engine._samples import BLOCKS_PER_CALL
from worker.engine.draws import Stream
from worker.engine.metrics import accuracy
from worker.engine.mlp._initial import initial_layers
from worker.engine.mlp._network import Descent, Network
from worker.engine.tables import task_key

if TYPE_CHECKING:
    from tombola.spec import MlpModel
    from worker.engine.mlp._group import Group
    from worker.engine.mlp._initial import Layers
    from worker.engine.seam import TabularRun
    from worker.engine.tables import Prepared

#: Most steps whose mini-batches are drawn at once.
_STEPS_PER_DRAW = 256


@dataclass
class Member:
    """A run in a batch, and its best evaluation so far.

    Attributes:
        best: Accuracy and negative loss on validation rows; None before the first evaluation.
        since: Evaluations since.
        steps: SGD steps taken.
        diverged: Whether an output was not finite.
    """

    run: TabularRun
    model: MlpModel
    best: tuple[float, float] | None = None
    since: int = 0
    steps: int = 0
    diverged: bool = False
    wall_seconds: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether the run needs no further step."""
        patience = self.model.patience
        spent = self.steps >= self.model.max_steps
        return self.diverged or spent or (patience is not None and self.since >= patience)


class Batch:
    """R runs of one group: parameters, best parameters, and how they advance.

    Args:
        group: What they share.
        members: The runs.
        prepared: The split.
        device: Where they train.
    """

    def __init__(self, group: Group, members: list[Member], prepared: Prepared, device: torch.device) -> None:
        self._group, self.device = group, device
        self.members = members
        self._key = task_key(group.task)
        self._features = torch.from_numpy(prepared.train.features).to(device)
        self._classes = torch.from_numpy(prepared.train.classes).to(device)
        self._validation = torch.from_numpy(prepared.validation.features).to(device)
        self._validation_classes = prepared.validation.classes
        self.network = Network.stacked(self._initial())
        self.best = self.network.keep(list(range(len(members))))
        rates = [(member.model.learning_rate, member.model.weight_decay) for member in members]
        made = torch.tensor(rates, device=device)[:, :, None, None]
        adam = group.optimizer == "adamw"
        self._descent = Descent(self.network, made[:, 0], made[:, 1], adam=adam)
        self._seeds = torch.tensor([member.run.seed for member in members], device=device)
        self.steps = 0

    def _initial(self) -> list[Layers]:
        made: dict[tuple[int, int | None], Layers] = {}  # runs that differ in their rates begin alike
        for member in self.members:
            about = member.run.seed, member.model.sparsity
            if about not in made:
                seed, sparsity = about
                made[about] = initial_layers(self._key, seed, self._group.layers, sparsity, self.device)
        return [made[member.run.seed, member.model.sparsity] for member in self.members]

    def keep(self, index: list[int]) -> None:
        """Go on with the runs at these places only."""
        self.members = [self.members[place] for place in index]
        self.network = self.network.keep(index)
        self.best = self.best.keep(index)
        self._descent = self._descent.keep(index, self.network)
        self._seeds = self._seeds[index]

    def advance(self, tick: Tick) -> None:
        """Take steps up to the next evaluation, and evaluate."""
        group = self._group
        until = min(group.max_steps, (self.steps // group.eval_every + 1) * group.eval_every)
        for places in self._minibatches(until - self.steps):
            tick()
            shape = (len(self.members), group.batch_size)
            inputs = self._features.index_select(0, places.flatten()).view(*shape, -1)
            self._descent.step(inputs, self._classes[places])
        self.steps = until
        self._evaluate(tick)

    def _minibatches(self, steps: int) -> Iterator[Tensor]:
        """Yield the training rows of each of the next steps, shape (R, batch size)."""
        size, rows = self._group.batch_size, len(self._classes)
        blocks = len(self.members) * -(-size // 4)
        at_once = max(1, min(_STEPS_PER_DRAW, BLOCKS_PER_CALL[self.device.type] // blocks))
        for first in range(0, steps, at_once):
            taken = torch.arange(first, min(first + at_once, steps), device=self.device) + self.steps
            drawn = draws.words(self._key, self._seeds, Stream.MINIBATCH, taken[:, None], size)
            yield from draws.integers(drawn, rows).unbind()

    def _evaluate(self, tick: Tick) -> None:
        outputs = self.outputs(self.network, self._validation, tick)
        better = []
        for place, member in enumerate(self.members):
            member.steps = self.steps
            mine = outputs[place]
            if not np.isfinite(mine).all():
                member.diverged = True
                continue
            reached = _accuracy_and_loss(mine, self._validation_classes)
            if member.best is None or reached > member.best:
                member.best, member.since = reached, 0
                better.append(place)
            else:
                member.since += 1
        if better:
            self.best.put(better, self.network)

    def outputs(self, network: Network, features: Tensor, tick: Tick) -> NDArray[np.float32]:
        """Return the outputs of some networks of the group for features, shape (R, rows, outputs)."""
        runs = network.weights[0].shape[0]
        found = []
        for first in range(0, len(features), self._group.chunk):
            tick()
            rows = features[first : first + self._group.chunk]
            found.append(network.forward(rows.expand(runs, -1, -1))[-1].cpu())
        return torch.cat(found, dim=1).numpy()


def probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return class probabilities, shape (rows, K), for logits of shape (rows, 1) or (rows, K)."""
    logits = outputs.astype(np.float64)
    if logits.shape[1] == 1:
        logits = np.concatenate((np.zeros_like(logits), logits), axis=1)
    shares: NDArray[np.float64] = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def _accuracy_and_loss(outputs: NDArray[np.float32], classes: NDArray[np.int64]) -> tuple[float, float]:
    shares = probabilities(outputs)
    rows = np.arange(len(classes))
    return accuracy(shares, classes), float(np.mean(np.log(np.maximum(shares[rows, classes], 1e-300))))
