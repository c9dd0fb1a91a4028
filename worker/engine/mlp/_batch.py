"""Networks of one group that train together, each on its own split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
    from worker.engine._graph import Capturer
    from worker.engine.mlp._group import Group
    from worker.engine.philox import Key
    from worker.engine.seam import TabularRun
    from worker.engine.tables import Prepared

#: Most steps whose mini-batches are drawn at once.
_STEPS_PER_DRAW = 256
#: Most steps in one CUDA graph: evaluations, which stand outside, are often a hundred apart.
_STEPS_PER_REPLAY = 25
#: Share of a batch that may have ended and still be trained on: on a GPU leaving them out costs a new graph.
_ENDED_KEPT = {"cpu": 0.0, "cuda": 0.125}


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
        capturer: Makes one launch of many steps, on CUDA.

    Attributes:
        members: The runs whose parameters are here; a few may have ended.
    """

    def __init__(
        self,
        group: Group,
        members: list[Member],
        tables: Mapping[Table, Prepared],
        device: torch.device,
        capturer: Capturer | None = None,
    ) -> None:
        self._group, self.device = group, device
        self.members, self._capturer = members, capturer
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
        self._number()
        self.network = self._initial()
        self.best = self.network.keep(list(range(len(members))))
        rates = [(member.model.learning_rate, member.model.weight_decay) for member in self.members]
        made = torch.tensor(rates, device=device)[:, :, None, None]
        adam = group.optimizer == "adamw"
        self._descent = Descent(self.network, made[:, 0], made[:, 1], adam=adam)
        self.steps = 0

    def _number(self) -> None:
        """Bring what the runs draw with to the device; what was captured drew for others."""
        tables = [self._rows[member.table] for member in self.members]
        self._seeds, key_0, key_1, self._counts, self._firsts = torch.tensor(
            [
                (member.run.seed, *rows.key, rows.count, rows.first)
                for member, rows in zip(self.members, tables, strict=True)
            ],
            device=self.device,
        ).unbind(dim=1)
        self._keys = key_0, key_1
        self._replay: Callable[[], None] | None = None
        self._may_capture, self._warm = self._capturer is not None, False
        blocks = len(self.members) * -(-self._group.batch_size // 4)
        self._per_draw = max(1, min(_STEPS_PER_DRAW, BLOCKS_PER_CALL[self.device.type] // blocks))
        self._per_replay = min(_STEPS_PER_REPLAY, self._group.eval_every, self._per_draw)

    def _initial(self) -> Network:
        """Draw the parameters: at once where the sparsity is one, and once where rates alone differ."""
        parts: list[Network] = []
        places: dict[tuple[Key, int, int | None], int] = {}
        alike: dict[int | None, dict[tuple[Key, int], int]] = {}
        for number, member in enumerate(self.members):
            which = alike.setdefault(member.model.sparsity, {})
            which.setdefault((self._rows[member.table].key, member.run.seed), number)
        for sparsity, which in alike.items():
            own = torch.tensor(list(which.values()), device=self.device)
            keys = self._keys[0][own], self._keys[1][own]
            layers = initial_layers(keys, self._seeds[own], self._group.layers, sparsity)
            parts.append(Network.of(layers))
            places |= {(*one, sparsity): len(places) + place for place, one in enumerate(which)}
        order = [
            places[self._rows[member.table].key, member.run.seed, member.model.sparsity]
            for member in self.members
        ]
        drawn = parts[0] if len(parts) == 1 else Network.joined(parts)
        return drawn if order == list(range(len(places))) else drawn.keep(order)

    def _by_table(self) -> Iterator[tuple[_Rows, range]]:
        """Yield each table that is learned from, and the places of its runs."""
        first = 0
        for table, own in groupby(self.members, key=lambda member: member.table):
            count = sum(1 for _ in own)
            yield self._rows[table], range(first, first + count)
            first += count

    @property
    def going(self) -> list[int]:
        """The places of the runs that go on."""
        return [place for place, member in enumerate(self.members) if not member.ended]

    def leave_out_ended(self) -> None:
        """Go on without the runs that have ended, as soon as that pays."""
        going = self.going
        if len(going) < (1 - _ENDED_KEPT[self.device.type]) * len(self.members):
            self._keep(going)

    def _keep(self, index: list[int]) -> None:
        self.members = [self.members[place] for place in index]
        if not self.members:
            return
        self._replay = None  # its memory is needed for what follows
        self.network = self.network.keep(index)
        self.best = self.best.keep(index)
        self._descent = self._descent.keep(index, self.network)
        self._number()

    def advance(self, tick: Tick) -> None:
        """Take steps up to the next evaluation, and evaluate."""
        group = self._group
        until = min(group.max_steps, (self.steps // group.eval_every + 1) * group.eval_every)
        while self.steps < until:
            left = until - self.steps
            replay = self._replay_for(left)
            if replay:
                tick()
                replay()
                self.steps += self._per_replay
            else:
                taken = min(left, self._per_draw if self._warm or not self._capturer else self._per_replay)
                self._take(taken, tick)
                self.steps += taken
                self._warm = True
        self._evaluate(tick)

    def _take(self, steps: int, tick: Tick) -> None:
        shape = (len(self.members), self._group.batch_size)
        for places in self._minibatches(steps).unbind():
            tick()
            inputs = self._features.index_select(0, places.flatten()).view(*shape, -1)
            self._descent.step(inputs, self._classes[places])

    def _take_captured(self) -> None:
        """Take the steps of one replay: all that they read and keep is on the device, in place."""
        self._take(self._per_replay, lambda: None)

    def _replay_for(self, steps: int) -> Callable[[], None] | None:
        """Return what takes the steps of one replay, where that is possible."""
        # Before its capture a kernel must have run, so that CUDA has loaded it.
        if self._may_capture and self._warm and steps >= self._per_replay:
            assert self._capturer is not None  # noqa: S101  # it may capture
            self._replay = self._capturer.try_capture(self._take_captured)
            self._may_capture = False
        return self._replay if steps >= self._per_replay else None

    def _minibatches(self, steps: int) -> Tensor:
        """Return the training rows of each of the next steps, shape (steps, R, batch size)."""
        step = self._descent.steps + torch.arange(steps, device=self.device)
        drawn = draws.words(self._keys, self._seeds, Stream.MINIBATCH, step[:, None], self._group.batch_size)
        return draws.integers(drawn, self._counts[:, None]) + self._firsts[:, None]

    def _evaluate(self, tick: Tick) -> None:
        better = []
        for rows, own in self._by_table():
            outputs = self.outputs(self.network.part(own), rows.validation, tick)
            for place, mine in zip(own, outputs, strict=True):
                member = self.members[place]
                if not member.ended and self._look_at(member, mine, rows.validation_classes):
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
