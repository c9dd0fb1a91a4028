"""The client against the real stack: broker, API, worker and sweeper."""

from __future__ import annotations

import csv
import io

import pytest

import tombola
from tombola import AsyncClient, plots


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


def test_pictures_are_those_that_are_drawn_here_of_the_answers(client, done):
    experiment = client.experiments.get(done)
    table = experiment.success_table(level=0.9)
    front, enough = experiment.frontier(0.3, level=0.9), experiment.thresholds(0.3, level=0.9)
    cell = {"width": 32, "samples": 100, "sparsity": None}
    curves = [experiment.curve(seed, **cell) for seed in (0, 2)]
    luck = experiment.luck(width=32, level=0.9)
    drawn = {
        "heatmap": (plots.heatmap(table, title="tiny"), {}),
        "frontier": (plots.frontier(table, front, enough, title="tiny"), {"probability": 0.3, "level": 0.9}),
        "steps": (plots.steps(table, title="tiny"), {"level": 0.9}),
        "curves": (
            plots.curves(curves, title="tiny: width 32, 100 samples, dense", success_error=0.1),
            cell | {"seeds": [0, 2]},
        ),
        "luck": (plots.luck(luck, title="tiny"), {"width": 32, "level": 0.9}),
        "theory": (plots.theory(experiment.report(), title="tiny"), {}),
        "resources": (plots.resources(experiment.report(0.3), title="tiny"), {"probability": 0.3}),
    }
    for name, (figure, parameters) in drawn.items():
        assert experiment.picture(name, **parameters) == plots.render(figure, "svg"), name
    assert experiment.picture("steps", "png").startswith(b"\x89PNG")


def test_a_picture_on_which_a_parameter_has_no_bearing_is_refused(client, done):
    experiment = client.experiments.get(done)
    with pytest.raises(tombola.InvalidRequest, match="this call takes none"):
        experiment.picture("heatmap", level=0.9)
    with pytest.raises(tombola.InvalidRequest, match="say which, the experiment has several: 8, 32"):
        experiment.picture("curves")
    with pytest.raises(tombola.NotFound, match="no run of seed 99 has finished"):
        experiment.picture("curves", width=8, samples=100, sparsity=2, seeds=[99])


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


def test_a_preset_is_read_and_quoted_at_a_scale(client):
    preset = client.presets.get("paper/figure-4", scale="full")
    assert (preset.scale, preset.run_count) == (tombola.Scale.FULL, 183_600)
    answer = client.presets.quote("paper/figure-4", scale=tombola.Scale.FULL)
    assert [each.spec for each in answer.experiments] == preset.specs
    assert answer.total.runs == sum(each.quote.runs for each in answer.experiments) == 183_600
    assert client.presets.get("paper/figure-4").scale is tombola.Scale.LAPTOP
    with pytest.raises(
        tombola.InvalidRequest, match="scale: must be 'laptop', 'gpu-hour' or 'full', not \"x\""
    ):
        client.presets.quote("paper/figure-4", scale="x")
    with pytest.raises(tombola.InvalidRequest, match="'quickstart' has no scales"):
        client.presets.submit("quickstart", scale="full")
    with pytest.raises(tombola.NotFound, match="paper/figure-9"):
        client.presets.submit("paper/figure-9")


@pytest.fixture
def undone(client):
    """Return a list; the experiments put in it are cancelled and deleted in the end."""
    experiments = []
    yield experiments
    for experiment in experiments:
        if not experiment.refresh().status.finished:
            experiment.cancel()
        experiment.delete()


def test_all_experiments_of_a_preset_are_submitted_once(client, undone):
    undone += client.presets.submit("paper/figure-4", rename="mine", idempotency_key="k" * 255)
    asked = client.presets.get("paper/figure-4").specs
    assert [one.spec.model_copy(update={"name": ""}) for one in undone] == [
        spec.model_copy(update={"name": ""}) for spec in asked
    ]
    assert undone[0].name == "mine, laptop: n = 50, k = 3"
    again = client.presets.submit("paper/figure-4", rename="mine", idempotency_key="k" * 255)
    assert [one.id for one in again] == [one.id for one in undone]
    assert len({one.id for one in undone}) == 4
    with pytest.raises(tombola.Conflict):
        client.presets.submit("paper/figure-4", scale="full", rename="mine", idempotency_key="k" * 255)
    with pytest.raises(tombola.InvalidSpec, match="/name: "):
        client.presets.submit("paper/figure-4", rename="two\nlines")
    with pytest.raises(ValueError, match="an idempotency key is"):
        client.presets.submit("paper/figure-4", idempotency_key="")


def test_a_preset_of_one_experiment_takes_the_name_and_the_key_as_they_are(client, undone):
    undone += client.presets.submit("paper/figure-2", rename="mine", idempotency_key="one")
    (only,) = undone
    assert only.name == "mine"
    spec = client.presets.get("paper/figure-2").spec.model_copy(update={"name": "mine"})
    assert client.experiments.create(spec, idempotency_key="one").id == only.id


@pytest.mark.anyio
async def test_the_async_client_reads_quotes_and_submits_presets(url):
    async with AsyncClient(url) as client:
        preset = await client.presets.get("paper/figure-2", scale="gpu-hour")
        quote = await client.presets.quote("paper/figure-2", scale="gpu-hour")
        assert quote.total.runs == preset.run_count == 3600
        made = await client.presets.submit("paper/figure-4")
        assert [one.spec for one in made] == (await client.presets.get("paper/figure-4")).specs
        for one in made:
            await one.cancel()
            await one.delete()


@pytest.mark.anyio
async def test_the_async_client_does_the_same(url, done, tiny):
    async with AsyncClient(url) as client:
        experiment = await client.experiments.create(tiny | {"name": "async"})
        await experiment.wait(timeout=60)
        assert len((await experiment.success_table()).cells) == 8
        assert await experiment.picture("heatmap") == await experiment.heatmap()
        assert await experiment.picture("frontier", level=0.9) == await experiment.frontier_picture(level=0.9)
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
