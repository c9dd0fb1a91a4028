"""Results over HTTP: success tables, frontiers, runs and curves."""

from __future__ import annotations

import csv
import io
import itertools
import math
import statistics

import pytest

from service.lab.statistics.sequences import confidence_sequence
from service.store import cells
from service.store.models import Experiment
from tombola.results import Frontier, Luck, SuccessTable, Thresholds, Times

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def path(finished):
    return f"/v1/experiments/{finished['id']}"


def all_runs(client, path, **params):
    found, cursor = [], None
    while True:
        page = client.get(f"{path}/runs", params=params | ({"cursor": cursor} if cursor else {})).json()
        found.extend(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@on_both
def test_the_success_table_has_a_row_for_each_cell_in_the_order_of_the_grid(client, path):
    table = SuccessTable.model_validate_json(client.get(f"{path}/success-table").content)
    assert [(cell.width, cell.samples, cell.sparsity) for cell in table] == list(
        itertools.product([4, 8], [50, None], [2, None])
    )
    assert all(cell.runs == cell.runs_total == 5 for cell in table)
    assert sum(cell.successes + cell.censored + cell.diverged for cell in table) == 40


def test_before_the_first_run_a_cell_has_neither_probability_nor_interval(client, create):
    path = f"/v1/experiments/{create()['id']}"
    (cell, *_) = client.get(f"{path}/success-table").json()["cells"]
    assert (cell["runs"], cell["probability"], cell["interval"], cell["median_steps"]) == (
        0,
        None,
        None,
        None,
    )
    assert client.get(f"{path}/frontier").json()["points"] == []


@pytest.mark.parametrize("how", [{"headers": {"Accept": "text/csv"}}, {"params": {"format": "csv"}}])
def test_csv_has_the_same_numbers_as_json(client, path, how):
    table = SuccessTable.model_validate_json(client.get(f"{path}/success-table").content)
    answer = client.get(f"{path}/success-table", **how)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0] == (
        "width,samples,sparsity,runs,runs_total,successes,censored,diverged,probability,low,high,level,method,"
        "median_steps,median_steps_low,median_steps_high,decision"
    )
    for row, cell in zip(csv.DictReader(io.StringIO(answer.text)), table, strict=True):
        assert row["width"] == str(cell.width)
        assert row["samples"] == ("" if cell.samples is None else str(cell.samples))
        assert row["sparsity"] == ("" if cell.sparsity is None else str(cell.sparsity))
        assert float(row["probability"]) == cell.probability
        assert float(row["low"]) == cell.interval.low
        assert row["method"] == cell.interval.method
        assert row["median_steps"] == ("" if cell.median_steps is None else str(cell.median_steps))


@on_both
def test_times_are_those_of_the_runs(client, path):
    answer = Times.model_validate_json(client.get(f"{path}/times?quantiles=0.2,0.5,0.9&level=0.9").content)
    assert (answer.level, answer.method) == (0.9, "wilson")
    table = SuccessTable.model_validate_json(client.get(f"{path}/success-table?level=0.9").content)
    every = all_runs(client, path)
    for number, (times, cell) in enumerate(zip(answer.cells, table, strict=True)):
        own = [run for run in every if run["cell"] == number]
        assert (times.runs, times.successes) == (cell.runs, cell.successes) == (5, cell.successes)
        for name in ("steps", "flops", "wall_seconds"):
            spread, taken = getattr(times, name), [run[name] for run in own]
            assert spread.mean == pytest.approx(statistics.mean(taken))
            assert spread.sd == pytest.approx(statistics.stdev(taken), abs=1e-6 * spread.mean)
            assert spread.low <= spread.mean <= spread.high
        steps = sorted(run["steps"] if run["outcome"] == "success" else float("inf") for run in own)
        for reached, rank in zip(times.reached, (1, 3, 5), strict=True):
            expected = None if steps[rank - 1] == float("inf") else steps[rank - 1]
            assert reached.steps.value == expected
            assert (reached.flops.value is None) == (expected is None)
        median = times.reached[1].steps
        assert (median.value, median.low, median.high) == (
            cell.median_steps,
            cell.median_steps_low,
            cell.median_steps_high,
        )


