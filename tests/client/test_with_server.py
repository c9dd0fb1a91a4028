"""The client against the real stack: broker, API, worker and sweeper."""

from __future__ import annotations

import csv
import io

import pytest

import tombola
from tombola import AsyncClient


def test_a_quote_stores_nothing(client, done, tiny):
    before = [experiment.id for experiment in client.experiments.list()]
    assert done in before
    answer = client.experiments.quote(tiny | {"seeds": {"count": 5}})
    assert (answer.quote.cells, answer.quote.runs, answer.quote.runs_existing) == (8, 40, 24)
    assert [experiment.id for experiment in client.experiments.list()] == before


def test_a_quote_rests_on_the_live_worker_and_on_what_it_trained(client, done, tiny):
    quote = client.experiments.quote(tiny | {"seeds": {"count": 5}}).quote
    (worker,) = client.workers.list()
    (machines,) = quote.machines
    assert (machines.engine, machines.device_name, machines.lanes, machines.workers) == (
        worker.engine,
        worker.device_name,
        worker.lanes,
        1,
    )
    assert machines.measured
    assert quote.runs_with_history == 16
    assert 0 < quote.wall_seconds.low < quote.wall_seconds.expected < quote.wall_seconds.high


def test_what_an_experiment_took_stands_beside_its_quote(client, done):
    experiment = client.experiments.get(done)
    assert experiment.actual.runs_trained == experiment.quote.runs == 24
    assert 0 < experiment.actual.run_steps <= experiment.quote.run_steps
    assert 0 < experiment.actual.flops <= experiment.quote.flops
    assert experiment.actual.run_steps == sum(run.steps for run in experiment.runs())
    (worker,) = client.workers.list()
    taken = sum(run.wall_seconds for run in experiment.runs()) * worker.lanes
    assert experiment.actual.core_seconds + experiment.actual.gpu_seconds == pytest.approx(taken)


def test_an_experiment_is_waited_for_and_read(client, done, tiny):
    experiment = client.experiments.get(done)
    assert experiment.name == "tiny"
    assert experiment.status is tombola.ExperimentStatus.SUCCEEDED
    assert experiment.progress.runs_done == 24
    assert experiment.spec == tombola.ExperimentSpec(**tiny)
    assert experiment.finished_at >= experiment.started_at >= experiment.created_at
    assert repr(experiment) == f"<Experiment {done} 'tiny': succeeded, 24/24 runs>"


def test_an_adaptive_experiment_ends_decided_and_again_trains_nothing(client, tiny):
    spec = tombola.ExperimentSpec(**tiny | {"name": "adaptive"}).model_copy(
        update={"seeds": tombola.BoundarySeeds(max=16, start=2000)}
    )
    experiment = client.experiments.create(spec).wait(progress=False)
    assert experiment.status is tombola.ExperimentStatus.SUCCEEDED
    table = experiment.success_table()
    assert "open" not in {cell.decision for cell in table}
    assert {cell.interval.method for cell in table} == {"confidence-sequence"}
    spent = sum(cell.runs for cell in table)
    assert (
        spent
        == experiment.adaptive.runs_spent
        == experiment.actual.runs_trained
        == len(list(experiment.runs()))
    )
    assert {event.type for event in experiment.events()} >= {"planned", "progress", "decided", "end"}
    again = client.experiments.create(spec)
    assert again.status is tombola.ExperimentStatus.SUCCEEDED
    assert again.quote.runs == again.quote.runs_existing == spent
    assert again.success_table().cells == table.cells
    for made in (experiment, again):
        made.delete()


def test_the_success_table_has_a_row_for_each_cell(client, done, tiny):
    table = client.experiments.get(done).success_table()
    assert [(cell.width, cell.samples, cell.sparsity) for cell in table] == list(
        tombola.Grid(**tiny["grid"]).points()
    )
    assert {cell.runs for cell in table} == {3}
    frame = table.to_pandas()
    assert len(frame) == 8
    assert frame["successes"].sum() == sum(cell.successes for cell in table) > 0


def test_intervals_are_made_as_was_asked(client, done):
    experiment = client.experiments.get(done)
    asked = {"interval": "clopper-pearson", "level": 0.99}
    for cell in [*experiment.success_table(**asked), *experiment.frontier(0.3, **asked).points]:
        assert (cell.interval.method, cell.interval.level) == ("clopper-pearson", 0.99)
    assert ",0.99,clopper-pearson," in experiment.success_table_csv(**asked)


