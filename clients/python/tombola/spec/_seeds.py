"""Seeds: a fixed number of runs for each cell, or as many as they themselves call for."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from tombola.spec._base import MAX_ADAPTIVE_RUNS, MAX_RUNS, WORD_RANGE, Contract


class Seeds(Contract):
    """A fixed number of seeds for every cell: start, start + 1, ..., start + count - 1."""

    count: int = Field(default=50, ge=1, le=MAX_RUNS, description="Runs per cell.", examples=[24])
    start: int = Field(default=0, ge=0, lt=WORD_RANGE, description="First seed.")

    @property
    def most(self) -> int:
        """The most runs that a cell can take: `count`."""
        return self.count

    @model_validator(mode="after")
    def _words(self) -> Self:
        if self.start + self.count > WORD_RANGE:
            raise PydanticCustomError("seed_range", "start + count must be at most 2^32 = 4294967296")
        return self


class _AdaptiveSeeds(Contract):
    """As many of the seeds start, start + 1, ... for each cell as its runs, in this order, call for."""

    mode: Literal["adaptive"] = "adaptive"
    max: int = Field(
        default=200, ge=1, le=MAX_ADAPTIVE_RUNS, description="Runs after which a cell is left undecided."
    )
    start: int = Field(default=0, ge=0, lt=WORD_RANGE, description="First seed.")
    level: float = Field(
        default=0.95,
        ge=0.5,
        le=0.9999,
        description="Level of the confidence sequence that decides: right at whatever run a cell stops.",
    )

    # Both have defaults for Python's sake; JSON tells the kinds of seeds apart by them.
    model_config = ConfigDict(json_schema_extra={"required": ["mode", "goal"]})

    @property
    def most(self) -> int:
        """The most runs that a cell can take: `max`."""
        return self.max

    @model_validator(mode="after")
    def _words(self) -> Self:
        if self.start + self.max > WORD_RANGE:
            raise PydanticCustomError("seed_range", "start + max must be at most 2^32 = 4294967296")
        return self


class BoundarySeeds(_AdaptiveSeeds):
    """Runs only until each cell's success probability is known to be above or below `probability`."""

    goal: Literal["boundary"] = "boundary"
    probability: float = Field(
        default=0.5, gt=0, lt=1, description="A cell stops when its interval is above or below this."
    )


class HalfWidthSeeds(_AdaptiveSeeds):
    """Runs only until each cell's interval is narrow."""

    goal: Literal["half_width"] = "half_width"
    half_width: float = Field(
        default=0.1,
        gt=0,
        lt=0.5,
        description="A cell stops when half its interval's width is at most this.",
    )


AdaptiveSeeds = BoundarySeeds | HalfWidthSeeds
_GOALS = {"boundary": BoundarySeeds, "half_width": HalfWidthSeeds}


def _known_mode(value: Any) -> Any:  # noqa: ANN401  # any JSON value
    if not isinstance(value, dict) or not {"mode", "goal"} & value.keys():
        return value
    for name, known in (("mode", ("adaptive",)), ("goal", tuple(_GOALS))):
        if value.get(name) not in known:
            raise PydanticCustomError(
                "seeds_kind",
                "must be {known}, not {found}; seeds of a fixed number have count and start only",
                {
                    "known": " or ".join(map(json.dumps, known)),
                    "found": json.dumps(value[name], default=str) if name in value else "left out",
                    "pointer": f"/{name}",
                },
            )
    return value


def _kind_of_seeds(value: Any) -> str:  # noqa: ANN401  # any JSON value, or a model
    goal = value.get("goal") if isinstance(value, dict) else getattr(value, "goal", None)
    return f"seeds:{goal or 'fixed'}"


#: Without `mode` a fixed number; else adaptive, by `goal`.
AnySeeds = Annotated[
    Annotated[Seeds, Tag("seeds:fixed")]
    | Annotated[BoundarySeeds, Tag("seeds:boundary")]
    | Annotated[HalfWidthSeeds, Tag("seeds:half_width")],
    Discriminator(_kind_of_seeds),
    BeforeValidator(_known_mode),
]