def test_times_count_the_runs_that_were_there_before(client, create, hands):
    first = create()
    hands.train_all()
    second = create(seeds={"count": 3, "start": 1})
    answers = [client.get(f"/v1/experiments/{one['id']}/times").json()["cells"] for one in (first, second)]
    assert [cell["runs"] for cell in answers[1]] == [3] * 8
    every = all_runs(client, f"/v1/experiments/{first['id']}")
    for number, cell in enumerate(answers[1]):
        own = [run["steps"] for run in every if run["cell"] == number and 1 <= run["seed"] < 4]
        assert cell["steps"]["mean"] == pytest.approx(statistics.mean(own))


def test_before_the_first_run_nothing_is_timed(client, create):
    (cell, *_) = client.get(f"/v1/experiments/{create()['id']}/times").json()["cells"]
    assert (cell["runs"], cell["steps"], cell["flops"], cell["wall_seconds"]) == (0, None, None, None)
    assert {tuple(reached["steps"].values()) for reached in cell["reached"]} == {(None, None, None)}


def test_wrong_quantiles_are_refused_by_name(client, path):
    for text in ("", "0", "1", "0.5,", "half", "0.5;0.6", "-0.5", "0.0", "nan", ",".join(["0.5"] * 21)):
        answer = client.get(f"{path}/times", params={"quantiles": text})
        assert answer.status_code == 422, text
        (part,) = answer.json()["errors"]
        assert part["parameter"] == "quantiles"
        assert "numbers above 0 and below 1" in part["detail"]


@on_both
def test_luck_is_that_of_the_runs(client, path):
    answer = Luck.model_validate_json(
        client.get(f"{path}/luck?restarts=1,3&probability=0.75&level=0.9").content
    )
    every = all_runs(client, path)
    for number, cell in enumerate(answer.cells):
        own = [run for run in every if run["cell"] == number]
        won = [run for run in own if run["outcome"] == "success"]
        assert (cell.runs, cell.successes) == (5, len(won))
        p = len(won) / 5
        assert [best.probability.value for best in cell.best_of] == pytest.approx([p, 1 - (1 - p) ** 3])
        if won:
            assert cell.restarts.value == pytest.approx(1 / p)
            assert cell.steps.value == pytest.approx(sum(run["steps"] for run in own) / len(won))
            assert cell.flops.value == pytest.approx(sum(run["flops"] for run in own) / len(won))
        for limits in (cell.restarts, cell.restarts_to, cell.steps, cell.flops):
            low, value, high = (
                math.inf if end is None else end for end in (limits.low, limits.value, limits.high)
            )
            assert low <= value <= high


def test_width_stands_against_restarts_at_equal_flops(client, path):
    answer = client.get(f"{path}/luck").json()
    assert [(group["samples"], group["sparsity"]) for group in answer["equal_flops"]] == [
        (50, 2),
        (50, None),
        (None, 2),
        (None, None),
    ]
    for group in answer["equal_flops"]:
        (rival,) = group["rivals"]
        assert (group["width"], rival["width"]) == (8, 4)
        assert rival["restarts"] == pytest.approx(2, rel=0.01)  # FLOPs are nearly proportional to the width
        apart = rival["probability"]["value"] - group["probability"]["value"]
        assert rival["difference"]["value"] == pytest.approx(apart)
        assert rival["better"] == "undecided"  # from five runs each
    assert [group["rivals"] for group in client.get(f"{path}/luck?width=4").json()["equal_flops"]] == [[]] * 4