def test_times_are_those_of_every_cell(client, done):
    experiment = client.experiments.get(done)
    times = experiment.times([0.1, 0.5], level=0.9)
    assert [reached.share for reached in times.cells[0].reached] == [0.1, 0.5]
    for cell, row in zip(times.cells, experiment.success_table(), strict=True):
        assert cell.reached[1].steps.value == row.median_steps
        assert 0 < cell.steps.mean <= 2000


def test_luck_is_that_of_every_cell(client, done):
    experiment = client.experiments.get(done)
    luck = experiment.luck(0.5, restarts=[3], width=32, level=0.8)
    assert (luck.probability, luck.level) == (0.5, 0.8)
    for cell, row in zip(luck.cells, experiment.success_table(), strict=True):
        (best,) = cell.best_of
        assert best.probability.value == pytest.approx(1 - (1 - row.probability) ** 3)
    assert {(group.width, rival.width) for group in luck.equal_flops for rival in group.rivals} == {(32, 8)}


def test_a_report_comes_as_a_model_and_as_text(client, done):
    experiment = client.experiments.get(done)
    report = experiment.report(0.4)
    assert (report.experiment.id, report.probability, report.seeds) == (done, 0.4, 3)
    assert all(finding.verdict == "not enough runs" for finding in report.findings)  # of three seeds
    assert experiment.report_text(probability=0.4).startswith("# Reproduction report: tiny")
    assert experiment.report_text("html").startswith("<!doctype html>")
    with pytest.raises(ValueError, match="'html' or 'markdown', not 'pdf'"):
        experiment.report_text("pdf")


def test_frontiers_of_other_objectives_and_thresholds(client, done):
    experiment = client.experiments.get(done)
    front = experiment.frontier(0.3, objectives=["width", "cost", "sparsity"], level=0.8)
    assert (front.objectives, front.level) == (["width", "cost", "sparsity"], 0.8)
    assert set(front.cells[0].objectives) == {"cost"}
    assert experiment.frontier().probability == 0.9
    thresholds = experiment.thresholds(0.3, interval="jeffreys")
    assert (thresholds.probability, thresholds.method) == (0.3, "jeffreys")
    assert [row.width for row in thresholds.samples] == [8, 32, 8, 32]


def test_the_success_table_comes_as_csv_too(client, done):
    experiment = client.experiments.get(done)
    rows = list(csv.DictReader(io.StringIO(experiment.success_table_csv())))
    assert [int(row["successes"]) for row in rows] == [cell.successes for cell in experiment.success_table()]


def test_the_frontier_holds_the_probability(client, done):
    frontier = client.experiments.get(done).frontier(probability=0.5)
    assert frontier.probability == 0.5
    assert frontier.points
    assert all(cell.probability >= 0.5 for cell in frontier.points)


def test_runs_come_over_all_pages_and_through_filters(client, done):
    experiment = client.experiments.get(done)
    runs = list(experiment.runs(page_size=5))
    assert [(run.cell, run.seed) for run in runs] == [(cell, seed) for cell in range(8) for seed in range(3)]
    assert list(experiment.runs(limit=7, page_size=3)) == runs[:7]
    online = [run for run in runs if run.samples is None and run.sparsity is None and run.width == 32]
    assert list(experiment.runs(width=32, samples=None, sparsity=None)) == online
    assert list(experiment.runs(width=32, samples="online", sparsity="dense")) == online
    won = [run for run in runs if run.outcome == "success"]
    assert list(experiment.runs(outcome="success")) == won


def test_a_curve_ends_where_its_run_does(client, done):
    experiment = client.experiments.get(done)
    run = next(experiment.runs(width=32, samples=100, sparsity=2))
    curve = experiment.curve(run.seed, width=32, samples=100, sparsity=2)
    assert curve.steps[-1] == run.steps
    assert curve.test_error[-1] == run.test_error
    with pytest.raises(tombola.ApiError):
        experiment.curve(run.seed)
    with pytest.raises(tombola.NotFound):
        experiment.curve(99, width=32, samples=100, sparsity=2)


