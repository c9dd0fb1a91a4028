"""Which instructions the BLAS computes with, so that networks end in the same numbers on every machine."""

from __future__ import annotations

import os

#: MKL's mode of reproducible results, and torch's own kernels: what every x86 processor since 2013 has. Sums
#: with AVX-512 are rounded in another order. It costs products a third of their speed there.
PINNED = {"MKL_CBWR": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


def pin() -> None:
    """Pin the instructions, unless the environment says otherwise; call it before torch computes anything."""
    for name, value in PINNED.items():
        os.environ.setdefault(name, value)
