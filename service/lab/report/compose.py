"""The reproduction report, put together from the runs of an experiment."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from service.lab import answers
from service.lab.report import data, theory
from service.lab.report.findings import draft, grokking, samples, sparsity, thresholds, width
from service.lab.report.findings.draft import Draft
from service.lab.report.methods import METHODS
from service.store import reports
from tombola.results import Experiment as Answered
from tombola.results import ExperimentStatus, NotTested, Report
from tombola.spec import ExperimentSpec, Seeds

if TYPE_CHECKING:
    from datetime import datetime

    from service.lab.report.data import Outcomes
    from service.store.models import Experiment


def report(session: Session, experiment_id: str, probability: float = 0.5) -> Report:
    """Return what an experiment says about the findings of the paper, and theory beside it.

    Args:
        session: An open session.
        experiment_id: Whose runs.
        probability: Success probability at which thresholds are compared, above 0 and below 1.

    Raises:
        UnknownExperiment: No such experiment.
        WrongKind: It is on tables.
    """
    row = answers.of_kind(session, experiment_id, "parity")
    experiment = _as_counted(answers.experiment(session, row), row)
    outcomes = data.read(session, experiment_id, answers.parity_spec(row))
    positions, seeds = grokking.wanted(outcomes)
    curves = reports.curves_of_first(session, experiment_id, positions=positions, seeds=seeds)
    tested = [*findings(outcomes, probability), grokking.finding(outcomes, seeds, curves)]
    untested = [found for found in tested if isinstance(found, NotTested)]
    return Report(
        experiment=experiment,
        as_of=_as_of(row, reports.last_finished(session, experiment_id)),
        provisional=experiment.status is not ExperimentStatus.SUCCEEDED,
        probability=probability,
        alpha=draft.ALPHA,
        level=draft.LEVEL,
        rule=draft.RULE,
        seeds=outcomes.seeds,
        cells=int(outcomes.complete.sum()),
        runs=int(outcomes.complete.sum()) * outcomes.seeds,
        left_out=_left_out(outcomes, experiment.progress.diverged, positions, seeds),
        software=software(session, experiment_id),
        findings=draft.verdicts(
            [found for found in tested if isinstance(found, Draft)],
            untested=sum(not found.by_grid for found in untested),
        ),
        not_tested=untested,
        parallel_search=theory.parallel_search(outcomes),
        resources=theory.resources(outcomes, probability),
        methods=list(METHODS),
    )


def findings(outcomes: Outcomes, probability: float) -> list[Draft | NotTested]:
    """Test all findings that need no curves."""
    return list(
        chain(
            thresholds.frontier(outcomes, probability),
            width.findings(outcomes),
            sparsity.findings(outcomes, probability),
            samples.findings(outcomes),
        )
    )


def software(session: Session, experiment_id: str) -> list[str]:
    """Return what trained the runs, one line for each engine, device and set of versions."""
    return [
        f"{found.engine} on {found.device} ("
        + ", ".join(f"{name} {version}" for name, version in sorted(found.versions.items()))
        + ")"
        for found in reports.environments(session, experiment_id)
    ]


def _as_counted(experiment: Answered, row: Experiment) -> Answered:
    """Leave out of the progress what moves without an event: a report changes with the version only."""
    progress = experiment.progress
    fraction = progress.fraction
    if fraction < 1.0:
        fraction = min(fraction, row.cost_done / row.cost_total)
    eta = None if progress.eta_seconds else progress.eta_seconds
    counted = progress.model_copy(update={"fraction": fraction, "eta_seconds": eta})
    return experiment.model_copy(update={"progress": counted})


def _as_of(row: Experiment, last_run: datetime | None) -> datetime:
    return max(moment for moment in (row.created_at, row.finished_at, last_run) if moment is not None)


def _left_out(outcomes: Outcomes, diverged: int, positions: list[int], seeds: int) -> list[str]:
    """Say what of the experiment does not enter, and what could be missed."""
    spec: ExperimentSpec = outcomes.spec
    said = []
    incomplete = int((~outcomes.complete).sum())
    if incomplete:
        said.append(
            f"{incomplete} of {outcomes.complete.size} cells that do not have all their runs yet: while a "
            "cell is in training the runs that succeed early are there first, and would count too much."
        )
    if not isinstance(spec.seeds, Seeds):
        said.append(
            f"All but the first {outcomes.seeds} seeds of each cell: with adaptive seeds how many more runs "
            "a cell has depends on what they show; the first round every cell has. The comparisons of "
            "thresholds use all runs of decided cells, with confidence sequences, which stay right."
        )
    if None in outcomes.samples:
        said.append("Online cells, from what compares training-set sizes: they have none.")
    if positions and seeds < outcomes.seeds:
        said.append(
            f"Curves of all but the first {seeds} seeds of {len(positions)} cells, from the finding on "
            f"grokking: at most {grokking.CURVES} are read."
        )
    if diverged:
        said.append(f"Nothing of {diverged} runs that diverged: they are counted as failures.")
    return said
