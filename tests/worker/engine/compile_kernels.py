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
RESIDENT = {**PARAMETERS, **DRAWS, "steps": "i32", **SHAPE}
WIDE = {
    **PARAMETERS,
    "next_offset": "*fp32",
    "sums": "*fp32",
    "next_sums": "*fp32",
    **DRAWS,
    "key": "u64",  # as Triton types the upper half of all keys
    "ahead": "i32",
    **SHAPE,
}


def compile_kernel(kernel, signature, capability, warps, **constants) -> None:
    """Compile one kernel and check that it fits."""
    signature = {**signature, **dict.fromkeys(constants, "constexpr")}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    options = {"num_warps": warps, "enable_fp_fusion": True}
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    assert compiled.asm["cubin"]
    print(constants, "shared memory:", compiled.metadata.shared)
    planned = constants["N"] * constants["W"] * _SHARED_BYTES_PER_WEIGHT
    assert compiled.metadata.shared <= max(SHARED_BYTES, planned)


def main(capability: int) -> None:
    """Compile the largest tiles, each source of samples and each loss."""
    paper = {"N": 64, "W": 128, "B": 32}
    resident, wide = kernels.resident_steps, kernels.wide_step
    of_resident = (resident, RESIDENT, capability, _WARPS)
    compile_kernel(*of_resident, **paper, LOSS="hinge", SOURCE="drawn", WHOLE=True)
    compile_kernel(*of_resident, **paper, LOSS="squared", SOURCE="full", WHOLE=False)
    for large in ({"N": 64, "W": 256, "B": 32}, {"N": 128, "W": 128, "B": 32}):
        of_large = (resident, RESIDENT, capability, _MOST_WARPS)
        compile_kernel(*of_large, **large, LOSS="hinge", SOURCE="drawn", WHOLE=False)
    # Triton makes constants of arguments that are 1.
    ones = {"n": 1, "width": 1, "batch": 1, "N": 16, "W": 16, "B": 16}
    compile_kernel(*of_resident, **ones, LOSS="logistic", SOURCE="online", WHOLE=True)
    tiles = {"N": 128, "W": 32, "B": 64, "LOSS": "hinge"}
    for update, forward, source in ((False, True, "drawn"), (True, True, "online"), (True, False, "full")):
        passes = {"UPDATE": update, "FORWARD": forward}
        compile_kernel(wide, WIDE, capability, _WARPS, **tiles, SOURCE=source, **passes)


if __name__ == "__main__":
    main(int(sys.argv[1]))
