"""What a researcher would write without Tombola: a plain loop, and an ensemble with torch.func.vmap.

Both train the same learner as the engines on data of the same size and evaluate as often, on as many samples.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from bench.workload import INTERVAL
from tombola.spec import Configuration

#: Ensembles that are tried.
_SIZES = (2, 8, 32, 128, 512)


Tensors = dict[str, Tensor]


def _network(configuration: Configuration) -> nn.Sequential:
    width = configuration.width
    return nn.Sequential(nn.Linear(configuration.target.n, width), nn.ReLU(), nn.Linear(width, 1))


def _samples(configuration: Configuration, *shape: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Return inputs (*shape, n) and labels (*shape, 1)."""
    x = 2.0 * torch.randint(0, 2, (*shape, configuration.target.n), device=device) - 1.0
    return x, x[..., : configuration.target.k].prod(dim=-1, keepdim=True)


def _hinge(outputs: Tensor, labels: Tensor) -> Tensor:
    return torch.relu(1 - labels * outputs).mean()


class PlainLoop:
    """One run at a time: nn.Sequential, autograd and torch.optim.SGD, as in a notebook.

    Args:
        configuration: Offline, with the hinge loss.
        threads: Of torch.
        device: Where it trains.

    Attributes:
        errors: At the last evaluation, on test and training samples.
    """

    runs = 1

    def __init__(self, configuration: Configuration, threads: int, device: str = "cpu") -> None:
        assert configuration.samples is not None  # noqa: S101  # the workload is offline
        self._configuration, self.threads, self._device = configuration, threads, device
        self._train = _samples(configuration, configuration.samples, device=device)
        self._test = _samples(configuration, configuration.training.test_samples, device=device)
        self.errors: list[float] = []

    def seconds(self, steps: int) -> float:
        """See `bench.timing.Side`; drawing the data is not counted."""
        torch.set_num_threads(self.threads)
        settings = self._configuration.training
        assert settings.batch_size != "full"  # noqa: S101  # the default is a number
        train_x, train_y = self._train
        model = _network(self._configuration).to(self._device)
        optimizer = torch.optim.SGD(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        started = time.perf_counter()
        for step in range(1, steps + 1):
            index = torch.randint(0, len(train_x), (settings.batch_size,), device=self._device)
            optimizer.zero_grad()
            loss = _hinge(model(train_x[index]), train_y[index])
            loss.backward()  # type: ignore[no-untyped-call]  # torch has none
            optimizer.step()
            if step % settings.eval_every == 0:
                with torch.no_grad():
                    self.errors = [
                        (model(x) * y <= 0).float().mean().item() for x, y in (self._test, self._train)
                    ]
        return (time.perf_counter() - started) / steps


class VmapEnsemble:
    """Many runs in one torch.func.vmap over functional_call and grad, with a hand-written SGD update.

    Args:
        configuration: Offline, with the hinge loss.
        threads: Of torch.
        runs: In one call of vmap.
        compiled: Whether the step goes through torch.compile, at its first call; needs a C++ compiler.

    Attributes:
        errors: At the last evaluation, on test and training samples, of each run.
    """

    def __init__(
        self, configuration: Configuration, threads: int, runs: int, *, compiled: bool = False
    ) -> None:
        assert configuration.samples is not None  # noqa: S101  # the workload is offline
        self._configuration, self.threads, self.runs = configuration, threads, runs
        self._train = _samples(configuration, runs, configuration.samples)
        self._test = _samples(configuration, runs, configuration.training.test_samples)
        self.errors: list[list[float]] = []
        model = _network(configuration).to("meta")

        def outputs(parameters: Tensors, x: Tensor) -> Tensor:
            result: Tensor = functional_call(model, parameters, (x,))
            return result

        def loss(parameters: Tensors, x: Tensor, y: Tensor) -> Tensor:
            return _hinge(outputs(parameters, x), y)

        settings, gradients = configuration.training, vmap(grad(loss))
        decay = 1.0 - settings.learning_rate * settings.weight_decay
        train_x, train_y = self._train
        members = torch.arange(runs)[:, None]

        def step(parameters: Tensors, index: Tensor) -> None:
            slopes = gradients(parameters, train_x[members, index], train_y[members, index])
            for name, value in parameters.items():
                value.mul_(decay).add_(slopes[name], alpha=-settings.learning_rate)

        self._step: Callable[[Tensors, Tensor], None] = torch.compile(step) if compiled else step
        self._forward = vmap(outputs)

    def compiled(self) -> VmapEnsemble:
        """Return an ensemble of the same size that compiles its step."""
        return VmapEnsemble(self._configuration, self.threads, self.runs, compiled=True)

    def seconds(self, steps: int) -> float:
        """See `bench.timing.Side`; drawing the data is not counted."""
        torch.set_num_threads(self.threads)
        settings = self._configuration.training
        assert settings.batch_size != "full"  # noqa: S101  # the default is a number
        count = self._train[0].shape[1]
        stacked, _ = stack_module_state([_network(self._configuration) for _ in range(self.runs)])
        parameters = {name: value.detach() for name, value in stacked.items()}
        started = time.perf_counter()
        with torch.no_grad():
            for step in range(1, steps + 1):
                self._step(parameters, torch.randint(0, count, (self.runs, settings.batch_size)))
                if step % settings.eval_every == 0:
                    self.errors = [
                        (self._forward(parameters, x) * y <= 0).float().mean(dim=(1, 2)).tolist()
                        for x, y in (self._test, self._train)
                    ]
        return (time.perf_counter() - started) / steps / self.runs


def compiled_ensemble(eager: VmapEnsemble) -> VmapEnsemble | str:
    """Return an ensemble of the same size and threads, compiled, or why it cannot be."""
    side = eager.compiled()
    try:
        side.seconds(3)
    except Exception as error:  # noqa: BLE001  # whatever the compiler lacks
        return f"torch.compile failed: {str(error).partition(chr(10))[0]}"
    return side


def best_plain_loop(configuration: Configuration, cores: int) -> PlainLoop:
    """Return the plain loop with one thread or one for each core, whichever is faster."""
    sides = [PlainLoop(configuration, threads) for threads in sorted({1, cores})]
    return min(sides, key=lambda side: _trial(side, INTERVAL // 5))


def best_vmap_ensemble(configuration: Configuration, cores: int, most_runs: int = 512) -> VmapEnsemble:
    """Return the ensemble with the fastest of some sizes and numbers of threads."""
    width, n = configuration.width, configuration.target.n
    # Larger ones leave the caches, and their data the memory; the smallest is tried at any width.
    sizes = [runs for runs in _SIZES if runs <= most_runs and runs * width <= 20_000 and runs * n <= 40_000]
    best, best_seconds = None, float("inf")
    for runs in sizes[-3:] or _SIZES[:1]:
        for threads in sorted({1, cores}):
            side = VmapEnsemble(configuration, threads, runs)
            seconds = _trial(side, 20)
            if seconds < best_seconds:
                best, best_seconds = side, seconds
    assert best is not None  # noqa: S101  # there is at least one size
    return best


def _trial(side: PlainLoop | VmapEnsemble, steps: int) -> float:
    side.seconds(3)
    return side.seconds(steps)
