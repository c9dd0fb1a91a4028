"""Experiments that the server proposes."""

from __future__ import annotations

from pydantic import Field

from tombola.results._base import Answer
from tombola.results._experiments import Quote
from tombola.spec import TabularSpec


class ComparisonPlan(Answer):
    """Networks against forests on one table, as large as a time allows; nothing was stored."""

    dataset: str
    dataset_id: str
    minutes: float = Field(description="Of wall time, that were given.")
    fits: bool = Field(
        description="The expected wall time is within them; if not, this is the smallest comparison there is."
    )
    notes: list[str] = Field(description="What one should know of it before it begins.")
    spec: TabularSpec = Field(description="What to submit.")
    quote: Quote