def test_many_runs_decide_between_width_and_restarts(client, create, database):
    experiment = create(grid={"width": [4, 8], "samples": [50, 60], "sparsity": [2]})
    counts = {(4, 50): 500, (8, 50): 600, (4, 60): 100, (8, 60): 900}
    with database.write() as session:
        for cell in cells.of(session, experiment["id"]):
            cell.runs, cell.successes = 1000, counts[cell.width, cell.samples]
    groups = client.get(f"/v1/experiments/{experiment['id']}/luck").json()["equal_flops"]
    assert [group["rivals"][0]["better"] for group in groups] == ["restarts", "width"]


def test_what_luck_cannot_be_asked_is_refused_by_name(client, path):
    for name, value, said in (
        ("restarts", "0", "whole numbers from 1"),
        ("restarts", "1.5", "whole numbers from 1"),
        ("restarts", "", "whole numbers from 1"),
        ("width", "5", "has no cells of width 5; it has 4, 8"),
        ("width", "0", "greater than or equal to 1"),
        ("probability", "1", "less than 1"),
    ):
        answer = client.get(f"{path}/luck", params={name: value})
        assert answer.status_code == 422, value
        (part,) = answer.json()["errors"]
        assert part["parameter"] == name
        assert said in part["detail"]


def test_before_the_first_run_luck_is_unknown(client, create):
    answer = client.get(f"/v1/experiments/{create()['id']}/luck").json()
    unknown = {"value": None, "low": None, "high": None}
    for cell in answer["cells"]:
        assert [cell[name] for name in ("restarts", "restarts_to", "steps", "flops")] == [unknown] * 4


def test_cells_without_runs_are_empty_in_csv(client, create):
    text = client.get(f"/v1/experiments/{create()['id']}/success-table", params={"format": "csv"}).text
    assert text.splitlines()[1] == "4,50,2,0,5,0,0,0,,,,,,,,,"


def test_accept_chooses_between_json_and_csv(client, path):
    for accept, media_type in (
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/csv; charset=utf-8"),
        ("text/csv, application/json", "application/json"),
        ("text/csv, application/json;q=0.9", "text/csv; charset=utf-8"),
        ("application/json;q=0, */*", "text/csv; charset=utf-8"),
        ("text/html, */*;q=0.1", "application/json"),
    ):
        answer = client.get(f"{path}/success-table", headers={"Accept": accept})
        assert answer.headers["content-type"] == media_type, accept
        assert answer.headers["vary"] == "Accept"


def test_accept_that_admits_none_of_them_is_406(client, path):
    for accept in ("text/html", "application/json;q=0", "application/json;q=x", "nonsense"):
        answer = client.get(f"{path}/success-table", headers={"Accept": accept})
        assert answer.status_code == 406, accept
        assert "application/json, text/csv, application/vnd.apache.parquet or " in answer.json()["detail"]


def test_the_format_goes_before_accept(client, path):
    answer = client.get(f"{path}/success-table", params={"format": "json"}, headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["wilson", "clopper-pearson", "jeffreys", "confidence-sequence"])
def test_intervals_are_made_as_was_asked(client, path, method):
    params = {"interval": method, "level": 0.8}
    for name, more in (("success-table", {}), ("frontier", {"probability": 0.3})):
        body = client.get(f"{path}/{name}", params=params | more).json()
        found = [cell["interval"] for cell in body.get("points") or body["cells"]]
        assert {(one["method"], one["level"]) for one in found} == {(method, 0.8)}
    text = client.get(f"{path}/success-table", params=params | {"format": "csv"}).text
    row, *_ = csv.DictReader(io.StringIO(text))
    assert (row["method"], row["level"]) == (method, "0.8")


def test_a_wrong_interval_is_refused_by_name(client, path):
    for name, value in (
        ("interval", "wald"),
        ("level", "0.4"),
        ("level", "1"),
        ("level", "95"),
        ("level", "nan"),
    ):
        answer = client.get(f"{path}/success-table", params={name: value})
        assert answer.status_code == 422, value
        assert [part["parameter"] for part in answer.json()["errors"]] == [name]


