"""Networks of one group that train together, each on its own split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

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
    from tombola.spec import MlpModel, TabularTask
    from worker.engine.mlp._group import Group
    from worker.engine.mlp._initial import Layers
    from worker.engine.philox import Key
    from worker.engine.seam import TabularRun
    from worker.engine.tables import Prepared

#: Most steps whose mini-batches are drawn at once.
_STEPS_PER_DRAW = 256


#: A split of a data set, and how many of its rows train.
Table = tuple["TabularTask", int]


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
    def table(self) -> Table:
        """What the run learns from."""
        configuration = self.run.configuration
        return configuration.target, configuration.samples

    @property
    def ended(self) -> bool:
        """Whether the run needs no further step."""
        patience = self.model.patience
        spent = self.steps >= self.model.max_steps
        return self.diverged or spent or (patience is not None and self.since >= patience)


@dataclass(frozen=True)
class _Rows:
    """The rows of a table on the device.

    Attributes:
        first: Place of its first training row among those of all tables of the batch.
        count: Training rows.
    """

    key: Key
    first: int
    count: int
    validation: Tensor
    validation_classes: NDArray[np.int64]


class Batch:
    """R runs of one group: parameters, best parameters, and how they advance.

    Args:
        group: What they share.
        members: The runs, those of one table one after the other.
        tables: What they learn from.
        device: Where they train.

    Attributes:
        members: The runs that go on.
    """

    def __init__(
        self, group: Group, members: list[Member], tables: Mapping[Table, Prepared], device: torch.device
    ) -> None:
        self._group, self.device = group, device
        self.members = members
        self._features = _joined([item.train.features for item in tables.values()]).to(device)
        self._classes = _joined([item.train.classes for item in tables.values()]).to(device)
        self._rows: dict[Table, _Rows] = {}
        first = 0
        for (task, samples), item in tables.items():
            count = len(item.train.classes)
            validation = torch.from_numpy(item.validation.features).to(device)
            rows = _Rows(task_key(task), first, count, validation, item.validation.classes)
            self._rows[task, samples] = rows
            first += count
        self.network = Network.stacked(self._initial())
        self.best = self.network.keep(list(range(len(members))))
        rates = [(member.model.learning_rate, member.model.weight_decay) for member in self.members]
        made = torch.tensor(rates, device=device)[:, :, None, None]
        adam = group.optimizer == "adamw"
        self._descent = Descent(self.network, made[:, 0], made[:, 1], adam=adam)
        self.steps = 0

    def _initial(self) -> list[Layers]:
        made: dict[tuple[Key, int, int | None], Layers] = {}  # runs that differ in their rates begin alike
        found = []
        for member in self.members:
            key, seed, sparsity = self._rows[member.table].key, member.run.seed, member.model.sparsity
            if (key, seed, sparsity) not in made:
                layers = initial_layers(key, seed, self._group.layers, sparsity, self.device)
                made[key, seed, sparsity] = layers
            found.append(made[key, seed, sparsity])
        return found

    def _by_table(self) -> Iterator[tuple[_Rows, range]]:
        """Yield each table that is learned from, and the places of its runs."""
        first = 0
        for table, own in groupby(self.members, key=lambda member: member.table):
            count = sum(1 for _ in own)
            yield self._rows[table], range(first, first + count)
            first += count

    def keep(self, index: list[int]) -> None:
        """Go on with the runs at these places only."""
        self.members = [self.members[place] for place in index]
        self.network = self.network.keep(index)
        self.best = self.best.keep(index)
        self._descent = self._descent.keep(index, self.network)

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
        size = self._group.batch_size
        blocks = len(self.members) * -(-size // 4)
        at_once = max(1, min(_STEPS_PER_DRAW, BLOCKS_PER_CALL[self.device.type] // blocks))
        for first in range(0, steps, at_once):
            taken = torch.arange(first, min(first + at_once, steps), device=self.device) + self.steps
            places = [
                self._drawn(rows, [self.members[place].run.seed for place in own], taken)
                for rows, own in self._by_table()
            ]
            yield from torch.cat(places, dim=1).unbind()

    def _drawn(self, rows: _Rows, seeds: list[int], steps: Tensor) -> Tensor:
        """Return training rows of one table for some steps, shape (steps, seeds, batch size)."""
        numbers = torch.tensor(seeds, device=self.device)
        drawn = draws.words(rows.key, numbers, Stream.MINIBATCH, steps[:, None], self._group.batch_size)
        return draws.integers(drawn, rows.count) + rows.first

    def _evaluate(self, tick: Tick) -> None:
        better = []
        for rows, own in self._by_table():
            outputs = self.outputs(self.network.part(own), rows.validation, tick)
            for place, mine in zip(own, outputs, strict=True):
                if self._look_at(self.members[place], mine, rows.validation_classes):
                    better.append(place)
        if better:
            self.best.put(better, self.network)

    def _look_at(self, member: Member, outputs: NDArray[np.float32], classes: NDArray[np.int64]) -> bool:
        """Note how a run does on its validation rows; return whether it never did better."""
        member.steps = self.steps
        if not np.isfinite(outputs).all():
            member.diverged = True
            return False
        reached = _accuracy_and_loss(outputs, classes)
        if member.best is not None and reached <= member.best:
            member.since += 1
            return False
        member.best, member.since = reached, 0
        return True

    def outputs(self, network: Network, features: Tensor, tick: Tick) -> NDArray[np.float32]:
        """Return the outputs of some networks of the group for features, shape (R, rows, outputs)."""
        runs = network.weights[0].shape[0]
        found = []
        for first in range(0, len(features), self._group.chunk):
            tick()
            rows = features[first : first + self._group.chunk]
            found.append(network.forward(rows.expand(runs, -1, -1))[-1].cpu())
        return torch.cat(found, dim=1).numpy()


def _joined(parts: list[NDArray[Any]]) -> Tensor:
    """Return rows one after the other; those of one table as they are."""
    return torch.from_numpy(parts[0] if len(parts) == 1 else np.concatenate(parts))


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
