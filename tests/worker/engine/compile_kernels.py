# ruff: noqa: T201  # a program: it prints what it measured
"""Compiles the Triton kernels for a GPU that need not be here; started by `test_triton.py`.

Usage: compile_kernels.py CAPABILITY, where 80 is Ampere (A100) and 90 Hopper (H100)
"""

from __future__ import annotations

import sys

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from worker.engine import _triton_kernels as kernels
from worker.engine._triton_batch import _MOST_WARPS, _SHARED_BYTES_PER_WEIGHT, _WARPS

#: What one program may have on consumers' GPUs since Ampere; what needs more is planned where there is more.
SHARED_BYTES = 99 * 1024
DRAWS = {"supports": "*i32", "seeds": "*i64", "firsts": "*i64", "counts": "*i64", "key": "i64"}
PARAMETERS = {"hidden": "*fp32", "output": "*fp32", "offset": "*fp32"}
SHAPE = {"n": "i32", "width": "i32", "batch": "i32", "decay": "fp32", "rate": "fp32"}
SIGNATURE = {**PARAMETERS, **DRAWS, "steps": "i32", **SHAPE}


def compile_kernel(capability, warps, **constants) -> None:
    """Compile the kernel for a shape and check that it fits."""
    signature = {**SIGNATURE, **dict.fromkeys(constants, "constexpr")}
    source = ASTSource(fn=kernels.resident_steps, signature=signature, constexprs=constants)
    options = {"num_warps": warps, "enable_fp_fusion": True}
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    assert compiled.asm["cubin"]
    print(constants, "shared memory:", compiled.metadata.shared)
    planned = constants["N"] * constants["W"] * _SHARED_BYTES_PER_WEIGHT
    assert compiled.metadata.shared <= max(SHARED_BYTES, planned)


def main(capability: int) -> None:
    """Compile the largest tiles, each source of samples and each loss."""
    paper = {"N": 64, "W": 128, "B": 32}
    compile_kernel(capability, _WARPS, **paper, LOSS="hinge", SOURCE="drawn", WHOLE=True)
    compile_kernel(capability, _WARPS, **paper, LOSS="squared", SOURCE="full", WHOLE=False)
    for large in ({"N": 64, "W": 256, "B": 32}, {"N": 128, "W": 128, "B": 32}):
        compile_kernel(capability, _MOST_WARPS, **large, LOSS="hinge", SOURCE="drawn", WHOLE=False)
    # Triton makes constants of arguments that are 1.
    ones = {"n": 1, "width": 1, "batch": 1, "N": 16, "W": 16, "B": 16}
    compile_kernel(capability, _WARPS, **ones, LOSS="logistic", SOURCE="online", WHOLE=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
