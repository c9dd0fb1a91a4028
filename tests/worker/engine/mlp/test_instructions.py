"""Networks end in the same numbers on machines of different instruction sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from worker.instructions import PINNED

#: Makes MKL believe that the processor has no more than this.
OLD_MACHINE = {"MKL_ENABLE_INSTRUCTIONS": "AVX2"}

pytestmark = pytest.mark.skipif(
    "AVX512" not in Path("/proc/cpuinfo").read_text().upper().replace("_", "")
    if Path("/proc/cpuinfo").exists()
    else True,
    reason="emulates an AVX2 machine on an AVX-512 one",
)


def numbers(**environment):
    """Return what a process with these variables trains."""
    names = {*PINNED, *OLD_MACHINE}
    others = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("instructions_program.py"))],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=others | environment,
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="torch here has another BLAS than MKL")
def test_pinned_instructions_give_the_same_scores_on_an_older_machine():
    here, there = numbers(**PINNED), numbers(**PINNED, **OLD_MACHINE)
    assert len(here) == 6
    assert here == there
    assert here != numbers(), "without the pin they differ, or this test could not fail"
