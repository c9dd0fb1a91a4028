"""Reports of experiments in a store, SQLite and PostgreSQL, whose runs are made up."""

from __future__ import annotations

import pytest

from service.lab import shards
from service.lab.errors import UnknownExperiment
from service.lab.report import data
from service.lab.report.compose import report
from service.store import configurations
from service.store import reports as store
from tombola.results import ExperimentStatus
from tombola.spec import BoundarySeeds, Seeds

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def spec(spec):
    """Two widths, samples and starts; the axes in no order."""
    grid = spec.grid.model_copy(update={"width": [64, 4], "samples": [None, 200, 50], "sparsity": [None, 2]})
    return spec.model_copy(update={"grid": grid, "seeds": Seeds(count=8, start=3)})


@pytest.fixture
def hands(hands):
    """Workers whose wide networks succeed and whose narrow ones do not; seed 5 diverges at width 4."""
    known = {}

    def outcome_of(configuration_id, seed):
        if configuration_id not in known:
            with hands.database.read() as session:
                known.update(configurations.load(session, [configuration_id]))
        cell = known[configuration_id]
        if cell.width == 64:
            return "success", 500 * (3 if cell.samples == 50 else 2)
        return ("diverged" if seed == 5 else "censored"), 40_000

    hands.outcome_of = outcome_of
    return hands


def read(database, experiment_id, **options):
    with database.read() as session:
        return report(session, experiment_id, **options)


def test_runs_are_arranged_by_rising_width_samples_and_sparsity(database, spec, submit, hands):
    experiment = submit(spec)
    hands.train_all()
    with database.read() as session:
        outcomes = data.read(session, experiment, spec)
    assert (outcomes.widths, outcomes.samples, outcomes.sparsities) == ([4, 64], [50, 200, None], [2, None])
    assert outcomes.complete.all()
    assert outcomes.seeds == 8
    assert not outcomes.success[0].any()
    assert outcomes.success[1].all()
    assert (outcomes.steps[1, 0] == 1500).all()
    assert (outcomes.steps[1, 1:] == 1000).all()
    assert outcomes.test_error[0, 0, 0].tolist() == [0.2, 0.2, 0.5, 0.2, 0.2, 0.2, 0.2, 0.2]  # seeds 3 to 10
    assert outcomes.counts[:, 1, 0, 0].tolist() == [8, 8]
    # The row of the table: width slowest, sparsity fastest, in the order of the spec.
    assert outcomes.positions.tolist() == [[[11, 10], [9, 8], [7, 6]], [[5, 4], [3, 2], [1, 0]]]


def test_a_finished_experiment_is_reported(database, spec, submit, hands):
    experiment = submit(spec)
    hands.train_all()
    found = read(database, experiment)
    assert not found.provisional
    assert found.experiment.status == ExperimentStatus.SUCCEEDED
    assert (found.cells, found.seeds, found.runs) == (12, 8, 96)
    assert found.software == ["made-up on cpu (python 3)"]
    assert found.as_of == found.experiment.finished_at
    luck = next(finding for finding in found.findings if finding.id == "width-luck")
    assert (luck.p_value, luck.verdict) == (pytest.approx(2**-8), "supported")
    assert [line for line in found.left_out if "diverged" in line] == [
        "Nothing of 6 runs that diverged: they are counted as failures."
    ]
    assert {(line.samples, line.sparsity) for line in found.parallel_search} == {
        (samples, sparsity) for samples in (50, 200, None) for sparsity in (2, None)
    }
    assert read(database, experiment) == found  # nothing is drawn


def test_every_finding_is_either_tested_or_not(database, spec, submit, hands):
    experiment = submit(spec)
    hands.train_all()
    found = read(database, experiment)
    names = [(one.id, one.scope) for one in [*found.findings, *found.not_tested]]
    assert len(names) == len(set(names))
    assert {name for name, _ in names} == {
        "frontier",
        "width-luck",
        "width-monotone",
        "width-time",
        "sparse-luck",
        "sparse-time",
        "sparse-data",
        "data-time",
        "double-descent",
        "grokking",
    }


