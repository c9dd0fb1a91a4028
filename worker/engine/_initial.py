"""The parameters of a run before its first step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from worker.engine import draws
from worker.engine._samples import BLOCKS_PER_CALL
from worker.engine._sgd import Parameters
from worker.engine.draws import Stream

if TYPE_CHECKING:
    from worker.engine.seam import Run


def initial_parameters(run: Run, device: torch.device) -> Parameters:
    """Draw the initial parameters of one run.

    Biases of the hidden neurons are U(-1/sqrt(n), 1/sqrt(n)), the output weights and the output bias
    U(-1/sqrt(width), 1/sqrt(width)); input weights are U(-1/sqrt(n), 1/sqrt(n)) where sparsity is None, else
    1 at exactly `sparsity` random inputs of each neuron and 0 at the others.
    """
    configuration = run.configuration
    n, width, sparsity = configuration.target.n, configuration.width, configuration.sparsity
    key = draws.target_key(configuration.target)
    seed = torch.tensor(run.seed, device=device)
    input_limit, output_limit = 1 / math.sqrt(n), 1 / math.sqrt(width)

    hidden = torch.empty((1, n + 1, width), device=device)
    output = torch.empty((1, width, 1), device=device)
    drawn_words = draws.FIRST_INPUT_WORD + (n if sparsity is None else 0)
    words_per_call = 4 * BLOCKS_PER_CALL[device.type]
    per_call = max(1, words_per_call // max(drawn_words, sparsity or 0, n // 8))
    for first in range(0, width, per_call):
        part = slice(first, min(first + per_call, width))
        neurons = torch.arange(part.start, part.stop, device=device)
        drawn = draws.words(key, seed, Stream.WEIGHTS, neurons, drawn_words)
        hidden[0, n, part] = draws.uniforms(drawn[:, draws.BIAS_WORD], input_limit)
        output[0, part, 0] = draws.uniforms(drawn[:, draws.OUTPUT_WORD], output_limit)
        if sparsity is None:
            hidden[0, :n, part] = draws.uniforms(drawn[:, draws.FIRST_INPUT_WORD :], input_limit).T
        else:
            hidden[0, :n, part] = draws.subsets(draws.words(key, seed, Stream.MASK, neurons, sparsity), n).T

    output_item = torch.tensor([draws.OUTPUT_BIAS_ITEM], device=device)
    drawn = draws.words(key, seed, Stream.WEIGHTS, output_item, 1)
    return Parameters(hidden, output, draws.uniforms(drawn, output_limit)[None])
