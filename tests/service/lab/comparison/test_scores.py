from __future__ import annotations

import json

import numpy as np
import pytest

from service.lab.comparison.importance import importances
from service.lab.comparison.scores import SCORES, Wanted, score_page, score_pages
from service.lab.errors import NoImportance, UnknownName
from service.store.models import Experiment
from tests import scored

ALL = Wanted()


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_runs_come_in_order_of_cell_and_seed_page_by_page_with_what_they_scored(database, made):
    key, runs = made()
    found, after = [], None
    with database.read() as session:
        while page := score_page(session, key, ALL, 37, after):
            found += page
            after = found[-1][0], found[-1][1].seed
    assert [cell for cell, _ in found] == [cell for cell in range(144) for _ in range(2)]
    for (_, score), row in zip(found, runs.to_dict("records"), strict=True):
        assert (score.dataset, score.samples, score.split, score.seed) == (
            row["dataset"],
            row["samples"],
            row["split"],
            row["seed"],
        )
        assert score.fraction == {70: 0.1, 21: 0.1, 700: 1.0, 210: 1.0}[score.samples]
        model = json.loads(row["candidate"])
        own = model.get("hyperparameters", model)
        assert score.hyperparameters.items() <= own.items()
        assert score.model == row["kind"]
        if np.isnan(row["test_accuracy"]):
            assert (score.outcome, score.test.accuracy, score.validation.loss) == ("diverged", None, None)
        else:
            assert (score.outcome, score.test.accuracy) == ("success", row["test_accuracy"])
            assert score.validation.accuracy == row["validation_accuracy"]
            assert (score.validation.loss, score.test.auc) == (row["validation_loss"], row["test_auc"])
            assert (score.core_seconds, score.wall_seconds) == (row["core_seconds"], 1.0)
    assert {score.test_rows for _, score in found} == {210, 63}
    assert [score.candidate for _, score in found[:24:2]] == [*range(8), 0, 1, 2, 0]


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_file_has_the_same_runs_in_pages_of_columns(database, made):
    key, runs = made()
    pages = list(score_pages(database, key, ALL, page_rows=100))
    assert [len(page[0]) for page in pages] == [100, 100, 88]
    columns = {
        column.name: [value for page in pages for value in page[number]]
        for number, column in enumerate(SCORES)
    }
    np.testing.assert_array_equal(np.array(columns["test_accuracy"], dtype=float), runs.test_accuracy)
    assert columns["seed"] == list(runs.seed)
    assert json.loads(columns["hyperparameters"][0])["width"] == 100
    assert columns["sparsity"][:6] == [None] * 4 + [2, 2]


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_runs_of_one_data_set_and_model_only(database, made):
    key, _ = made()
    with database.read() as session:
        for name in ("hard", scored.dataset_id("hard")):
            found = score_page(session, key, Wanted(name, "forest"), 1000, None)
            assert len(found) == 2 * 3 * 3 * 2
            assert {(one.dataset, one.model) for _, one in found} == {("hard", "forest")}
        with pytest.raises(UnknownName, match="no data set 'soft'; it has plain, hard"):
            score_page(session, key, Wanted("soft"), 10, None)
        with pytest.raises(UnknownName, match="no model 'tabm'; it has mlp, forest, logistic"):
            score_page(session, key, Wanted(model="tabm"), 10, None)


def test_a_data_set_that_the_spec_names_by_its_id_has_its_name(database, made):
    key, _ = made()
    with database.write() as session:
        row = session.get(Experiment, key)
        target = row.spec["target"] | {"datasets": [scored.dataset_id("plain"), "hard"]}
        row.spec = row.spec | {"target": target}
    with database.read() as session:
        assert score_page(session, key, ALL, 1, None)[0][1].dataset == "plain"


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_importances_are_means_over_the_runs_that_are_chosen(database, made):
    key, runs = made(spec=scored.spec_of(importance=True))
    with database.read() as session:
        answer = importances(session, key)
    assert len(answer.models) == 2 * 2 * 5
    for one in answer.models:
        own = runs[(runs.dataset == one.dataset) & (runs.samples == one.samples)]
        own = own[own.kind == one.model] if not one.model.startswith("mlp") else own[own.kind == "mlp"]
        if one.model in ("mlp-sparse", "mlp-dense"):
            own = own[own.sparsity.isna() == (one.model == "mlp-dense")]
        places = own.groupby(["split", "seed"])
        best = [scored.spoken_for(place.to_dict("records")) for _, place in places]
        chosen = [row for row in best if row is not None]
        signal = [row["importance"][1]["permutation"] for row in chosen]
        assert one.runs == len(chosen)
        assert [column.column for column in one.columns] == ["signal", "noise"]
        assert one.columns[0].permutation == pytest.approx(np.mean(signal))
        assert one.columns[0].deviation == pytest.approx(np.hypot(0.01, np.std(signal)))
        networks = (0.5, 0.4) if one.model.startswith("mlp") else (None, None)
        assert (one.columns[0].support, one.columns[0].initial_support) == pytest.approx(networks)


def test_importances_that_were_not_measured_are_refused_with_what_would_be_right(database, made):
    key, _ = made()
    with database.read() as session, pytest.raises(NoImportance, match='"importance": true'):
        importances(session, key)
