"""Runs on tables end in the same numbers on machines of different instruction sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from worker import instructions
from worker.instructions import PINNED, pin

#: Makes MKL believe that the processor has no more than this.
OLD_MACHINE = {"MKL_ENABLE_INSTRUCTIONS": "AVX2"}

pytestmark = pytest.mark.skipif(
    "AVX512" not in Path("/proc/cpuinfo").read_text().upper().replace("_", "")
    if Path("/proc/cpuinfo").exists()
    else True,
    reason="emulates an AVX2 machine on an AVX-512 one",
)


def printed(*command, **environment):
    """Return the lines that a program prints with these variables."""
    names = {*PINNED, *OLD_MACHINE}
    others = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=others | environment,
    )
    return done.stdout.splitlines()


def numbers(**environment):
    """Return what a process with these variables trains."""
    return printed(Path(__file__).with_name("instructions_program.py"), **environment)


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="torch here has another BLAS than MKL")
def test_pinned_instructions_give_the_same_scores_on_an_older_machine():
    here, there = numbers(**PINNED), numbers(**PINNED, **OLD_MACHINE)
    assert len(here) == 6
    assert here == there
    assert here != numbers(), "without the pin they differ, or this test could not fail"


#: Prints the set that NumPy takes exponentials with, and the processors that its BLAS and SciPy's believe in.
OF_NUMPY = """
from worker.instructions import pin
pin()
import numpy, scipy.linalg, threadpoolctl
(found,) = numpy.lib.introspect.opt_func_info(func_name="^exp$", signature="float64")["exp"].values()
print(found["current"])
print({one["architecture"] for one in threadpoolctl.threadpool_info() if one["internal_api"] == "openblas"})
"""


def test_numpy_and_its_blas_compute_as_an_older_machine_does():
    assert printed("-c", OF_NUMPY) == ["X86_V3", "{'Haswell'}"]
    free = printed("-c", OF_NUMPY.replace("pin()", ""))
    assert free != ["X86_V3", "{'Haswell'}"], "or this test could not fail"


def test_what_the_environment_says_is_left(monkeypatch):
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    pin()
    assert os.environ["MKL_CBWR"] == "COMPATIBLE"
    assert os.environ["OPENBLAS_CORETYPE"] == "Haswell"


def test_a_processor_without_avx2_is_left_as_it_is(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("flags : fpu sse2 avx \n")
    for name in PINNED:
        monkeypatch.delenv(name, raising=False)
    for file in ("cpuinfo", "none"):
        monkeypatch.setattr(instructions, "_CPU", tmp_path / file)
        pin()
        assert not set(PINNED) & set(os.environ)
