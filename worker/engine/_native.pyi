# The extension module that native/module.cpp makes, where it was built.

from collections.abc import Sequence
from enum import Enum
from typing import Literal

def instruction_sets() -> list[str]: ...

class Stop:
    def set(self) -> None: ...
    def is_set(self) -> bool: ...

class Loss(Enum):
    hinge = ...
    logistic = ...
    squared = ...

class Settings:
    def __init__(
        self,
        *,
        n: int,
        k: int,
        width: int,
        samples: int,
        sparsity: int,
        seed: int,
        key_0: int,
        key_1: int,
        learning_rate: float,
        weight_decay: float,
        batch_size: int,
        max_steps: int,
        loss: Loss,
        eval_every: int,
        test_samples: int,
        success_error: float,
    ) -> None: ...
    @property
    def required_bytes(self) -> int: ...

class Learner:
    def __init__(self, instructions: str, settings: Settings) -> None: ...
    def train(self, stop: Stop) -> Literal["success", "censored", "diverged"] | None: ...
    def advance(self, count: int, stop: Stop) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def curve(self) -> tuple[list[int], list[float | None], list[float | None]]: ...
    def save(self) -> bytes: ...
    def restore(
        self,
        *,
        steps: int,
        parameters: bytes,
        curve_steps: Sequence[int],
        train_errors: Sequence[float],
        test_errors: Sequence[float],
    ) -> None: ...
