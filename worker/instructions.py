"""Which instructions the BLAS computes with, so that networks end in the same numbers on every machine."""

from __future__ import annotations

import os

#: MKL's strict mode of reproducible results, and torch's own kernels: what x86 processors have since 2013.
#: Sums with AVX-512 are rounded in another order; without strict, a product alone may be rounded otherwise
#: than in a batch.
PINNED = {"MKL_CBWR": "AVX2,STRICT", "ATEN_CPU_CAPABILITY": "avx2"}


def pin() -> None:
    """Pin the instructions, unless the environment says otherwise; call it before torch computes anything."""
    for name, value in PINNED.items():
        os.environ.setdefault(name, value)
