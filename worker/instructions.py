"""Which instructions libraries compute with, so that runs on tables end in the same numbers everywhere.

Sums and elementary functions come out otherwise in the last digits with AVX-512. Pinned is what x86
processors have had since 2013 to 2015; on others there is nothing to pin, and their last digits may differ.
MKL, the BLAS of torch, promises to heed its pin on Intel's processors only.
"""

from __future__ import annotations

import os
from pathlib import Path

_CPU = Path("/proc/cpuinfo")
PINNED = {
    # MKL's strict mode of reproducible results: without strict, a product alone may be rounded otherwise than
    # in a batch.
    "MKL_CBWR": "AVX2,STRICT",
    # Torch's own kernels.
    "ATEN_CPU_CAPABILITY": "avx2",
    # The OpenBLAS of NumPy and SciPy, and NumPy's own loops.
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}


def pin() -> None:
    """Pin the instructions, unless the environment says otherwise; call it before NumPy and torch load."""
    if not _has_avx2():
        return
    for name, value in PINNED.items():
        os.environ.setdefault(name, value)


def of_intel() -> bool:
    """Whether this is a processor of Intel's."""
    return "GenuineIntel" in _described()


def _has_avx2() -> bool:
    return "avx2" in _described().split()


def _described() -> str:
    try:
        return _CPU.read_text()
    except OSError:
        return ""  # not Linux
