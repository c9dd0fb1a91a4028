"""What the engine's tests share: short ways to name runs, and a plain-torch reference of the learner."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from tombola.spec import Configuration, ParityTarget, TrainingSettings
from worker.engine import (
    Engine,
    EngineNotBuiltError,
    FinishedRun,
    Run,
    TorchEngine,
    draws,
    select_engine,
)
from worker.engine.draws import Stream

LOSSES = {
    "hinge": lambda outputs, labels: functional.relu(1 - labels * outputs).mean(),
    "logistic": lambda outputs, labels: functional.softplus(-labels * outputs).mean(),
    "squared": functional.mse_loss,
}


def _make_run(*, n=10, k=2, width=16, samples=200, sparsity=2, seed=0, **training) -> Run:
    return Run(
        Configuration(
            target=ParityTarget(n=n, k=k),
            width=width,
            samples=samples,
            sparsity=sparsity,
            training=TrainingSettings(**training),
        ),
        seed,
    )


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Run]:
    return _make_run


@pytest.fixture(scope="session")
def torch_engine() -> TorchEngine:
    return TorchEngine("cpu")


@pytest.fixture(scope="session", params=["torch", "native"])
def engine(request) -> Engine:
    """Every engine that trains on CPU."""
    try:
        return select_engine(request.param, "cpu")
    except EngineNotBuiltError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def train(engine) -> Callable[..., list[FinishedRun]]:
    """Train runs to their end and return them in the order asked for."""

    def train_all(*runs: Run, engine: Engine = engine) -> list[FinishedRun]:
        finished: list[FinishedRun] = []
        assert engine.train(runs, finished.append, lambda _: False)
        return sorted(finished, key=lambda one: runs.index(one.run))

    return train_all


@functools.lru_cache(maxsize=2**17)
def _words(target: ParityTarget, seed: int, stream: Stream, item: int, count: int) -> tuple[int, ...]:
    """Return words of a run; kept, as every engine and every start of a reference asks for the same ones."""
    key = draws.target_key(target)
    return tuple(draws.words(key, torch.tensor(seed), stream, torch.tensor(item), count).tolist())


class Reference:
    """One run in plain modules, autograd and torch.optim.SGD, float64, its draws taken word by word."""

    def __init__(self, run: Run) -> None:
        self.run, self.configuration = run, run.configuration
        self.n, self.width = self.configuration.target.n, self.configuration.width
        self.key = draws.target_key(self.configuration.target)
        support = draws.supports(self.key, torch.tensor([run.seed]), self.n, self.configuration.target.k)
        self.support = support[0].tolist()
        self.model = nn.Sequential(
            nn.Linear(self.n, self.width), nn.ReLU(), nn.Linear(self.width, 1)
        ).double()
        self._initialise()

    def words(self, stream: Stream, item: int, count: int) -> tuple[int, ...]:
        return _words(self.configuration.target, self.run.seed, stream, item, count)

    def _initialise(self) -> None:
        def uniform(word: int, fan_in: int) -> float:
            return (2 * (word >> 8) + 1 - 2**24) / 2**24 / math.sqrt(fan_in)

        first, _, second = self.model
        sparsity = self.configuration.sparsity
        with torch.no_grad():
            first.weight.zero_()
            for j in range(self.width):
                words = self.words(Stream.WEIGHTS, j, 4 + self.n)
                first.bias[j] = uniform(words[0], self.n)
                second.weight[0, j] = uniform(words[1], self.width)
                if sparsity is None:
                    first.weight[j] = torch.tensor([uniform(word, self.n) for word in words[4:]])
                else:
                    first.weight[j, self._floyd(self.words(Stream.MASK, j, sparsity))] = 1.0
            second.bias[0] = uniform(self.words(Stream.WEIGHTS, 2**32 - 1, 1)[0], self.width)

    def _floyd(self, words: tuple[int, ...]) -> list[int]:
        chosen: list[int] = []
        for largest, word in zip(range(self.n - len(words), self.n), words, strict=True):
            candidate = word * (largest + 1) // 2**32
            chosen.append(largest if candidate in chosen else candidate)
        return chosen

    def sample(self, item: int, stream: Stream = Stream.TRAINING) -> tuple[list[float], float]:
        words = self.words(stream, item, -(-self.n // 32))
        x = [1.0 if words[j // 32] >> (j % 32) & 1 else -1.0 for j in range(self.n)]
        return x, math.prod(x[j] for j in self.support)

    def minibatch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        samples, size = self.configuration.samples, self.configuration.training.batch_size
        if size == "full":
            items = list(range(samples))
        elif samples is None:
            items = [step * size + place for place in range(size)]
        else:
            items = [word * samples // 2**32 for word in self.words(Stream.MINIBATCH, step, size)]
        inputs, labels = zip(*map(self.sample, items), strict=True)
        return torch.tensor(inputs).double(), torch.tensor(labels).double()[:, None]

    def train(self, steps: int) -> nn.Sequential:
        settings = self.configuration.training
        optimizer = torch.optim.SGD(
            self.model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        for step in range(steps):
            inputs, labels = self.minibatch(step)
            optimizer.zero_grad()
            LOSSES[settings.loss](self.model(inputs), labels).backward()
            optimizer.step()
        return self.model


@pytest.fixture(scope="session")
def reference() -> type[Reference]:
    return Reference