def test_where_the_runs_decided_how_many_there_are_every_interval_is_a_confidence_sequence(
    client, database, finished, path
):
    with database.write() as session:
        row = session.get(Experiment, finished["id"])
        row.spec = row.spec | {"seeds": {"mode": "adaptive", "goal": "boundary", "max": 5}}
    for asked in ({}, {"interval": "wilson", "level": 0.9}):
        (cell, *_) = client.get(f"{path}/success-table", params=asked).json()["cells"]
        level = asked.get("level", 0.95)
        assert (cell["interval"]["method"], cell["interval"]["level"]) == ("confidence-sequence", level)
        low, high = confidence_sequence(cell["successes"], cell["runs"], level)
        assert (cell["interval"]["low"], cell["interval"]["high"]) == (low, high)


@on_both
def test_the_frontier_has_the_cells_that_reach_the_probability(client, path):
    front = Frontier.model_validate_json(client.get(f"{path}/frontier", params={"probability": 0.5}).content)
    assert front.probability == 0.5
    assert front.points
    assert all(cell.probability >= 0.5 for cell in front.points)
    assert client.get(f"{path}/frontier").json()["probability"] == 0.9


@on_both
def test_every_cell_is_marked_from_its_limits(client, path):
    table = SuccessTable.model_validate_json(client.get(f"{path}/success-table").content)
    front = Frontier.model_validate_json(client.get(f"{path}/frontier?probability=0.4").content)
    assert (front.objectives, front.level, front.method, front.resamples) == (
        ["width", "samples"],
        0.95,
        "wilson",
        500,
    )
    place = {
        id(cell): (cell.width, math.inf if cell.samples is None else cell.samples) for cell in table.cells
    }
    reaching = [cell for cell in table.cells if cell.probability >= 0.4]
    undominated = [
        cell
        for cell in reaching
        if not any(
            place[id(other)] != place[id(cell)]
            and all(a <= b for a, b in zip(place[id(other)], place[id(cell)], strict=True))
            for other in reaching
        )
    ]
    assert sorted(front.points, key=str) == sorted(undominated, key=str)
    shown = {(cell.width, cell.samples, cell.sparsity): cell for cell in front.cells}
    assert len(shown) == 8
    for cell in table:
        own = shown[cell.width, cell.samples, cell.sparsity]
        assert own.objectives == {}
        assert (own.mark == "dominated") >= (cell.interval.high < 0.4)
        assert (own.mark == "certain") <= (cell in front.points)
        assert 0 <= own.frontier_probability <= 1
    for cell in front.points:
        assert shown[cell.width, cell.samples, cell.sparsity].mark != "dominated"


def test_many_runs_make_the_frontier_certain(client, create, database):
    experiment = create(grid={"width": [4, 8], "samples": [50, 60], "sparsity": [2]})
    counts = {(4, 50): 100, (8, 50): 990, (4, 60): 980, (8, 60): 1000}
    with database.write() as session:
        for cell in cells.of(session, experiment["id"]):
            cell.runs, cell.successes = 1000, counts[cell.width, cell.samples]
    answer = client.get(f"/v1/experiments/{experiment['id']}/frontier").json()
    assert [(cell["mark"], cell["frontier_probability"]) for cell in answer["cells"]] == [
        ("dominated", 0),
        ("certain", 1),
        ("certain", 1),
        ("dominated", 0),
    ]
    with database.write() as session:  # a cell that dominates them all has lost its runs
        first = cells.of(session, experiment["id"])[0]
        first.runs, first.successes = 0, 0
        session.get(Experiment, experiment["id"]).version += 1
    answer = client.get(f"/v1/experiments/{experiment['id']}/frontier").json()
    assert [cell["mark"] for cell in answer["cells"]] == ["possible", "possible", "possible", "dominated"]