def test_pictures_come_in_both_formats(client, done):
    experiment = client.experiments.get(done)
    for picture in (experiment.heatmap, experiment.frontier_picture):
        assert picture().lstrip().startswith(b"<?xml")
        assert picture(format="png").startswith(b"\x89PNG")


def test_events_tell_the_whole_life_and_can_be_taken_up(client, done):
    experiment = client.experiments.get(done)
    events = list(experiment.events())
    assert events[-1].type == "end"
    assert {"status", "progress"} <= {event.type for event in events}
    numbers = [event.id for event in events[:-1]]
    assert numbers == sorted(set(numbers))
    assert list(experiment.events(last_event_id=events[-1].id)) == events[-1:]
    assert list(experiment.events(last_event_id=events[1].id)) == events[2:]


def test_events_of_a_running_experiment_come_as_they_happen(long):
    events = long.events()
    assert next(events).data["status"] == "queued"
    long.cancel()
    assert list(events)[-1].type == "end"


def test_an_experiment_is_paused_resumed_cancelled_retried_and_deleted(client, long):
    assert long.pause().status == "paused"
    assert client.experiments.resume(long.id).status == "queued"
    assert long.cancel().status == "cancelled"
    with pytest.raises(tombola.Conflict, match="can be cancelled"):
        long.cancel()
    assert client.experiments.retry(long.id).status == "queued"
    with pytest.raises(tombola.Conflict, match="cancel it first"):
        long.delete()
    assert client.experiments.cancel(long.id).status == "cancelled"
    with pytest.raises(tombola.ExperimentCancelled, match="after 0 of 100 runs"):
        long.wait()


def test_a_deleted_experiment_is_gone(client, tiny):
    experiment = client.experiments.create(tiny | {"name": "gone"})
    experiment.wait(timeout=60).delete()
    with pytest.raises(tombola.NotFound, match=experiment.id):
        experiment.refresh()


def test_waiting_gives_up_in_time(long):
    with pytest.raises(tombola.WaitTimeout, match="it goes on"):
        long.wait(timeout=0.5)


def test_the_same_key_gives_the_same_experiment(client, tiny):
    first = client.experiments.create(tiny | {"name": "keyed"}, idempotency_key="once")
    again = client.experiments.create(tiny | {"name": "keyed"}, idempotency_key="once")
    assert again.id == first.id
    with pytest.raises(tombola.Conflict, match="once"):
        client.experiments.create(tiny | {"name": "other"}, idempotency_key="once")
    first.wait(timeout=60).delete()


def test_the_server_names_each_wrong_field(client, tiny):
    wrong = tombola.ExperimentSpec(**tiny).model_copy(update={"name": ""})  # unchecked
    with pytest.raises(tombola.InvalidRequest) as caught:
        client.experiments.create(wrong)
    assert [part.pointer for part in caught.value.errors] == ["/name"]
    assert "/name: " in str(caught.value)


def test_unknown_experiments_and_presets_are_not_found(client):
    with pytest.raises(tombola.NotFound, match="nothing-like-it"):
        client.experiments.get("nothing-like-it")
    with pytest.raises(tombola.NotFound):
        client.presets.get("paper/none")


def test_presets_workers_version_and_health_are_there(client):
    presets = client.presets.list()
    assert "quickstart" in {preset.name for preset in presets}
    for preset in presets:
        assert client.presets.get(preset.name) == preset
    assert any(worker.alive for worker in client.workers.list())
    assert client.version().version
    assert client.health().ready


@pytest.mark.anyio
async def test_the_async_client_does_the_same(url, done, tiny):
    async with AsyncClient(url) as client:
        experiment = await client.experiments.create(tiny | {"name": "async"})
        await experiment.wait(timeout=60)
        assert len((await experiment.success_table()).cells) == 8
        assert len([run async for run in experiment.runs(page_size=10)]) == 24
        assert (await experiment.report()).experiment.id == experiment.id
        assert (await experiment.report_text()).startswith("# Reproduction report: async")
        assert [event async for event in experiment.events()][-1].type == "end"
        assert (await client.experiments.get(done)).progress == experiment.progress.model_copy(
            update={"runs_reused": 0}
        )
        await experiment.delete()
        with pytest.raises(tombola.NotFound):
            await experiment.refresh()