def test_an_experiment_in_training_is_reported_of_its_complete_cells_only(database, spec, submit, hands):
    experiment = submit(spec)
    *most, last = hands.queued()
    for shard_id in most:
        hands.train(shard_id)
    claim = hands.claim(last)
    hands.record(claim, list(claim.runs)[:1])
    found = read(database, experiment)
    assert found.provisional
    assert 1 <= found.cells < 12
    assert any("do not have all their runs yet" in line for line in found.left_out)
    assert found.runs == 8 * found.cells


def test_a_cancelled_experiment_is_reported_as_provisional(database, spec, submit, hands, lab):
    experiment = submit(spec)
    hands.train(hands.queued()[0])
    with database.write() as session:
        lab.cancel(session, experiment)
    found = read(database, experiment)
    assert found.experiment.status == "cancelled"
    assert found.provisional


def test_before_the_first_run_nothing_is_tested(database, spec, submit):
    found = read(database, submit(spec))
    assert (found.cells, found.findings, found.parallel_search, found.software) == (0, [], [], [])
    assert found.as_of == found.experiment.created_at
    assert len(found.not_tested) == 11


def test_of_adaptive_cells_the_first_round_is_tested_and_thresholds_use_all_runs(
    database, spec, submit, hands, lab
):
    boundary = BoundarySeeds(max=40)
    mixed = hands.outcome_of

    def outcome_of(configuration_id, seed):
        outcome, steps = mixed(configuration_id, seed)
        return ("success", 500) if outcome != "success" and seed % 2 and seed > 1 else (outcome, steps)

    hands.outcome_of = outcome_of  # narrow networks succeed every other time, and take all 40 runs
    experiment = submit(spec.model_copy(update={"seeds": boundary}))
    for _ in range(20):
        hands.train_all()
        with database.write() as session:
            lab.advance(session, experiment)
    found = read(database, experiment)
    assert not found.provisional
    assert found.seeds == 7
    assert found.experiment.progress.runs_total > 12 * 7
    assert any("All but the first 7 seeds of each cell" in line for line in found.left_out)
    assert (
        max(finding.seeds for finding in found.findings if finding.id == "frontier") == 7
    )  # of the wide one
    with database.read() as session:
        outcomes = data.read(session, experiment, found.experiment.spec)
    assert outcomes.stopped
    assert outcomes.counts[0].min() == 7
    assert outcomes.counts[0].max() == 40


def test_an_unknown_experiment_has_no_report(database):
    with pytest.raises(UnknownExperiment):
        read(database, "01JD0M3X8Z6T4Q2W9V5K7N1R3P")


@on_sqlite
def test_columns_and_curves_are_those_of_the_first_seeds(database, spec, submit, hands):
    experiment = submit(spec)
    hands.train_all()
    with database.read() as session:
        (columns,) = store.columns(session, experiment, seeds=2)
        assert sorted(zip(columns.position, columns.seed, strict=True)) == [
            (cell, seed) for cell in range(12) for seed in range(2)
        ]
        curves = list(store.curves_of_first(session, experiment, positions=[2, 8], seeds=3))
    assert [
        (position, seed, steps) for position, seed, steps, _ in sorted(curves, key=lambda row: row[:2])
    ] == [
        (2, 0, 1000),
        (2, 1, 1000),
        (2, 2, 1000),
    ]
    assert curves[0][3]["steps"] == [1000]


@on_sqlite
def test_a_report_does_not_move_without_an_event(database, spec, submit, hands):
    experiment = submit(spec)
    claim = hands.claim(hands.queued()[0])
    hands.record(claim, claim.runs[:3])
    before = read(database, experiment)
    with database.write() as session:
        assert shards.renew(session, claim, fraction=0.9, lease_seconds=30)
    assert read(database, experiment) == before
    assert 0 < before.experiment.progress.fraction < 0.9
