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


class UnknownWidth(LabError):  # noqa: N818  # as above
    """The experiment's grid has no such width."""

    def __init__(self, width: int, widths: list[int]) -> None:
        """Name the width that was asked for, and those there are."""
        shown = ", ".join(map(str, sorted(widths)[:10])) + (", …" if len(widths) > 10 else "")  # noqa: PLR2004  # enough for a line
        super().__init__(f"the experiment has no cells of width {width}; it has {shown}")


class UnknownPreset(LabError):  # noqa: N818  # as above
    """There is no such preset."""

    def __init__(self, name: str, known: list[str]) -> None:
        """Name what was asked for, and those there are."""
        super().__init__(f"there is no preset {name[:200]!r}; there are {', '.join(known)}")


class NoScales(LabError):  # noqa: N818  # as above
    """The preset has one size only, and a scale was asked for."""

    def __init__(self, name: str) -> None:
        """Name the preset."""
        super().__init__(f"preset {name!r} has no scales: leave `scale` out")
