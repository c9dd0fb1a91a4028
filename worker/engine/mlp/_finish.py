"""How a run ended: its scores at the best evaluation, and what it reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from worker.engine.importance import column_shares
from worker.engine.mlp._batch import probabilities
from worker.engine.mlp._initial import initial_first_layer
from worker.engine.scoring import no_score, score
from worker.engine.tables import task_key

if TYPE_CHECKING:
    from worker.engine._lanes import Tick
    from worker.engine.mlp._batch import Batch, Member
    from worker.engine.mlp._network import Network
    from worker.engine.seam import Importance, Score
    from worker.engine.tables import Prepared

#: Share of the first-layer neurons whose weights tell what a network reads.
_COUNTING = 0.1


def score_of(batch: Batch, place: int, prepared: Prepared, tick: Tick) -> Score:
    """Return the scores of a run's best parameters."""
    member = batch.members[place]
    if member.diverged:
        return no_score(prepared)
    network = batch.best.keep([place])

    def predict(features: NDArray[np.float32]) -> NDArray[np.float64]:
        rows = torch.from_numpy(features).to(batch.device)
        return probabilities(batch.outputs(network, rows, tick)[0])

    found = score(member.run, predict, prepared)
    if found.importance is None:
        return found
    return dataclasses.replace(found, importance=_with_support(found.importance, member, network, prepared))


def _with_support(
    read: Sequence[Importance], member: Member, network: Network, prepared: Prepared
) -> list[Importance]:
    """Add how much of each column the neurons read that count most, at the end and at the start."""
    configuration, model = member.run.configuration, member.model
    first, second = network.weights[0][0], network.weights[1][0]
    weight = first.norm(dim=0) * second.norm(dim=1)
    counting = weight.topk(max(1, round(_COUNTING * model.width))).indices
    numbers = (*task_key(configuration.target), member.run.seed)
    key_0, key_1, seeds = torch.tensor(numbers, device=first.device)[:, None]
    shape = (first.shape[0], first.shape[1])
    (begun,), _ = initial_first_layer((key_0, key_1), seeds, shape, model.sparsity)
    ends, starts = (column_shares(weights[:, counting].cpu().numpy(), prepared) for weights in (first, begun))
    return [
        dataclasses.replace(item, support=float(end), initial_support=float(start))
        for item, end, start in zip(read, ends, starts, strict=True)
    ]
