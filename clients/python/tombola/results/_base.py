"""What every answer is, and numbers with their limits."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """An immutable answer; fields that a newer server adds are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


T = TypeVar("T")


class Page(Answer, Generic[T]):
    """One page of a listing; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None = None


#: How the interval of a success probability is made.
IntervalMethod = Literal["wilson", "clopper-pearson", "jeffreys", "confidence-sequence"]


class Interval(Answer):
    """A confidence interval and how it was made."""

    low: float
    high: float
    level: float
    method: str = Field(description="`confidence-sequence` wherever the runs decided how many there are.")


class Limits(Answer):
    """A number with its confidence limits; null where it is not reached, or where there is no limit."""

    value: float | None
    low: float | None
    high: float | None


class Spread(Answer):
    """What runs took each: mean, standard deviation, and the confidence limits of the mean (Student's)."""

    mean: float
    sd: float | None = Field(description="Null with one run.")
    low: float | None
    high: float | None