def test_a_frontier_of_other_objectives(client, path):
    luck = {
        (cell["width"], cell["samples"], cell["sparsity"]): cell["flops"]
        for cell in client.get(f"{path}/luck").json()["cells"]
    }
    table = client.get(f"{path}/success-table").json()["cells"]
    names = "steps,flops,cost,probability"
    front = client.get(f"{path}/frontier", params={"objectives": names}).json()
    assert (front["probability"], front["objectives"]) == (0, names.split(","))
    steps = lambda cell: math.inf if cell["median_steps"] is None else cell["median_steps"]  # noqa: E731
    assert min(map(steps, front["points"])) == min(map(steps, table))
    assert max(cell["probability"] for cell in front["points"]) == max(cell["probability"] for cell in table)
    for cell, row in zip(front["cells"], table, strict=True):
        coordinates = (cell["width"], cell["samples"], cell["sparsity"])
        assert cell["objectives"]["cost"] == luck[coordinates]
        assert cell["objectives"]["steps"] == {
            "value": row["median_steps"],
            "low": row["median_steps_low"],
            "high": row["median_steps_high"],
        }
        assert 0 <= cell["frontier_probability"] <= 1


def test_with_sparsity_as_a_label_each_one_has_a_frontier_of_its_own(client, create, database):
    experiment = create(grid={"width": [4, 8], "samples": [50], "sparsity": [2, None]})
    with database.write() as session:
        for cell in cells.of(session, experiment["id"]):
            cell.runs, cell.successes = 1000, 1000 if (cell.width, cell.sparsity) != (4, None) else 0
    path = f"/v1/experiments/{experiment['id']}/frontier"
    found = {
        asked: [(cell["width"], cell["sparsity"]) for cell in client.get(path, params=asked).json()["points"]]
        for asked in ("objectives=width,samples", "objectives=width,samples,sparsity", "objectives=sparsity")
    }
    assert list(found.values()) == [
        [(4, 2)],
        [(4, 2), (8, None)],
        [(4, 2), (8, 2), (8, None)],
    ]


def test_wrong_objectives_are_refused_by_name(client, path):
    for text in ("", "width,", "depth", "width;samples", "width, samples", ",".join(["width"] * 8)):
        answer = client.get(f"{path}/frontier", params={"objectives": text})
        assert answer.status_code == 422, text
        (part,) = answer.json()["errors"]
        assert part["parameter"] == "objectives"
        assert "some of width, samples, sparsity, steps, flops, cost, probability" in part["detail"]


@on_both
def test_thresholds_stand_beside_the_counts(client, path):
    answer = Thresholds.model_validate_json(client.get(f"{path}/thresholds?probability=0.3").content)
    table = SuccessTable.model_validate_json(client.get(f"{path}/success-table").content)
    assert [(row.width, row.sparsity) for row in answer.samples] == [(4, 2), (8, 2), (4, None), (8, None)]
    assert [(row.samples, row.sparsity) for row in answer.widths] == [
        (50, 2),
        (None, 2),
        (50, None),
        (None, None),
    ]
    for row in answer.widths:
        own = [cell for cell in table if (cell.samples, cell.sparsity) == (row.samples, row.sparsity)]
        assert [(point.at, point.runs, point.successes, point.probability) for point in row.curve] == [
            (cell.width, cell.runs, cell.successes, cell.probability) for cell in own
        ]
        reaching = [cell.width for cell in own if cell.probability >= 0.3]
        assert row.observed == min(reaching, default=None)
        assert row.curve[0].fit <= row.curve[1].fit
    for row in answer.samples:
        assert [point.at for point in row.curve] == [50], "online cells are left out"


def test_before_the_first_run_any_amount_may_suffice(client, create):
    answer = client.get(f"/v1/experiments/{create()['id']}/thresholds").json()
    for row in answer["widths"]:
        assert (row["observed"], row["fitted"], row["low"], row["high"]) == (None, None, 4, None)


