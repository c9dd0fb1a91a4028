"""How a run ended: its scores at the best evaluation, and what it reads."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from tombola.results import Outcome
from worker.engine.importance import column_shares, permutation_importances
from worker.engine.metrics import metrics
from worker.engine.mlp._batch import probabilities
from worker.engine.mlp._initial import initial_layers
from worker.engine.seam import Curve, FinishedRun, Importance, Metrics, Score
from worker.engine.tables import task_key

if TYPE_CHECKING:
    from worker.engine.mlp._batch import Batch, Member, Tick
    from worker.engine.mlp._network import Network
    from worker.engine.tables import Prepared

#: Share of the first-layer neurons whose weights tell what a network reads.
_COUNTING = 0.1


def finished(member: Member, score: Score, wall_seconds: float) -> FinishedRun:
    """Return a run that has ended as it is handed over."""
    accuracy = score.test.accuracy
    return FinishedRun(
        run=member.run,
        outcome=Outcome.DIVERGED if accuracy is None else Outcome.SUCCESS,
        steps=member.steps,
        train_error=None,
        test_error=None if accuracy is None else 1.0 - accuracy,
        curve=Curve(),
        wall_seconds=wall_seconds,
        score=score,
    )


def score_of(batch: Batch, place: int, prepared: Prepared, tick: Tick) -> Score:
    """Return the scores of a run's best parameters; test rows are looked at here and nowhere else."""
    member = batch.members[place]
    sizes = len(prepared.validation.classes), len(prepared.test.classes)
    nothing = Metrics(None, None, None)
    if member.diverged:
        return Score(nothing, nothing, *sizes)
    network = batch.best.keep([place])

    def predict(features: NDArray[np.float32]) -> NDArray[np.float64]:
        rows = torch.from_numpy(features).to(batch.device)
        return probabilities(batch.outputs(network, rows, tick)[0])

    validation, test = (
        metrics(predict(rows.features), rows.classes) for rows in (prepared.validation, prepared.test)
    )
    if test.accuracy is None or validation.accuracy is None:
        return Score(nothing, nothing, *sizes)
    importance = None
    if member.run.configuration.importance:
        key = task_key(member.run.configuration.target)
        read = permutation_importances(predict, prepared, key, member.run.seed)
        importance = _with_support(read, member, network, prepared)
    return Score(validation, test, *sizes, importance)


def _with_support(
    read: list[Importance], member: Member, network: Network, prepared: Prepared
) -> list[Importance]:
    """Add how much of each column the neurons read that count most, at the end and at the start."""
    configuration, model = member.run.configuration, member.model
    first, second = network.weights[0][0], network.weights[1][0]
    weight = first.norm(dim=0) * second.norm(dim=1)
    counting = weight.topk(max(1, round(_COUNTING * model.width))).indices
    shape = [(first.shape[0], model.width), (model.width, second.shape[1])]
    (begun, _), *_ = initial_layers(
        task_key(configuration.target), member.run.seed, shape, model.sparsity, first.device
    )
    ends, starts = (column_shares(weights[:, counting].cpu().numpy(), prepared) for weights in (first, begun))
    return [
        dataclasses.replace(item, support=float(end), initial_support=float(start))
        for item, end, start in zip(read, ends, starts, strict=True)
    ]
