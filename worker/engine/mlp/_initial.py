"""The parameters of a network on a table before its first step.

Streams and words, as in `worker.engine.draws`:

======= ============== ==========================================================
stream  item           words
======= ============== ==========================================================
MASK    neuron         of the first layer: one per feature that starts at 1
WEIGHTS neuron         of the first layer: 0: bias, 4 + j: weight of feature j
HIDDEN  neuron         of the second hidden layer: 0: bias, 4 + j: of neuron j
OUTPUT  output         0: bias, 4 + j: weight of neuron j
======= ============== ==========================================================
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from worker.engine import draws
from worker.engine._samples import BLOCKS_PER_CALL
from worker.engine.draws import Stream

if TYPE_CHECKING:
    from worker.engine.philox import Key

Layers = list[tuple[Tensor, Tensor]]


def initial_layers(
    key: Key, seed: int, layers: list[tuple[int, int]], sparsity: int | None, device: torch.device
) -> Layers:
    """Draw the initial weights (inputs, outputs) and biases (1, outputs) of each layer of one run.

    All are U(-1/sqrt(inputs), 1/sqrt(inputs)). But where sparsity is given, first-layer weights are 1 for
    exactly so many random features of each neuron and 0 for the others.
    """
    first = initial_first_layer(key, seed, layers[0], sparsity, device)
    streams = [*[Stream.HIDDEN] * (len(layers) - 2), Stream.OUTPUT]
    number = torch.tensor(seed, device=device)
    later = [_dense(key, number, stream, *shape) for stream, shape in zip(streams, layers[1:], strict=True)]
    return [first, *later]


def initial_first_layer(
    key: Key, seed: int, shape: tuple[int, int], sparsity: int | None, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Draw the initial weights and biases of the first layer, as `initial_layers` does."""
    number = torch.tensor(seed, device=device)
    weights, bias = _dense(key, number, Stream.WEIGHTS, *shape)
    if sparsity is None:
        return weights, bias
    inputs, outputs = shape
    neurons = torch.arange(outputs, device=device)
    chosen = draws.subsets(draws.words(key, number, Stream.MASK, neurons, sparsity), inputs)
    return chosen.T.to(torch.float32).contiguous(), bias


def _dense(key: Key, seed: Tensor, stream: Stream, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    limit = 1 / math.sqrt(inputs)
    weights = torch.empty((inputs, outputs), device=seed.device)
    bias = torch.empty((1, outputs), device=seed.device)
    words = draws.FIRST_INPUT_WORD + inputs
    per_call = max(1, 4 * BLOCKS_PER_CALL[seed.device.type] // words)
    for first in range(0, outputs, per_call):
        part = slice(first, min(first + per_call, outputs))
        drawn = draws.words(key, seed, stream, torch.arange(part.start, part.stop, device=seed.device), words)
        bias[0, part] = draws.uniforms(drawn[:, draws.BIAS_WORD], limit)
        weights[:, part] = draws.uniforms(drawn[:, draws.FIRST_INPUT_WORD :], limit).T
    return weights, bias
