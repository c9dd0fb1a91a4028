"""The parameters of networks on tables before their first step.

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
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from worker.engine import draws
from worker.engine._initial import calls
from worker.engine.draws import Stream

if TYPE_CHECKING:
    from worker.engine.philox import Keys

#: Weights (R, inputs, outputs) and biases (R, 1, outputs) of each layer.
Layers = list[tuple[Tensor, Tensor]]


def initial_layers(
    keys: Keys, seeds: Tensor, layers: Sequence[tuple[int, int]], sparsity: int | None
) -> Layers:
    """Draw the initial weights and biases of each layer of some runs.

    All are U(-1/sqrt(inputs), 1/sqrt(inputs)). But where sparsity is given, first-layer weights are 1 for
    exactly so many random features of each neuron and 0 for the others.

    Args:
        keys: Of the generator, int64, shape (R,).
        seeds: int64, shape (R,).
        layers: Inputs and outputs of each.
        sparsity: Of all the runs.
    """
    first = initial_first_layer(keys, seeds, layers[0], sparsity)
    streams = [*[Stream.HIDDEN] * (len(layers) - 2), Stream.OUTPUT]
    later = [_dense(keys, seeds, stream, *shape) for stream, shape in zip(streams, layers[1:], strict=True)]
    return [first, *later]


def initial_first_layer(
    keys: Keys, seeds: Tensor, shape: tuple[int, int], sparsity: int | None
) -> tuple[Tensor, Tensor]:
    """Draw the initial weights and biases of the first layer, as `initial_layers` does."""
    weights, bias = _dense(keys, seeds, Stream.WEIGHTS, *shape)
    if sparsity is None:
        return weights, bias
    inputs, outputs = shape
    for own, part in calls(len(seeds), outputs, max(sparsity, inputs // 8), seeds.device):
        neurons = torch.arange(part.start, part.stop, device=seeds.device)
        key = keys[0][own, None], keys[1][own, None]
        drawn = draws.words(key, seeds[own, None], Stream.MASK, neurons, sparsity)
        weights[own, :, part] = draws.subsets(drawn, inputs).mT
    return weights, bias


def _dense(keys: Keys, seeds: Tensor, stream: Stream, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    limit = 1 / math.sqrt(inputs)
    weights = torch.empty((len(seeds), inputs, outputs), device=seeds.device)
    bias = torch.empty((len(seeds), 1, outputs), device=seeds.device)
    words = draws.FIRST_INPUT_WORD + inputs
    for own, part in calls(len(seeds), outputs, words, seeds.device):
        neurons = torch.arange(part.start, part.stop, device=seeds.device)
        key = keys[0][own, None], keys[1][own, None]
        drawn = draws.words(key, seeds[own, None], stream, neurons, words)
        bias[own, 0, part] = draws.uniforms(drawn[..., draws.BIAS_WORD], limit)
        weights[own, :, part] = draws.uniforms(drawn[..., draws.FIRST_INPUT_WORD :], limit).mT
    return weights, bias
