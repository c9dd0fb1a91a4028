"""What can go wrong in the domain; the API turns each into a problem document."""

from __future__ import annotations


class LabError(Exception):
    """Base of the domain's errors; the text is for the user."""


class UnknownExperiment(LabError):  # noqa: N818  # reads as what it is: "raise UnknownExperiment"
    """There is no such experiment."""

    def __init__(self, experiment_id: str) -> None:
        """Name the id that was asked for."""
        super().__init__(
            f"there is no experiment {experiment_id!r}; GET /v1/experiments lists those there are"
        )


class IllegalTransition(LabError):  # noqa: N818  # as above
    """The experiment is in a state in which this cannot be done."""


class IdempotencyConflict(LabError):  # noqa: N818  # as above
    """The idempotency key was used before, for another spec."""
