"""Answers on tables with the Python clients and on the command line, against the real stack."""

from __future__ import annotations

import asyncio
import json

import pandas as pd
import pytest

from tombola import AsyncClient
from tombola.errors import Conflict, InvalidRequest

MODELS = ["mlp", "mlp-sparse", "mlp-dense", "forest", "logistic"]


@pytest.fixture
def experiment(client, on_tables):
    return client.experiments.get(on_tables)


def test_a_comparison_has_what_was_asked_for(experiment):
    answer = experiment.comparison()
    assert [row.model for row in answer.budgets] == MODELS
    asked = experiment.comparison(baseline="logistic", level=0.8, trials=1, seconds=50)
    assert (asked.baseline, asked.level, asked.trials, asked.seconds) == ("logistic", 0.8, 1, 50.0)
    assert {row.candidates for row in asked.budgets} == {1}


def test_a_comparison_is_a_frame_with_a_row_for_each_data_set_size_and_model(experiment):
    answer = experiment.comparison()
    frame = answer.to_pandas()
    assert len(frame) == 4 * 5
    row = frame[(frame.dataset == "hard") & (frame.fraction == 1.0) & (frame.model == "mlp")].iloc[0]
    (table,) = [one for one in answer.datasets if (one.dataset, one.fraction) == ("hard", 1.0)]
    found = table.differences[0]
    assert (row.difference, row.difference_low, row.verdict) == (
        found.difference.value,
        found.difference.low,
        found.verdict,
    )
    assert row.accuracy_high == table.models[0].accuracy.high


def test_the_width_frontier_and_importances_are_frames_too(experiment):
    answer = experiment.width_frontier(
        0.9, against="full", baseline="logistic", interval="jeffreys", level=0.9
    )
    assert (answer.probability, answer.against, answer.baseline, answer.method, answer.level) == (
        0.9,
        "full",
        "logistic",
        "jeffreys",
        0.9,
    )
    frame = answer.to_pandas()
    assert (len(frame), frame.sparsity.isna().sum()) == (16, 8)
    read = experiment.importance().to_pandas()
    assert len(read) == 20 * 2
    assert set(read.column) == {"signal", "noise"}


def test_scores_are_read_page_by_page(experiment):
    scores = list(experiment.scores(page_size=100))
    assert len(scores) == 288
    forest = list(experiment.scores(dataset="plain", model="forest"))
    assert forest == [score for score in scores if (score.dataset, score.model) == ("plain", "forest")]
    assert list(experiment.scores(limit=3)) == scores[:3]


def test_the_async_client_reads_the_same(url, on_tables, experiment):
    async def read():
        async with AsyncClient(url) as client:
            twin = await client.experiments.get(on_tables)
            scores = [score async for score in twin.scores(model="logistic", limit=5)]
            return await twin.comparison(), await twin.width_frontier(), await twin.importance(), scores

    compared, frontier, read_, scores = asyncio.run(read())
    assert compared == experiment.comparison()
    assert frontier == experiment.width_frontier()
    assert read_ == experiment.importance()
    assert scores == list(experiment.scores(model="logistic", limit=5))


def test_what_is_wrong_is_an_error_that_says_what_would_be_right(client, done, experiment):
    with pytest.raises(InvalidRequest, match="it has mlp, mlp-sparse, mlp-dense, forest, logistic"):
        experiment.comparison(baseline="tabm")
    with pytest.raises(Conflict, match="success-table"):
        client.experiments.get(done).comparison()


def test_the_command_prints_tables_and_says_in_words_who_wins_where(tool, on_tables):
    code, out, _ = tool("comparison", on_tables)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "Accuracy in %, 10% of the training rows, ± half of the 95% limits, * the best"
    assert lines[1].split() == ["data", "set", "samples", "majority", *MODELS]
    assert lines[2].startswith("plain")
    assert "Points above forest, 100% of the training rows" in lines
    assert "Mean ranks, 1 the best" in lines
    assert any(line.startswith("Tuning of each model, for one split and size: unequal") for line in lines)
    assert lines[-1].startswith("At 10% of the training rows the forest wins ")
    assert "The tuning budgets were not equal" in lines[-1]


def test_the_command_takes_a_baseline_and_prints_json(tool, on_tables):
    code, out, _ = tool("comparison", on_tables, "--baseline", "logistic", "--trials", 1, "--json")
    assert code == 0
    assert json.loads(out)["baseline"] == "logistic"
    code, out, err = tool("comparison", on_tables, "--baseline", "tabm")
    assert (code, out) == (2, "")
    assert "it has mlp, mlp-sparse" in err


def test_scores_importances_and_the_width_frontier_are_printed(tool, on_tables):
    code, out, _ = tool("scores", on_tables, "--dataset", "hard", "--model", "forest", "--limit", 4)
    assert (code, len(out.splitlines())) == (0, 5)
    assert out.splitlines()[0].split()[-4:] == ["validation", "test", "AUC", "core-seconds"]
    assert len(json.loads(tool("scores", on_tables, "--json")[1])) == 288
    code, out, _ = tool("importance", on_tables)
    assert code == 0
    assert out.startswith("plain, 70 training rows: points of accuracy lost")
    assert out.splitlines()[2].split()[0] == "signal"
    code, out, _ = tool("width", on_tables, "--against", "full", "-p", 0.5)
    assert code == 0
    assert out.startswith("Networks at least as good as forest of the full training set; * on the frontier")


def test_what_has_no_such_answer_is_said_in_one_line(tool, done):
    for name in ("comparison", "scores", "importance", "width"):
        code, out, err = tool(name, done)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert "success-table" in err


@pytest.mark.parametrize(("what", "rows"), [("scores", 288), ("comparison", 20)])
def test_files_have_all_there_is(experiment, tmp_path, what, rows):
    path = experiment.export(what, tmp_path / f"{what}.parquet")
    assert len(pd.read_parquet(path)) == rows
    with pytest.raises(ValueError, match=f"a file of {what} has all there is: leave out width, level"):
        experiment.export(what, path, width=3, level=0.9)


def test_the_command_writes_scores_into_a_file(tool, on_tables, tmp_path):
    path = tmp_path / "scores.csv"
    assert tool("scores", on_tables, "-o", path)[0] == 0
    assert len(pd.read_csv(path)) == 288
    code, _, err = tool("scores", on_tables, "-o", path, "--model", "mlp")
    assert code == 2
    assert "a file has all runs: leave out --dataset" in err
