from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from worker.engine._group import FIXED_BYTES
from worker.engine._memory import Budget
from worker.engine.errors import EngineMemoryError
from worker.engine.mlp import MlpEngine, _work
from worker.engine.mlp._group import Group
from worker.engine.mlp._work import Resources, Work

from .conftest import provide, run


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory as Linux does")
@pytest.mark.parametrize("case", ["wide", "wide-adam", "deep-adam", "large-batch", "many-outputs"])
def test_the_estimate_covers_what_training_takes(case):
    program = str(Path(__file__).with_name("memory_program.py"))
    result = subprocess.run(
        [sys.executable, program, case], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    estimated, grown = (int(word) for word in result.stdout.split())
    assert grown <= estimated


def test_a_network_too_large_for_memory_is_named_with_its_size_and_stops_no_other():
    small, large = run(), run(width=10_000, depth=3)
    finished = []
    with pytest.raises(EngineMemoryError, match=r"width 10000 and depth 3 needs about \d+ MiB, and"):
        MlpEngine(provide, "cpu", memory_limit=FIXED_BYTES + 2**22).train(
            [large, small], finished.append, lambda _: False
        )
    assert [item.run for item in finished] == [small]


def test_networks_that_fill_memory_train_one_after_the_other(monkeypatch):
    runs = [run(seed, width=2000) for seed in range(4)]
    group = Group.of(runs[0].configuration, runs[0].configuration.model)
    inside, most = [], []
    train_batch = Work._train_batch

    def watched(work, piece):
        inside.append(piece)
        most.append(len(inside))
        train_batch(work, piece)
        inside.remove(piece)

    monkeypatch.setattr(Work, "_train_batch", watched)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        engine = MlpEngine(
            provide, "cpu", memory_limit=int(1.5 * (FIXED_BYTES + group.bytes_of(1, 100, 400)))
        )
    finally:
        torch.set_num_threads(threads)
    finished = []
    assert engine.lanes == 2
    assert engine.train(runs, finished.append, lambda _: False)
    assert len(finished) == 4
    assert most == [1, 1, 1, 1]


def tables_of(piece):
    return [table for table, _ in itertools.groupby(member.table for member in piece.members)]


def test_runs_on_many_splits_and_sizes_share_batches_up_to_what_their_tables_take(monkeypatch):
    runs = [
        run(seed, split=split, samples=samples)
        for seed in range(2)
        for split in range(4)
        for samples in (50, 120)
    ]
    resources = Resources(provide, torch.device("cpu"), lanes=2, memory=2**34)
    pieces = Work(runs, resources)._waiting
    assert [len(piece.members) for piece in pieces] == [8, 8]
    assert [len(tables_of(piece)) for piece in pieces] == [4, 4], "those of a table are side by side"

    largest = max(_work._bytes(table) for piece in pieces for table in tables_of(piece))
    monkeypatch.setattr(_work, "_JOINED_BYTES", {"cpu": 3 * largest})
    pieces = Work(runs, resources)._waiting
    assert sum(len(piece.members) for piece in pieces) == len(runs)
    assert 1 < max(len(tables_of(piece)) for piece in pieces) <= 3


def test_a_budget_gives_bytes_to_those_who_wait_for_them_in_their_order():
    """A small piece does not pass a large one for ever."""
    budget = Budget(10)
    got = []

    def wait(name, amount):
        with budget.holding(amount):
            got.append(name)

    threads = []
    with budget.holding(6):
        for name, amount in (("large", 8), ("small", 1)):
            threads.append(threading.Thread(target=wait, args=(name, amount)))
            threads[-1].start()
            while len(budget._waiting) < len(threads):
                time.sleep(0.001)
        assert got == []
    for thread in threads:
        thread.join()
    assert got == ["large", "small"]
