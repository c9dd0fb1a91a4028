"""What every answer is, and numbers with their limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import pandas as pd


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


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a DataFrame; raise ImportError where pandas is not installed."""
    try:
        import pandas as pd  # noqa: PLC0415  # an extra: only who asks for a frame needs it
    except ImportError as error:
        raise ImportError("to_pandas() needs pandas: pip install pandas") from error
    return pd.DataFrame(list(rows))
