"""The parameters of runs before their first step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from worker.engine import draws
from worker.engine._samples import BLOCKS_PER_CALL
from worker.engine._sgd import Parameters
from worker.engine.draws import Stream

if TYPE_CHECKING:
    from worker.engine.seam import Run


def initial_parameters(runs: Sequence[Run], device: torch.device) -> Parameters:
    """Draw the initial parameters of runs whose target, width and sparsity are the same.

    Biases of the hidden neurons are U(-1/sqrt(n), 1/sqrt(n)), the output weights and the output bias
    U(-1/sqrt(width), 1/sqrt(width)); input weights are U(-1/sqrt(n), 1/sqrt(n)) where sparsity is None, else
    1 at exactly `sparsity` random inputs of each neuron and 0 at the others.
    """
    configuration = runs[0].configuration
    n, width, sparsity = configuration.target.n, configuration.width, configuration.sparsity
    key = draws.target_key(configuration.target)
    seeds = torch.tensor([run.seed for run in runs], device=device)
    input_limit, output_limit = 1 / math.sqrt(n), 1 / math.sqrt(width)

    hidden = torch.empty((len(runs), n + 1, width), device=device)
    output = torch.empty((len(runs), width, 1), device=device)
    drawn_words = draws.FIRST_INPUT_WORD + (n if sparsity is None else 0)
    for own, part in calls(len(runs), width, max(drawn_words, sparsity or 0, n // 8), device):
        seed, neurons = seeds[own, None], torch.arange(part.start, part.stop, device=device)
        drawn = draws.words(key, seed, Stream.WEIGHTS, neurons, drawn_words)
        hidden[own, n, part] = draws.uniforms(drawn[..., draws.BIAS_WORD], input_limit)
        output[own, part, 0] = draws.uniforms(drawn[..., draws.OUTPUT_WORD], output_limit)
        if sparsity is None:
            hidden[own, :n, part] = draws.uniforms(drawn[..., draws.FIRST_INPUT_WORD :], input_limit).mT
        else:
            drawn = draws.words(key, seed, Stream.MASK, neurons, sparsity)
            hidden[own, :n, part] = draws.subsets(drawn, n).mT

    output_item = torch.full_like(seeds, draws.OUTPUT_BIAS_ITEM)
    drawn = draws.words(key, seeds, Stream.WEIGHTS, output_item, 1)
    return Parameters(hidden, output, draws.uniforms(drawn, output_limit)[..., None])


def calls(runs: int, width: int, words: int, device: torch.device) -> Iterator[tuple[slice, slice]]:
    """Yield the runs and neurons, each with so many words, of each call of the generator.

    Narrow networks are drawn many at a time: on a GPU a call for one takes as long as for hundreds.
    """
    per_call = max(1, 4 * BLOCKS_PER_CALL[device.type] // words)
    together = max(1, per_call // width)
    for first in range(0, runs, together):
        for neuron in range(0, width, per_call):
            yield slice(first, min(first + together, runs)), slice(neuron, min(neuron + per_call, width))
