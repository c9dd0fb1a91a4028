"""The C++ extension, and runs in its terms."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING

from worker.engine import draws
from worker.engine._progress import run_of
from worker.engine.errors import EngineNotBuiltError
from worker.engine.seam import Checkpoint

if TYPE_CHECKING:
    from worker.engine._native import Learner, Settings, Stop
    from worker.engine._progress import Origin
    from worker.engine.seam import Run

_SHOWN = {"avx512": "AVX-512", "avx2": "AVX2", "portable": "portable code"}


class Kernel:
    """The extension's code for one instruction set.

    Args:
        instructions: "avx512", "avx2" or "portable"; by default the fastest that this CPU runs.

    Attributes:
        instructions: The instruction set.
        shown: Its name for people.

    Raises:
        EngineNotBuiltError: The extension is not there.
        ValueError: The CPU lacks the instructions.
    """

    def __init__(self, instructions: str | None = None) -> None:
        try:
            from worker.engine import _native  # noqa: PLC0415  # not there without a C++ compiler
        except ImportError as error:
            raise _not_there(error) from error
        known = _native.instruction_sets()
        if instructions is not None and instructions not in known:
            raise ValueError(f"this CPU runs the kernels {', '.join(known)}, not {instructions!r}")
        self._native = _native
        self.instructions = instructions or known[0]
        self.shown = _SHOWN[self.instructions]

    def new_stop(self) -> Stop:
        """Return a flag that ends the training of the learners that look at it."""
        return self._native.Stop()

    def settings(self, run: Run) -> Settings:
        """Return what a run depends on, in the extension's terms."""
        configuration = run.configuration
        training = configuration.training
        key = draws.target_key(configuration.target)
        return self._native.Settings(
            n=configuration.target.n,
            k=configuration.target.k,
            width=configuration.width,
            samples=configuration.samples or 0,
            sparsity=configuration.sparsity or 0,
            seed=run.seed,
            key_0=key[0],
            key_1=key[1],
            learning_rate=training.learning_rate,
            weight_decay=training.weight_decay,
            batch_size=0 if training.batch_size == "full" else training.batch_size,
            max_steps=training.max_steps,
            loss=getattr(self._native.Loss, training.loss),
            eval_every=training.eval_every,
            test_samples=training.test_samples,
            success_error=training.success_error,
        )

    def learner(self, origin: Origin) -> Learner:
        """Return a run before its first step, or where its checkpoint, which was checked, left it.

        Raises:
            MemoryError: No memory for it.
        """
        learner = self._native.Learner(self.instructions, self.settings(run_of(origin)))
        if isinstance(origin, Checkpoint):
            learner.restore(
                steps=origin.steps,
                parameters=origin.parameters,
                curve_steps=origin.curve.steps,
                train_errors=[math.nan if error is None else error for error in origin.curve.train_error],
                test_errors=[math.nan if error is None else error for error in origin.curve.test_error],
            )
        return learner


def _not_there(error: ImportError) -> EngineNotBuiltError:
    built = find_spec("worker.engine._native")
    if built is None:
        return EngineNotBuiltError(
            "the native engine was not built when tombola-server was installed "
            f"({error}): install a C++17 compiler (g++ or clang++) and install it again"
        )
    return EngineNotBuiltError(
        f"the native engine was built, but {built.origin} cannot be loaded here ({error}): "
        "install tombola-server again on this machine, with a C++17 compiler (g++ or clang++)"
    )
