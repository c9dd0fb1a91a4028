"""What can go wrong in the domain; the API turns each into a problem document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tombola.results import ProblemPart


class LabError(Exception):
    """Base of the domain's errors; the text is for the user."""


class UnknownExperiment(LabError):  # noqa: N818  # reads as what it is: "raise UnknownExperiment"
    """There is no such experiment."""

    def __init__(self, experiment_id: str) -> None:
        """Name the id that was asked for."""
        super().__init__(
            f"there is no experiment {experiment_id!r}; GET /v1/experiments lists those there are"
        )


class ExperimentGone(LabError):  # noqa: N818  # as above
    """The experiment was deleted while it was read."""

    def __init__(self, experiment_id: str) -> None:
        """Name the experiment."""
        super().__init__(f"experiment {experiment_id} was deleted while it was read")


class IllegalTransition(LabError):  # noqa: N818  # as above
    """The experiment is in a state in which this cannot be done."""


class WrongKind(LabError):  # noqa: N818  # as above
    """Experiments of this kind have no such answer."""

    _INSTEAD: ClassVar = {
        "parity": "on a parity: it has a success table, a frontier, thresholds and a report "
        "(/v1/experiments/{id}/success-table, …/report)",
        "tabular": "on tables: what it found is at /v1/experiments/{id}/comparison, run by run at "
        "/v1/experiments/{id}/scores",
    }

    def __init__(self, experiment_id: str, kind: str) -> None:
        """Say where the answers of its kind are."""
        there = self._INSTEAD[kind].format(id=experiment_id)
        super().__init__(
            f"experiment {experiment_id} is {there}; this answer is of the other kind of experiments"
        )


class BadSpec(LabError):  # noqa: N818  # as above
    """A spec that is right by itself and does not fit what is in the store.

    Attributes:
        parts: What is wrong, each with a pointer into the spec.
    """

    def __init__(self, parts: Sequence[ProblemPart]) -> None:
        """Say what is wrong, part by part."""
        super().__init__("; ".join(part.detail for part in parts))
        self.parts = list(parts)


class IdempotencyConflict(LabError):  # noqa: N818  # as above
    """The idempotency key was used before, for another spec."""


class UnknownValue(LabError):  # noqa: N818  # as above
    """What was asked for is nothing that the experiment has.

    Attributes:
        parameter: The part of the request that would have to change.
    """

    parameter: str


class UnknownWidth(UnknownValue):
    """The experiment's grid has no such width."""

    parameter = "width"

    def __init__(self, width: int, widths: list[int]) -> None:
        """Name the width that was asked for, and those there are."""
        shown = ", ".join(map(str, sorted(widths)[:10])) + (", …" if len(widths) > 10 else "")  # noqa: PLR2004  # enough for a line
        super().__init__(f"the experiment has no cells of width {width}; it has {shown}")


class UnknownName(UnknownValue):
    """The experiment has no such model, or no such data set."""

    def __init__(self, parameter: str, asked: str, known: Sequence[str]) -> None:
        """Name what was asked for, and what there is.

        Args:
            parameter: `dataset`, or one that names a model.
            asked: The name that was asked for.
            known: All names there are.
        """
        self.parameter = parameter
        what = "data set" if parameter == "dataset" else "model"
        shown = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")  # noqa: PLR2004  # enough for a line
        super().__init__(f"the experiment has no {what} {asked[:200]!r}; it has {shown}")


class NoImportance(LabError):  # noqa: N818  # as above
    """The experiment did not measure what its models read."""

    def __init__(self, experiment_id: str) -> None:
        """Say what would have to be asked for."""
        super().__init__(
            f"experiment {experiment_id} does not measure what its models read: submit it with "
            '"importance": true for that'
        )


class NoRunsYet(LabError):  # noqa: N818  # as above
    """No size of a data set has all its runs."""

    def __init__(self, experiment_id: str) -> None:
        """Name the experiment."""
        super().__init__(f"experiment {experiment_id} has no data set with all runs of a size yet")


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


class UnknownDataset(LabError):  # noqa: N818  # as above
    """There is no such data set."""

    def __init__(self, asked: str) -> None:
        """Name what was asked for."""
        super().__init__(f"there is no data set {asked!r}; GET /v1/datasets lists those there are")


class UnknownImport(LabError):  # noqa: N818  # as above
    """There is no such import."""

    def __init__(self, import_id: str) -> None:
        """Name the id that was asked for."""
        super().__init__(f"there is no import {import_id!r}; POST /v1/datasets begins one")


class DatasetNameTaken(LabError):  # noqa: N818  # as above
    """Another table has that name."""

    def __init__(self, name: str, dataset_id: str) -> None:
        """Name the data set that has it."""
        super().__init__(
            f"the name {name!r} is that of another table ({dataset_id}): choose another, or delete that one"
        )


class DatasetInUse(LabError):  # noqa: N818  # as above
    """An experiment that has not ended needs the data set."""

    def __init__(self, name: str, experiment_id: str) -> None:
        """Name the data set, and one of the experiments."""
        super().__init__(
            f"experiment {experiment_id} has not ended and needs data set {name}: cancel it first, or wait"
        )


class BadTable(LabError):  # noqa: N818  # as above
    """A table that cannot be learnt from; the text names the column or the row, and says what would be right.

    Attributes:
        parameter: The part of the request that would have to change, if it is not the table.
        column: The column that is wrong, if it is one.
        row: The row that is wrong, from 1, the header not counted.
    """

    def __init__(
        self,
        message: str,
        *,
        parameter: str | None = None,
        column: str | None = None,
        row: int | None = None,
    ) -> None:
        """Say what is wrong, and where."""
        super().__init__(message)
        self.parameter = parameter
        self.column = column
        self.row = row


class TableTooLarge(LabError):  # noqa: N818  # as above
    """A table with more bytes than this server takes."""

    def __init__(self, max_bytes: int) -> None:
        """Name the limit."""
        super().__init__(
            f"a table has at most {max_bytes} bytes, unpacked too: leave out rows or columns, or raise "
            "TOMBOLA_MAX_DATASET_BYTES on the server"
        )
