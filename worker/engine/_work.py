"""All runs of one call of the engine, spread over threads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from typing import TYPE_CHECKING

import torch

from worker.engine._group import Group
from worker.engine._group_training import GroupTraining, Resources, RunQueue
from worker.engine._lanes import Stoppable, StopRequestedError
from worker.engine._packing import pack
from worker.engine._progress import Origin, run_of, steps_of
from worker.engine.seam import Checkpoint

if TYPE_CHECKING:
    from worker.engine.seam import FinishedRun

Queues = dict[Group, RunQueue]
_CPU = torch.device("cpu")


class Work(Stoppable):
    """What the training does, and what it and the caller's thread share.

    The groups train in lanes, one a core, each with batches of its own. Groups of which fewer runs than
    lanes fit into memory come later, in fewer lanes, and last of all, alone, what ran out of memory.

    Attributes:
        checkpoints: After a stop, where the runs stand that have begun and not ended.
    """

    def __init__(self, origins: Sequence[Origin], resources: Resources) -> None:
        super().__init__()
        self._resources = resources
        self.checkpoints: list[Checkpoint] = []
        self._queues = _queues(origins, resources.slack)
        self._cost = sum(group.run_cost * queue.count for group, queue in self._queues.items())
        self._cost_ended = sum(
            group.step_cost * sum(map(steps_of, queue.waiting)) for group, queue in self._queues.items()
        )
        self._fraction = 0.0
        self._lanes: dict[int, GroupTraining] = {}

    def train(self) -> None:
        """Train all runs, or until stopped.

        Raises:
            EngineMemoryError: One run alone does not fit into memory; other runs may have ended before.
        """
        stages: dict[int, Queues] = {}
        for group, queue in self._queues.items():
            stages.setdefault(self._lanes_for(group, queue), {})[group] = queue
        postponed: list[Origin] = []
        for lanes in sorted(stages, reverse=True):
            postponed += self._train_stage(lanes, stages[lanes])
        alone = _queues(postponed, self._resources.slack)
        if alone:
            self._train_stage(1, alone)
        # What waits in vain and had begun elsewhere stands where it stood.
        for queue in (*self._queues.values(), *alone.values()):
            self.checkpoints += [origin for origin in queue.waiting if isinstance(origin, Checkpoint)]

    def fraction_done(self) -> float:
        """Return the done share of the work, by cost; a run that ends early has done all of its share."""
        in_training = sum(lane.work_done() for lane in tuple(self._lanes.values()))
        done = (self._cost_ended + in_training) / self._cost if self._cost else 1.0
        self._fraction = min(1.0, max(self._fraction, done))  # runs that start again take nothing back
        return self._fraction

    def _lanes_for(self, group: Group, queue: RunQueue) -> int:
        """Return how many lanes have memory for a run of the group, at least one."""
        for lanes in range(self._resources.lanes, 1, -1):
            share = dataclasses.replace(self._resources, lanes=lanes)
            if share.fitting(group, queue.largest.configuration.samples) > 0:
                return lanes
        return 1

    def _train_stage(self, lanes: int, queues: Queues) -> list[Origin]:
        """Train groups in this many lanes; return the runs that had too little memory beside others."""
        resources = dataclasses.replace(self._resources, lanes=lanes)
        with training_threads(lanes, resources.device) as threads:
            futures = [threads.submit(self._train_lane, queues, resources) for _ in range(lanes)]
        return [origin for future in futures for origin in future.result()]

    @torch.inference_mode()
    def _train_lane(self, queues: Queues, resources: Resources) -> list[Origin]:
        postponed: list[Origin] = []
        lane = None
        try:
            for group, queue in queues.items():
                self.tick()
                lane = GroupTraining(group, queue, resources, self._hand_over, self.tick)
                self._lanes[get_ident()] = lane
                postponed += lane.train()
        except StopRequestedError:
            if lane is not None:
                self.checkpoints += lane.checkpoints()
        except BaseException:
            self.stop()
            raise
        finally:
            self._lanes.pop(get_ident(), None)
        return postponed

    def _hand_over(self, finished: FinishedRun, cost: float) -> None:
        with self._lock:
            self._cost_ended += cost
        self.finished.put(finished)


def training_threads(count: int, device: torch.device = _CPU) -> ThreadPoolExecutor:
    """Return threads in which denormal numbers are zero and torch works alone.

    Weight decay drives idle weights into the denormal range, where CPUs are slow. And lanes share nothing,
    while torch's own threads wait for each other in every product, spinning, which on a busy host costs more
    than it brings; with several threads the BLAS would also split long sums, and a run's rounding would
    depend on how many others train with it. Both settings hold for one thread only, and so does the current
    CUDA device, that of graphs and kernels.
    """
    return ThreadPoolExecutor(count, "tombola-lane", _enter_training_thread, (device,))


def _enter_training_thread(device: torch.device) -> None:
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    if device.type == "cuda":
        torch.cuda.set_device(device)


def _queues(origins: Iterable[Origin], slack: float) -> Queues:
    groups: dict[Group, list[Origin]] = {}
    for origin in origins:
        groups.setdefault(Group.of(run_of(origin).configuration), []).append(origin)
    packed: dict[Group, list[Origin]] = {}
    for group, host in pack({group: len(members) for group, members in groups.items()}, slack).items():
        packed.setdefault(host, []).extend(groups[group])
    return {group: RunQueue(members) for group, members in packed.items()}
