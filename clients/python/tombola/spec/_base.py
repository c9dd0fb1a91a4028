"""What all models of the contract share: strict, closed, immutable; limits; names and axes."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

MAX_INPUTS = 1_000
MAX_WIDTH = 100_000
MAX_SAMPLES = 10_000_000
MAX_CELLS = 10_000
MAX_RUNS = 1_000_000
#: Most runs of a cell whose number is decided by what they show.
MAX_ADAPTIVE_RUNS = 10_000
#: Seeds, sample numbers and step numbers are 32-bit words of the random generator's counter.
WORD_RANGE = 2**32

_Value = TypeVar("_Value")


class Contract(BaseModel):
    """Strict (no "50" for 50), closed (no unknown fields), immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    def canonical_json(self) -> str:
        """Return the JSON text that identifies this: sorted keys, no spaces."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


class Identified(Contract):
    """What is known by the hash of its content."""

    def hash(self) -> str:
        """Return the SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


def distinct(values: list[_Value]) -> list[_Value]:
    """Refuse a list that holds a value twice (a pydantic validator)."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise PydanticCustomError(
                "duplicate_value",
                "each value may stand once on an axis, but {value} stands twice",
                {"value": "null" if value is None else value},
            )
    return values


def _printable(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise PydanticCustomError(
            "unprintable_name",
            "a name is printable text on one line, with no space before or after it",
        )
    return name


Width = Annotated[int, Field(ge=1, le=MAX_WIDTH)]
Samples = Annotated[int, Field(ge=1, le=MAX_SAMPLES)]
Sparsity = Annotated[int, Field(ge=1, le=MAX_INPUTS)]
AXIS = {"min_length": 1, "max_length": 1_000}
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
