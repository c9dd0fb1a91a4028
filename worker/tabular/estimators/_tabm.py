"""TabM (Gorishniy et al. 2025, arXiv 2410.24210), an extra: networks that share most of their weights."""

from __future__ import annotations

import copy
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from worker.engine.metrics import mean_loss
from worker.tabular.estimators._seam import Fitted

if TYPE_CHECKING:
    from worker.engine._lanes import Tick
    from worker.engine.tables import Prepared
    from worker.tabular.estimators._seam import Hyperparameters

_BATCH = 256
_EVAL_EVERY = 100
_PATIENCE = 8  # evaluations
_ROWS_AT_ONCE = 1024


_making = Lock()


def fit_tabm(given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick) -> Fitted:
    """Fit TabM with AdamW, up to the evaluation with the least loss on the validation rows.

    Without dropout, which draws from torch's global generator: a run would depend on what trains beside it.
    """
    from tabm import TabM  # noqa: PLC0415  # an extra

    # Its first parameters are drawn from the global generator: those who make a model take turns.
    with _making, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TabM.make(
            n_num_features=prepared.train.features.shape[1],
            d_out=int(prepared.train.classes.max()) + 1,
            n_blocks=given["blocks"],
            d_block=given["width"],
            k=given["members"],
            dropout=0.0,
        )
    steps = _train(network, given, prepared, seed, tick)
    return Fitted(lambda features: _predict(network, features), steps)


def _train(
    network: torch.nn.Module, given: Hyperparameters, prepared: Prepared, seed: int, tick: Tick
) -> int:
    """Train, leave the network with its best parameters, and return the steps to them."""
    features, classes = (torch.from_numpy(item) for item in (prepared.train.features, prepared.train.classes))
    validation = prepared.validation
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=given["learning_rate"], weight_decay=given["weight_decay"]
    )
    generator = torch.Generator().manual_seed(seed)
    best, best_steps, kept = np.inf, 0, network.state_dict()
    for step in range(1, given["max_steps"] + 1):
        tick()
        places = torch.randint(len(classes), (min(_BATCH, len(classes)),), generator=generator)
        network.train()
        outputs = network(features[places])  # (rows, members, classes): every member learns by itself
        members = outputs.shape[1]
        loss = cross_entropy(outputs.flatten(0, 1), classes[places].repeat_interleave(members))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's has no types
        optimizer.step()
        if step % _EVAL_EVERY == 0 or step == given["max_steps"]:
            reached = mean_loss(_predict(network, validation.features), validation.classes)
            if reached < best:
                best, best_steps, kept = reached, step, copy.deepcopy(network.state_dict())
            elif step - best_steps >= _PATIENCE * _EVAL_EVERY:
                break
    network.load_state_dict(kept)
    return best_steps


@torch.no_grad()
def _predict(network: torch.nn.Module, features: NDArray[np.float32]) -> NDArray[np.float64]:
    network.eval()
    parts = torch.split(torch.from_numpy(np.ascontiguousarray(features)), _ROWS_AT_ONCE)
    shares = torch.cat([network(part).double().softmax(dim=2).mean(dim=1) for part in parts])
    found: NDArray[np.float64] = shares.numpy()
    return found
