"""R networks at once: forward pass, hand-written gradients, SGD and AdamW.

Products are batched ones over the runs, and everything else is one rounded operation for each element, so
that no run's results depend on the others (see `worker.engine._sgd.product`).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from worker.engine._sgd import add_product, product

if TYPE_CHECKING:
    from worker.engine.mlp._initial import Layers

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8
#: Steps after which 1 - 0.999^step is 1 in float32.
_CORRECTED_STEPS = 20_000


@dataclass
class Network:
    """The parameters of R runs, float32.

    Attributes:
        weights: Of each layer, shape (R, inputs, outputs).
        biases: Of each layer, shape (R, 1, outputs).
    """

    weights: list[Tensor]
    biases: list[Tensor]

    @classmethod
    def of(cls, layers: Layers) -> Network:
        """Return what has these layers."""
        return cls([weights for weights, _ in layers], [bias for _, bias in layers])

    @classmethod
    def joined(cls, parts: list[Network]) -> Network:
        """Return the parameters of all these runs."""
        layers = range(len(parts[0].weights))
        return cls(
            [torch.cat([part.weights[layer] for part in parts]) for layer in layers],
            [torch.cat([part.biases[layer] for part in parts]) for layer in layers],
        )

    @property
    def tensors(self) -> list[Tensor]:
        """All parameters."""
        return [*self.weights, *self.biases]

    def keep(self, index: list[int]) -> Network:
        """Return a copy of the parameters of the runs at these places."""
        return Network([item[index] for item in self.weights], [item[index] for item in self.biases])

    def part(self, places: range) -> Network:
        """Return the parameters of the runs at these places, without a copy."""
        part = slice(places.start, places.stop)
        return Network([item[part] for item in self.weights], [item[part] for item in self.biases])

    def put(self, index: list[int], other: Network) -> None:
        """Take the parameters of other runs, at these places in both."""
        for mine, theirs in zip(self.tensors, other.tensors, strict=True):
            mine[index] = theirs[index]

    def zeros(self) -> Network:
        """Return zeros of the same shapes."""
        return Network(
            [torch.zeros_like(item) for item in self.weights],
            [torch.zeros_like(item) for item in self.biases],
        )

    def forward(self, inputs: Tensor) -> list[Tensor]:
        """Return the activations of each layer, the last one's linear: shapes (R, B, outputs).

        Args:
            inputs: Shape (R, B, features).
        """
        passed = [inputs]
        for number, (weights, bias) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            runs, rows = passed[-1].shape[:2]
            out = product(passed[-1], weights, inputs.new_empty((runs, rows, weights.shape[2]))).add_(bias)
            passed.append(out if number == len(self.weights) else out.relu_())
        return passed[1:]


class Descent:
    """Steps of gradient descent of R runs with rates of their own.

    Args:
        network: Changed in place.
        rates: Learning rates, shape (R, 1, 1).
        decays: Weight decays, shape (R, 1, 1): inside the gradient with SGD, decoupled with AdamW.
        adam: Whether AdamW (Loshchilov and Hutter 2019) with torch's defaults; else plain SGD.

    Attributes:
        steps: How many were taken: int64, shape (1,), on the device, so that a CUDA graph can count them.
    """

    def __init__(self, network: Network, rates: Tensor, decays: Tensor, *, adam: bool) -> None:
        self._network = network
        self._rates, self._decays = rates, decays
        self._kept = 1.0 - rates * decays
        self._decaying = bool((decays > 0).any())
        self._moments = (network.zeros(), network.zeros()) if adam else None
        self._corrections = _corrections(rates.device) if adam else None
        self.steps = torch.zeros(1, dtype=torch.int64, device=rates.device)

    def keep(self, index: list[int], network: Network) -> Descent:
        """Return the descent of the runs at these places, whose parameters are given."""
        made = Descent(network, self._rates[index], self._decays[index], adam=False)
        if self._moments is not None:
            first, second = self._moments
            made._moments = (first.keep(index), second.keep(index))
            made._corrections = self._corrections
        made.steps = self.steps
        return made

    def step(self, inputs: Tensor, classes: Tensor) -> None:
        """Take one step on the mean cross-entropy of a mini-batch.

        Args:
            inputs: Shape (R, B, features).
            classes: int64, shape (R, B).
        """
        network = self._network
        passed = [inputs, *network.forward(inputs)]
        back = slope(passed[-1], classes).div_(inputs.shape[1])
        slopes = [back]
        for weights, activations in zip(network.weights[:0:-1], passed[-2:0:-1], strict=True):
            below = product(back, weights.mT, torch.empty_like(activations))
            back = torch.ops.aten.threshold_backward.grad_input(below, activations, 0, grad_input=below)
            slopes.append(back)
        slopes.reverse()
        self.steps.add_(1)
        ones = inputs.new_ones((inputs.shape[0], 1, inputs.shape[1]))
        update = self._descend if self._moments is None else self._descend_adam
        update(passed[:-1], slopes, ones)

    def _descend(self, passed: list[Tensor], slopes: list[Tensor], ones: Tensor) -> None:
        for layer, (inputs, back) in enumerate(zip(passed, slopes, strict=True)):
            # A gradient is linear in the slopes: the rate goes there, not into a pass over the weights.
            back.mul_(-self._rates)
            for target, left in (
                (self._network.weights[layer], inputs.mT),
                (self._network.biases[layer], ones),
            ):
                if self._decaying:
                    target.mul_(self._kept)
                add_product(target, left, back, beta=1.0, alpha=1.0)

    def _descend_adam(self, passed: list[Tensor], slopes: list[Tensor], ones: Tensor) -> None:
        assert self._moments is not None  # noqa: S101  # else it is SGD
        assert self._corrections is not None  # noqa: S101  # likewise
        first, second = self._moments
        at = self.steps.clamp(max=_CORRECTED_STEPS)
        rates, root = self._rates / self._corrections[0][at], self._corrections[1][at]
        for layer, (inputs, back) in enumerate(zip(passed, slopes, strict=True)):
            for name, left in (("weights", inputs.mT), ("biases", ones)):
                target, mean, square = (getattr(item, name)[layer] for item in (self._network, first, second))
                gradient = product(left, back, torch.empty_like(target))
                # Products and sums apart: fused ones round otherwise at the ends of what is vectorised.
                mean.mul_(_BETA_1).add_(gradient * (1 - _BETA_1))
                square.mul_(_BETA_2).add_(gradient.mul_(gradient).mul_(1 - _BETA_2))
                scale = torch.sqrt(square, out=gradient).div_(root).add_(_EPSILON)
                if self._decaying:
                    target.mul_(self._kept)
                target.sub_(torch.div(mean, scale, out=scale).mul_(rates))


@functools.cache
def _corrections(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return 1 - beta_1^t and sqrt(1 - beta_2^t) for each step t, float32."""
    steps = range(_CORRECTED_STEPS + 1)
    first = torch.tensor([1 - _BETA_1**step for step in steps], device=device)
    second = torch.tensor([math.sqrt(1 - _BETA_2**step) for step in steps], device=device)
    return first, second


def slope(outputs: Tensor, classes: Tensor) -> Tensor:
    """Return the derivative of each row's cross-entropy by its outputs, with the shape of `outputs`.

    Args:
        outputs: Logits, shape (R, B, 1) of the second of two classes, or (R, B, K).
        classes: int64, shape (R, B).
    """
    if outputs.shape[2] == 1:
        signs = classes.mul(2).sub_(1).to(outputs.dtype).unsqueeze(2)  # -1 or +1
        # Not torch.sigmoid, whose last elements on CPU round otherwise than the vectorised ones.
        return (signs * outputs).exp_().add_(1.0).reciprocal_().mul_(signs).neg_()
    shares = (outputs - outputs.amax(dim=2, keepdim=True)).exp_()
    # Summed class by class: a reduction's order may depend on the shape.
    total = shares[..., :1].clone()
    for number in range(1, shares.shape[2]):
        total.add_(shares[..., number : number + 1])
    return shares.div_(total).scatter_add_(2, classes.unsqueeze(2), -torch.ones_like(total))
