"""The learner of R runs at once: forward pass, hand-written gradients, stochastic gradient descent.

f(x) = u . relu(W x + b) + c. The bias b is one more row of W, met by a column of ones in X. Every product is
a batched one over the runs; see `product` for why its results do not depend on the other runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad, softplus

if TYPE_CHECKING:
    from tombola.spec import TrainingSettings


@dataclass
class Parameters:
    """The parameters of R runs, float32.

    Attributes:
        hidden: W transposed, with b as its last row: shape (R, n + 1, width).
        output: u, shape (R, width, 1).
        offset: c, shape (R, 1, 1).
    """

    hidden: Tensor
    output: Tensor
    offset: Tensor

    def keep(self, index: list[int]) -> Parameters:
        """Return a copy of the parameters of the runs at these places."""
        return Parameters(self.hidden[index], self.output[index], self.offset[index])

    def unbind(self) -> Iterator[Parameters]:
        """Yield the parameters of each run."""
        parts = zip(self.hidden, self.output, self.offset, strict=True)
        return (Parameters(*(part[None] for part in one)) for one in parts)

    @staticmethod
    def joined(parts: list[Parameters]) -> Parameters:
        """Return the parameters of all these runs."""
        return Parameters(
            torch.cat([part.hidden for part in parts]),
            torch.cat([part.output for part in parts]),
            torch.cat([part.offset for part in parts]),
        )

    def clone(self) -> Parameters:
        """Return a copy."""
        return Parameters(self.hidden.clone(), self.output.clone(), self.offset.clone())

    def copy_(self, other: Parameters) -> None:
        """Take the values of other parameters of the same shapes."""
        self.hidden.copy_(other.hidden)
        self.output.copy_(other.output)
        self.offset.copy_(other.offset)

    def padded(self, width: int) -> Parameters:
        """Return the parameters with neurons added, up to a width, that are zero.

        They stay zero: their activations are zero, so that no gradient reaches their output weights, and with
        an activation of zero, none passes the rectifier.
        """
        missing = width - self.hidden.shape[-1]
        if not missing:
            return self
        return Parameters(pad(self.hidden, (0, missing)), pad(self.output, (0, 0, 0, missing)), self.offset)

    def packed(self, place: int, width: int) -> bytes:
        """Return the first `width` neurons of the run at a place, as `Checkpoint.parameters` has them."""
        parts = (self.hidden[place, :, :width], self.output[place, :width], self.offset[place])
        arrays = (part.contiguous().cpu().numpy() for part in parts)
        return b"".join(array.astype("<f4", copy=False).tobytes() for array in arrays)

    @staticmethod
    def unpacked(content: bytes, n: int, width: int, device: torch.device) -> Parameters:
        """Return the parameters of one run of a checkpoint."""
        values = torch.from_numpy(np.frombuffer(content, "<f4").astype(np.float32)).to(device)
        hidden, output, offset = torch.split_with_sizes(values, [(n + 1) * width, width, 1])
        return Parameters(hidden.view(1, n + 1, width), output.view(1, width, 1), offset.view(1, 1, 1))


class Workspace:
    """Scratch for one pass through the network, allocated once for all passes.

    Args:
        runs: R.
        samples: Most samples at once.
        width: Hidden neurons.
        device: Where.
    """

    def __init__(self, runs: int, samples: int, width: int, device: torch.device) -> None:
        self._runs, self._width = runs, width
        self._hidden = torch.empty(runs * samples * width, device=device)
        self._outputs = torch.empty(runs * samples, device=device)
        self._views: dict[int, tuple[Tensor, Tensor]] = {}

    def views(self, samples: int) -> tuple[Tensor, Tensor]:
        """Return contiguous tensors of shape (R, samples, width) and (R, samples, 1)."""
        if samples not in self._views:
            shape = (self._runs, samples, self._width)
            hidden = self._hidden[: math.prod(shape)].view(shape)
            outputs = self._outputs[: self._runs * samples].view(self._runs, samples, 1)
            self._views[samples] = hidden, outputs
        return self._views[samples]


def product(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """Store the matrix product of each run in `out`, so that it does not depend on the other runs.

    The BLAS rounds a lone product with a vector otherwise than one of several: pair it with itself. Nor
    may it split a product over threads: see `training_threads`.
    """
    if _lone_vector(a, b):
        return out.copy_(torch.bmm(a.expand(2, -1, -1), b.expand(2, -1, -1))[:1])
    return torch.bmm(a, b, out=out)


def add_product(target: Tensor, a: Tensor, b: Tensor, beta: float, alpha: float) -> Tensor:
    """Set target = beta target + alpha a b for each run; what `product` says holds."""
    if _lone_vector(a, b):
        pair = [tensor.expand(2, -1, -1) for tensor in (target, a, b)]
        return target.copy_(torch.baddbmm(*pair, beta=beta, alpha=alpha)[:1])
    return target.baddbmm_(a, b, beta=beta, alpha=alpha)


def _lone_vector(a: Tensor, b: Tensor) -> bool:
    return a.shape[0] == 1 and 1 in (a.shape[1], b.shape[2])


def forward(parameters: Parameters, inputs: Tensor, scratch: Workspace) -> tuple[Tensor, Tensor]:
    """Return activations (R, B, width) and outputs f (R, B, 1) for inputs (R, B, n + 1), in the scratch."""
    hidden, outputs = scratch.views(inputs.shape[1])
    product(inputs, parameters.hidden, out=hidden).relu_()
    product(hidden, parameters.output, out=outputs).add_(parameters.offset)
    return hidden, outputs


def sgd_step(  # noqa: PLR0913  # the parts of a step, each once
    parameters: Parameters,
    samples: Iterable[tuple[Tensor, Tensor]],
    *,
    count: int,
    settings: TrainingSettings,
    activations: Workspace,
    gradients: Workspace,
) -> None:
    """Take one step of gradient descent on the mean loss, with weight decay on all parameters, in place.

    What `samples` raises leaves the parameters as they were before the step.

    Args:
        parameters: Of R runs.
        samples: Chunks of the mini-batch: inputs (R, B, n + 1) and labels (R, B, 1); the B add up to `count`.
        count: Samples of the mini-batch.
        settings: Loss, learning rate, weight decay.
        activations: Scratch for the hidden layer.
        gradients: Scratch for its gradient.
    """
    decay = 1.0 - settings.learning_rate * settings.weight_decay
    rate = -settings.learning_rate / count  # of the sum of losses; their mean is descended
    before = None
    try:
        for inputs, labels in samples:
            if before is None:
                # All chunks see the parameters before the step; a lone chunk needs no copy of them.
                before = parameters if inputs.shape[1] == count else parameters.clone()
            hidden, outputs = forward(before, inputs, activations)
            slope = loss_slope(settings.loss, outputs, labels)
            back, ones = gradients.views(inputs.shape[1])
            torch.mul(slope, before.output.mT, out=back)
            torch.ops.aten.threshold_backward.grad_input(back, hidden, 0, grad_input=back)  # relu

            add_product(parameters.output, hidden.mT, slope, beta=decay, alpha=rate)
            add_product(parameters.offset, ones.fill_(1.0).mT, slope, beta=decay, alpha=rate)
            add_product(parameters.hidden, inputs.mT, back, beta=decay, alpha=rate)
            decay = 1.0  # once per step, not per chunk
    except BaseException:
        if before is not None and before is not parameters:
            parameters.copy_(before)
        raise


def loss_slope(loss: str, outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the derivative of each sample's loss by its output; 0 at the kink of the hinge."""
    if loss == "hinge":
        return (labels * outputs).lt_(1.0).mul_(labels).neg_()
    if loss == "logistic":
        # Not torch.sigmoid: on CPU its last few elements round otherwise than the vectorised ones.
        return (labels * outputs).exp_().add_(1.0).reciprocal_().mul_(labels).neg_()
    return (outputs - labels).mul_(2.0)


def sample_losses(loss: str, outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of each sample, with the shape of `outputs`."""
    if loss == "hinge":
        return (1.0 - labels * outputs).clamp_(min=0.0)
    if loss == "logistic":
        return softplus(-(labels * outputs))
    return (outputs - labels).square_()
