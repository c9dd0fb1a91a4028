"""Runs of one group that train together in a Triton kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from worker.engine import _triton_kernels as kernels
from worker.engine import draws
from worker.engine._batch import Batch
from worker.engine._graph import Pace

if TYPE_CHECKING:
    from worker.engine._batch import OnSteps
    from worker.engine._group import Group
    from worker.engine._lanes import Tick

#: A dimension of a tensor-core product is at least this.
_LEAST = 16
#: Most weights, and neurons, of a network that stays in one multiprocessor: as far as that was the fastest
#: on an H200, and where the shared memory holds the operands of the products, some bytes for each weight.
_MOST_WEIGHTS, _MOST_NEURONS = 2**14, 256
_SHARED_BYTES_PER_WEIGHT = 12.25
#: Most samples of a tile.
_TILE_SAMPLES = 32
#: Most samples of a step, and tiles of them in one launch: a stop waits for a launch.
_MOST_SAMPLES, _TILES_PER_LAUNCH = 2**14, 2**13
#: A warp is 32 threads of a program: more where there are more weights than this. With other numbers a step
#: takes up to twice as long (H200).
_WARPS, _MOST_WARPS, _FEW_WEIGHTS = 4, 8, 2**13


@dataclass(frozen=True)
class Plan:
    """How a group trains in a kernel: each network in one multiprocessor, for many steps.

    Attributes:
        coordinates: Of a tile.
        neurons: Of a tile.
        samples: Of a tile.
        steps: Most steps at once.
        warps: Of a program.
    """

    coordinates: int
    neurons: int
    samples: int
    steps: int
    warps: int

    @classmethod
    def of(cls, group: Group, shared: float = math.inf) -> Plan | None:
        """Return the plan for a group, None where its network or its batch is too large for the kernel.

        Args:
            group: What trains.
            shared: Bytes of shared memory that a program may have.
        """
        size = group.batch_size
        coordinates, neurons = _power(group.target.n), _power(group.width)
        weights = coordinates * neurons
        if coordinates > draws.BITS_PER_BLOCK or neurons > _MOST_NEURONS or weights > _MOST_WEIGHTS:
            return None
        if weights * _SHARED_BYTES_PER_WEIGHT > shared or size > _MOST_SAMPLES:
            return None
        samples = min(_power(size), _TILE_SAMPLES)
        steps = max(1, _TILES_PER_LAUNCH * samples // size)
        return cls(coordinates, neurons, samples, steps, _WARPS if weights <= _FEW_WEIGHTS else _MOST_WARPS)


def _shared_bytes(device: torch.device) -> float:
    if device.type != "cuda":
        return math.inf  # interpreted
    properties = torch.cuda.get_device_properties(device)
    return float(properties.shared_memory_per_block_optin)  # type: ignore[attr-defined]  # torch types few


def _power(size: int) -> int:
    return max(_LEAST, 1 << (size - 1).bit_length())


class TritonBatch(Batch):
    """A batch whose steps are taken in a kernel; where it is too large for that, it is a `Batch`."""

    def advance(self, steps: int, tick: Tick, on_steps: OnSteps = lambda _: None) -> None:
        """Take SGD steps with every run; where `tick` raises, all stand after the same whole step."""
        plan = Plan.of(self.group, _shared_bytes(self.steps.device))
        if plan is None:
            super().advance(steps, tick, on_steps)
            return
        pace = Pace(self.steps.device)
        while steps > 0:
            tick()
            taken = min(steps, plan.steps)
            self._launch(plan, taken)
            self.steps += taken
            on_steps(taken)
            steps -= taken
            pace.keep()

    def _launch(self, plan: Plan, steps: int) -> None:
        parameters, group, settings = self.parameters, self.group, self.group.training
        source = "full" if group.samples is not None else "online" if group.source == "online" else "drawn"
        kernels.resident_steps[(len(self.runs),)](
            parameters.hidden,
            parameters.output,
            parameters.offset,
            *self._draws,
            steps,
            n=group.target.n,
            width=group.width,
            batch=group.batch_size,
            decay=1.0 - settings.learning_rate * settings.weight_decay,
            rate=-settings.learning_rate / group.batch_size,
            LOSS=settings.loss,
            SOURCE=source,
            N=plan.coordinates,
            W=plan.neurons,
            B=plan.samples,
            WHOLE=group.batch_size <= plan.samples,
            num_warps=plan.warps,
            enable_fp_fusion=True,
        )

    @cached_property
    def _draws(self) -> tuple[Tensor | int, ...]:
        """What the draws of the runs depend on: supports, seeds, steps, counts, key."""
        target = self.group.target
        key = draws.target_key(target)
        supports = draws.supports(key, self._seeds, target.n, target.k)
        marked = torch.zeros((len(self.runs), target.n), dtype=torch.int32, device=supports.device)
        marked.scatter_(1, supports, 1)
        return marked, self._seeds, self.steps, self._counts, key[0] | key[1] << 32
