"""Runs of one group that train together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

import torch
from torch import Tensor

from worker.engine import draws
from worker.engine._graph import Capturer, Work
from worker.engine._initial import initial_parameters
from worker.engine._lanes import Tick
from worker.engine._progress import Origin, run_of, steps_of
from worker.engine._samples import BLOCKS_PER_CALL, ResidentSamples, Samples, StreamedSamples
from worker.engine._sgd import Parameters, Workspace, forward, sample_losses, sgd_step
from worker.engine.draws import Stream
from worker.engine.seam import Checkpoint

if TYPE_CHECKING:
    from worker.engine._group import Group
    from worker.engine.seam import Run

#: Most steps whose mini-batches are drawn at once.
_STEPS_PER_DRAW = 256
#: Most steps in one CUDA graph; more would hide no more of the launches, and capturing them takes time.
_STEPS_PER_REPLAY = 32
#: Called with how many steps every run of a batch has taken since the last call.
OnSteps = Callable[[int], None]


@dataclass(frozen=True)
class Evaluation:
    """Errors of one run; None where not finite or, for the training error, online."""

    finite: bool
    test_error: float | None
    train_error: float | None


class Batch:
    """R runs of one group: their parameters and samples, and how they advance.

    Attributes:
        group: What the runs share.
        runs: The R runs.
        steps: int64, shape (R,): steps that each run has taken.
        parameters: The runs' parameters.
    """

    def __init__(  # noqa: PLR0913  # the state of a batch
        self,
        group: Group,
        runs: list[Run],
        *,
        steps: Tensor,
        parameters: Parameters,
        training: Samples,
        test: Samples,
        capturer: Capturer | None = None,
    ) -> None:
        self.group, self.runs, self.steps, self.parameters = group, runs, steps, parameters
        self._training, self._test = training, test
        device = steps.device
        self._seeds = torch.tensor([run.seed for run in runs], device=device)
        # Online runs have no training set; their count is never used.
        counts = [run.configuration.samples or 1 for run in runs]
        self._counts = torch.tensor(counts, device=device)[:, None]
        taken = min(group.batch_size, group.chunk)
        tested = min(group.training.test_samples, group.chunk)
        self._activations = Workspace(len(runs), max(taken, tested), group.width, device)
        self._gradients = Workspace(len(runs), taken, group.width, device)
        self._steps_per_draw = self._most_steps_per_draw()
        self._per_replay = min(_STEPS_PER_REPLAY, self._steps_per_draw)
        self._capturer, self._replay = capturer, cast("Work | None", None)
        # A step in parts is long enough to be launched part by part, and a stop may cut it.
        self._may_capture = capturer is not None and group.batch_size <= group.chunk
        self._warm = not self._may_capture

    @classmethod
    def start(
        cls, group: Group, origins: Sequence[Origin], device: torch.device, capturer: Capturer | None = None
    ) -> Self:
        """Return runs of a group before their first step, or where their checkpoints left them.

        Args:
            group: The runs' group, or one whose width is larger.
            origins: The runs.
            device: Where they train.
            capturer: Makes one launch of many steps, on CUDA.
        """
        runs = [run_of(origin) for origin in origins]
        n, k = group.target.n, group.target.k
        key = draws.target_key(group.target)
        seeds = torch.tensor([run.seed for run in runs], device=device)
        supports = draws.supports(key, seeds, n, k)
        training = StreamedSamples(n, key, Stream.TRAINING, seeds, supports)
        test = StreamedSamples(n, key, Stream.TEST, seeds, supports)
        training_counts = [run.configuration.samples or 0 for run in runs]
        test_counts = [group.training.test_samples] * len(runs)
        return cls(
            group,
            runs,
            steps=torch.tensor([steps_of(origin) for origin in origins], device=device),
            parameters=Parameters.joined([one.padded(group.width) for one in _parameters(origins, device)]),
            training=training.resident(training_counts) if group.source == "resident" else training,
            test=test.resident(test_counts) if group.test_resident else test,
            capturer=capturer,
        )

    def keep(self, index: list[int]) -> Self:
        """Return a batch of the runs at these places."""
        return type(self)(
            self.group,
            [self.runs[i] for i in index],
            steps=self.steps[index],
            parameters=self.parameters.keep(index),
            training=self._training.keep(index),
            test=self._test.keep(index),
            capturer=self._capturer,
        )

    def joined(self, other: Batch) -> Self:
        """Return a batch of these runs, then the other ones."""
        return type(self)(
            self.group,
            self.runs + other.runs,
            steps=torch.cat((self.steps, other.steps)),
            parameters=Parameters.joined([self.parameters, other.parameters]),
            training=self._training.joined(other._training),
            test=self._test.joined(other._test),
            capturer=self._capturer,
        )

    def advance(self, steps: int, tick: Tick, on_steps: OnSteps = lambda _: None) -> None:
        """Take SGD steps with every run; where `tick` raises, all stand after the same whole step."""
        while steps > 0:
            replay = self._replay_for(steps)
            if replay:
                tick()
                replay()
                taken = self._per_replay
                on_steps(taken)
            else:
                taken = min(steps, self._steps_per_draw if self._warm else self._per_replay)
                self._take(taken, tick, on_steps)
            steps -= taken

    def _take(self, steps: int, tick: Tick, on_steps: OnSteps) -> None:
        taken = 0
        try:
            for minibatch in self._minibatches(steps, tick):
                self._step(minibatch)
                taken += 1
        finally:
            self.steps += taken
            on_steps(taken)
        self._warm = True

    def _take_captured(self) -> None:
        """Take the steps of one replay: all that it reads and keeps is on the device, in place."""
        for minibatch in self._minibatches(self._per_replay, lambda: None):
            self._step(minibatch)
        self.steps += self._per_replay

    def _step(self, minibatch: Iterable[tuple[Tensor, Tensor]]) -> None:
        sgd_step(
            self.parameters,
            minibatch,
            count=self.group.batch_size,
            settings=self.group.training,
            activations=self._activations,
            gradients=self._gradients,
        )

    def _replay_for(self, steps: int) -> Work | None:
        """Return what takes the steps of one replay, where that is possible and pays."""
        # Before its capture a kernel must have run, so that CUDA has loaded it.
        if self._may_capture and self._warm and self._replay is None and steps >= 2 * self._per_replay:
            assert self._capturer is not None  # noqa: S101  # it may capture
            self._replay = self._capturer.try_capture(self._take_captured)
            self._may_capture = False
        return self._replay if steps >= self._per_replay else None

    def _most_steps_per_draw(self) -> int:
        blocks = len(self.runs) * self.group.step_blocks
        if self.group.batch_size > self.group.chunk:
            return 1
        per_call = BLOCKS_PER_CALL[self.steps.device.type]
        return max(1, min(_STEPS_PER_DRAW, per_call // max(1, blocks)))

    def _minibatches(self, steps: int, tick: Tick) -> Iterator[Iterable[tuple[Tensor, Tensor]]]:
        """Yield the mini-batch of each of the next steps, in chunks of inputs and labels."""
        size, chunk = self.group.batch_size, self.group.chunk
        items = self._training_items(steps)
        if size > chunk:
            parts = [slice(first, min(first + chunk, size)) for first in range(0, size, chunk)]
            for step_items in items:
                yield (self._split(self._rows_of(step_items[:, part], tick)) for part in parts)
        elif isinstance(self._training, ResidentSamples):
            places = self._training.places(items).flatten(start_dim=1)
            rows = self._training.table.new_empty((*items.shape[1:], self._training.table.shape[1]))
            views = [self._split(rows)]
            for step_places in places.unbind():
                tick()
                self._training.take(step_places, rows)
                yield views
        else:
            for rows in self._training.rows(items).unbind():
                tick()
                yield [self._split(rows)]

    def _rows_of(self, items: Tensor, tick: Tick) -> Tensor:
        tick()
        return self._training.rows(items)

    def _training_items(self, steps: int) -> Tensor:
        """Return the numbers of the training samples of the next steps, shape (steps, R, batch size)."""
        group = self.group
        step = self.steps + torch.arange(steps, device=self.steps.device)[:, None]
        places = torch.arange(group.batch_size, device=self.steps.device)
        if group.source == "online":
            return step[..., None] * group.batch_size + places
        if group.samples is not None:
            return places.expand(steps, len(self.runs), -1)
        key = draws.target_key(group.target)
        drawn = draws.words(key, self._seeds, Stream.MINIBATCH, step, group.batch_size)
        return draws.integers(drawn, self._counts)

    def _split(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs, the ones of the bias included, and labels of rows."""
        n = self.group.target.n
        return rows[..., : n + 1], rows[..., n + 1 : n + 2]

    def evaluate(self, tick: Tick) -> list[Evaluation]:
        """Return the errors of each run: on its test samples, and on as many of its first training samples.

        An output of 0 counts as wrong. Waits for the device.
        """
        tested = self.group.training.test_samples
        counts = torch.full_like(self._counts, tested)
        wrong, finite = self._count_wrong(self._test, counts, tick)
        tests, finites = wrong.tolist(), finite.tolist()
        if self.group.source == "online":
            trains: list[float | None] = [None] * len(self.runs)
        else:
            counts = self._counts.clamp(max=tested)
            wrong, finite = self._count_wrong(self._training, counts, tick)
            trains = [bad / count for bad, count in zip(wrong.tolist(), counts[:, 0].tolist(), strict=True)]
            finites = [a and b for a, b in zip(finites, finite.tolist(), strict=True)]
        return [
            Evaluation(True, test / tested, train) if ok else Evaluation(False, None, None)
            for ok, test, train in zip(finites, tests, trains, strict=True)
        ]

    def _count_wrong(self, samples: Samples, counts: Tensor, tick: Tick) -> tuple[Tensor, Tensor]:
        """Return, for each run, wrong outputs on its first `counts` samples and whether all is finite."""
        most = int(counts.max())
        chunk = min(self.group.chunk, self.group.training.test_samples)
        wrong = torch.zeros_like(self.steps)
        finite = torch.ones_like(self.steps, dtype=torch.bool)
        for first in range(0, most, chunk):
            tick()
            # Every chunk is whole, so that its rounding does not depend on the other runs' counts.
            items = torch.arange(first, first + chunk, device=counts.device).expand(len(self.runs), -1)
            inputs, labels = self._split(samples.rows(torch.minimum(items, counts - 1)))
            _hidden, outputs = forward(self.parameters, inputs, self._activations)
            losses = sample_losses(self.group.training.loss, outputs, labels)
            bad = (labels * outputs <= 0).squeeze(-1) & (items < counts)
            wrong += bad.sum(dim=1)
            finite &= (outputs.isfinite() & losses.isfinite()).flatten(1).all(dim=1)
        return wrong, finite


def _parameters(origins: Sequence[Origin], device: torch.device) -> list[Parameters]:
    """Return the parameters of each run; what differs in seeds alone is drawn together."""
    found: dict[int, Parameters] = {}
    alike: dict[tuple[int, int | None], dict[int, Run]] = {}
    for place, origin in enumerate(origins):
        configuration = run_of(origin).configuration
        if isinstance(origin, Checkpoint):
            found[place] = Parameters.unpacked(
                origin.parameters, configuration.target.n, configuration.width, device
            )
        else:
            alike.setdefault((configuration.width, configuration.sparsity), {})[place] = origin
    for runs in alike.values():
        found |= zip(runs, initial_parameters(list(runs.values()), device).unbind(), strict=True)
    return [found[place] for place in range(len(origins))]