def test_a_probability_is_above_0_and_at_most_1(client, path):
    for probability in ("0", "-1", "1.01", "nan", "inf", "-inf", "x", ""):
        for name in ("frontier", "frontier.svg", "thresholds"):
            answer = client.get(f"{path}/{name}?probability={probability}")
            assert answer.status_code == 422, probability
            assert [part["parameter"] for part in answer.json()["errors"]] == ["probability"]


@on_both
def test_pages_list_all_runs_once_by_cell_and_seed(client, path):
    found = all_runs(client, path, limit=7)
    assert [(run["cell"], run["seed"]) for run in found] == list(itertools.product(range(8), range(5)))


@on_both
@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"width": 8}, lambda run: run["width"] == 8),
        ({"samples": "online"}, lambda run: run["samples"] is None),
        ({"samples": 50, "sparsity": "dense"}, lambda run: run["samples"] == 50 and run["sparsity"] is None),
        (
            {"sparsity": 2, "outcome": "censored"},
            lambda run: run["sparsity"] == 2 and run["outcome"] == "censored",
        ),
        ({"width": 5}, lambda _: False),
    ],
)
def test_runs_by_cell_and_outcome(client, path, params, wanted):
    everything = all_runs(client, path)
    assert all_runs(client, path, limit=3, **params) == [run for run in everything if wanted(run)]


def test_a_wrong_filter_is_refused_by_name(client, path):
    for name, value in (
        ("width", "0"),
        ("width", "x"),
        ("width", "1e3"),
        ("samples", "offline"),
        ("samples", "0"),
        ("samples", ""),
        ("sparsity", "sparse"),
        ("outcome", "won"),
        ("limit", "1001"),
    ):
        answer = client.get(f"{path}/runs?{name}={value}")
        assert answer.status_code == 422, value
        (part,) = answer.json()["errors"]
        assert part["parameter"] == name
        assert "None" not in part["detail"]
        assert "null" not in part["detail"]


@on_both
def test_the_curve_of_one_run(client, path):
    where = {"width": 8, "samples": "online", "sparsity": "dense"}
    (run, *_) = all_runs(client, path, **where)
    curve = client.get(f"{path}/runs/{run['seed']}/curve", params=where).json()
    assert curve == {
        "cell": 7,
        "seed": 0,
        "steps": [run["steps"]],
        "train_error": [0.1],
        "test_error": [0.2],
    }


def test_a_curve_of_several_cells_is_422_and_names_what_to_add(client, path):
    answer = client.get(f"{path}/runs/0/curve", params={"width": 4})
    assert answer.status_code == 422
    assert [part["parameter"] for part in answer.json()["errors"]] == ["samples", "sparsity"]
    assert "50, null" in answer.json()["errors"][0]["detail"]


def test_an_experiment_of_one_cell_needs_no_cell_for_a_curve(client, create, hands):
    experiment = create(grid={"width": [4], "samples": [50], "sparsity": [2]})
    hands.train_all()
    assert client.get(f"/v1/experiments/{experiment['id']}/runs/3/curve").json()["seed"] == 3


def test_a_curve_that_does_not_exist_is_404(client, create, path):
    where = {"width": 4, "samples": 50, "sparsity": 2}
    assert client.get(f"{path}/runs/5/curve", params=where).status_code == 404
    assert client.get(f"{path}/runs/{2**32 - 1}/curve", params=where).status_code == 404
    waiting = create(seeds={"count": 1, "start": 50})
    answer = client.get(f"/v1/experiments/{waiting['id']}/runs/50/curve", params=where)
    assert answer.status_code == 404
    assert "seed 50" in answer.json()["detail"]


def test_a_seed_is_a_32_bit_word(client, path):
    for seed in ("-1", str(2**32), "x", "1e3", "9" * 50):
        answer = client.get(f"{path}/runs/{seed}/curve")
        assert answer.status_code == 422, seed
        assert [part["parameter"] for part in answer.json()["errors"]] == ["seed"]
