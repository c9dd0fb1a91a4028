"""Builds the native engine; everything else about the distribution stands in pyproject.toml.

The extension is optional: where there is no C++17 compiler, the installation goes on without it and the torch
engine trains; `tombola doctor` tells.
"""

from __future__ import annotations

from pathlib import Path

import pybind11
from setuptools import Extension, setup

SOURCES = Path("worker/engine/native")

setup(
    ext_modules=[
        Extension(
            "worker.engine._native",
            sources=sorted(map(str, SOURCES.glob("*.cpp"))),
            depends=sorted(map(str, [*SOURCES.glob("*.hpp"), *SOURCES.glob("*.inc")])),
            include_dirs=[pybind11.get_include()],
            extra_compile_args=[
                "-std=c++17",
                "-O3",
                "-g0",
                # a * b + c rounds twice everywhere: all kernels and compilers give the same numbers.
                "-ffp-contract=off",
                "-fno-math-errno",
                "-fvisibility=hidden",
            ],
            language="c++",
            optional=True,
        )
    ]
)
