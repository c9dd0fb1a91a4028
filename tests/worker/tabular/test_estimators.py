from __future__ import annotations

import dataclasses
import importlib.util
import time

import numpy as np
import pytest
from sklearn.datasets import load_wine, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import log_loss

from service.lab.tabular import search
from service.lab.tabular.search import candidate, candidates
from tombola.results import Outcome
from tombola.spec import (
    EstimatorModel,
    EstimatorModels,
    MlpModel,
    Protocol,
    TabularConfiguration,
    TabularTask,
)
from worker.engine.seam import TabularRun
from worker.engine.tables import Prepared, Rows
from worker.tabular.estimators import EstimatorEngine, _seam, _sklearn
from worker.tabular.estimators._seam import growing, library_seed
from worker.tabular.estimators.engine import FitFailedError, LibraryMissingError

KINDS = ["forest", "boosting", "logistic", "lightgbm", "xgboost", "catboost", "tabm"]
HERE = [kind for kind in KINDS if kind != "catboost" or importlib.util.find_spec("catboost")]


def provide(task, samples, networks):
    """Return a split of wine, or of a table of two classes with three telling columns."""
    if task.classes == 3:
        features, classes = load_wine(return_X_y=True)
    else:
        features, classes = make_classification(
            400, 8, n_informative=3, n_redundant=0, shuffle=False, random_state=1
        )
    if networks:
        features = (features - features.mean(0)) / features.std(0)
    order = np.random.default_rng(task.split).permutation(len(classes))
    parts = np.split(order, [samples, samples + 40])
    return Prepared(
        task.classes,
        tuple(f"column {number}" for number in range(features.shape[1])),
        np.arange(features.shape[1]),
        *(Rows(features[part].astype(np.float32), classes[part].astype(np.int64)) for part in parts),
    )


def run(kind, number=0, *, seed=0, classes=3, samples=90, split=0, importance=False, **hyperparameters):
    model = candidate(kind, number)
    if hyperparameters:
        model = EstimatorModel(kind=kind, hyperparameters=model.hyperparameters | hyperparameters)
    task = TabularTask(
        dataset="e" * 64, rows=178, features=13, classes=classes, split=split, protocol=Protocol()
    )
    return TabularRun(
        TabularConfiguration(target=task, samples=samples, model=model, importance=importance), seed
    )


def trained(runs, lanes=2):
    finished = []
    assert EstimatorEngine(provide, lanes).train(runs, finished.append, lambda _: False)
    return {
        (item.run.configuration.hash(), item.run.seed): dataclasses.replace(item, wall_seconds=0.0)
        for item in finished
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_tells_classes_and_the_same_ones_again(kind):
    if kind not in HERE:
        pytest.skip(f"{kind}, an extra of 97 MB, is not installed")
    quick = {"max_steps": 300, "width": 32, "blocks": 1} if kind == "tabm" else {}
    asked = [run(kind, **quick), run(kind, seed=1, **quick), run(kind, classes=2, samples=150, **quick)]
    together = trained(asked)
    assert len(together) == 3
    for item in together.values():
        assert item.outcome is Outcome.SUCCESS
        assert item.score.test.accuracy > 0.8
        assert item.score.test.auc > 0.85
        assert item.steps > 0
        assert item.test_error == pytest.approx(1 - item.score.test.accuracy)
    alone = trained(asked[:1], lanes=1)
    assert alone.items() <= together.items()


@pytest.mark.parametrize("kind", ["forest", "boosting", "logistic", "lightgbm", "xgboost"])
def test_drawn_candidates_can_be_fitted(kind):
    asked = [run(kind, number, classes=2, samples=100) for number in range(1, 5)]
    assert all(item.outcome is Outcome.SUCCESS for item in trained(asked).values())


def test_a_forest_grown_in_pieces_is_the_one_grown_at_once():
    asked = run("forest", n_estimators=35)
    (found,) = trained([asked]).values()
    split = provide(asked.configuration.target, 90, False)
    plain = RandomForestClassifier(
        35, min_samples_leaf=2, random_state=library_seed("e" * 64, 0, 0), n_jobs=1
    ).fit(split.train.features, split.train.classes)
    assert found.score.test.accuracy == np.mean(plain.predict(split.test.features) == split.test.classes)
    shares = plain.predict_proba(split.test.features)
    truth = shares[np.arange(len(shares)), split.test.classes]
    assert found.score.test.loss == pytest.approx(-np.mean(np.log(np.maximum(truth, 1e-15))))


def test_boosting_keeps_the_round_that_is_best_on_validation_rows_wherever_its_pieces_end(monkeypatch):
    asked = run("boosting", classes=2, samples=150, learning_rate=0.2)
    (found,) = trained([asked]).values()
    split = provide(asked.configuration.target, 150, False)
    plain = HistGradientBoostingClassifier(
        max_iter=200, learning_rate=0.2, early_stopping=False, random_state=library_seed("e" * 64, 0, 0)
    ).fit(split.train.features, split.train.classes)
    losses = [
        log_loss(split.validation.classes, shares)
        for shares in plain.staged_predict_proba(split.validation.features)
    ]
    best = next(at for at, loss in enumerate(losses) if loss == min(losses[: at + 21]))  # patience is 20
    assert found.steps == best + 1
    assert best + 20 < len(losses)
    shares = list(plain.staged_predict_proba(split.test.features))[best]
    assert found.score.test.loss == pytest.approx(log_loss(split.test.classes, shares))
    for pieces in ([200], [found.steps, found.steps + 20, found.steps + 21], range(1, 201)):
        monkeypatch.setattr(_sklearn, "growing", lambda *_, pieces=pieces, **__: iter(pieces))
        assert list(trained([asked]).values()) == [found]


@pytest.mark.parametrize("pieces", [[20, 30], [30], [1, 19, 20, 21, 30]])
def test_boosting_that_only_gets_worse_ends_alike_wherever_its_pieces_end(pieces, monkeypatch):
    """Labels at random: no tree at all has the least loss."""

    def random(task, samples, networks):
        split = provide(task, samples, networks)
        drawn = np.random.default_rng(3)
        parts = (
            Rows(part.features, drawn.integers(0, 2, len(part.classes)))
            for part in (split.train, split.validation, split.test)
        )
        return Prepared(2, split.columns, split.column_of, *parts)

    asked = run("boosting", classes=2, samples=150, learning_rate=0.5, max_iter=30)
    monkeypatch.setattr(_sklearn, "growing", lambda *_, **__: iter(pieces))
    finished = []
    assert EstimatorEngine(random, 1).train([asked], finished.append, lambda _: False)
    assert finished[0].steps == 1


def test_a_ridge_in_pieces_ends_where_one_fit_does(monkeypatch):
    asked = run("logistic")
    (at_once,) = trained([asked]).values()
    monkeypatch.setattr(_sklearn, "_PASSED", 0)  # as for a huge table
    monkeypatch.setattr(_sklearn, "_ITERATIONS", 5)
    (in_pieces,) = trained([asked]).values()
    assert in_pieces.steps > at_once.steps > 5
    assert in_pieces.score.test.loss == pytest.approx(at_once.score.test.loss, rel=1e-2)


def test_pieces_end_with_the_last_and_stay_within_about_a_second(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_seam.time, "perf_counter", lambda: now[0])

    def fit(seconds_each, most, again=0.0, share=0.0):
        ends = [0]
        for end in growing(most, share=share):
            now[0] += (end - ends[-1]) * seconds_each + ends[-1] * again
            ends.append(end)
        return ends

    assert fit(5.0, 4) == [0, 1, 2, 3, 4]
    assert fit(1e-9, 100) == [0, 1, 3, 7, 15, 31, 63, 100]
    assert max(np.diff(fit(0.1, 1000))) <= 10
    assert len(fit(0.1, 1000, again=0.1, share=0.25)) < 40, (
        "going through all again does not make pieces small"
    )


def test_a_stop_ends_a_long_fit_within_seconds():
    asked = [run("forest", n_estimators=200_000, min_samples_leaf=1, classes=2, samples=300)]
    began_at = time.monotonic()
    finished = []
    assert not EstimatorEngine(provide, 2).train(
        asked, finished.append, lambda _: time.monotonic() - began_at > 1
    )
    assert not finished


def test_a_training_set_without_one_of_the_classes_is_no_trouble():
    """Permuted labels may take one away."""

    def lacking(task, samples, networks):
        split = provide(task, samples, networks)
        return dataclasses.replace(split, train=Rows(split.train.features, split.train.classes % 2 * 2))

    finished = []
    asked = [run(kind) for kind in ("forest", "boosting", "logistic", "xgboost", "lightgbm")]
    assert EstimatorEngine(lacking, 2).train(asked, finished.append, lambda _: False)
    assert len(finished) == 5
    for item in finished:
        assert item.outcome is Outcome.SUCCESS


def test_importance_finds_the_columns_that_tell():
    (found,) = trained([run("forest", classes=2, samples=200, importance=True)]).values()
    read = {item.column: item.permutation for item in found.score.importance}
    assert list(read) == [f"column {number}" for number in range(8)]
    assert max(read, key=read.get) in {"column 0", "column 1", "column 2"}
    assert max(abs(read[f"column {number}"]) for number in range(3, 8)) < 0.1
    assert found.score.importance[0].support is None


def test_a_library_that_is_not_there_is_named_and_stops_no_other_model(monkeypatch):
    monkeypatch.setattr("worker.tabular.estimators.engine.find_spec", lambda name: name != "catboost" or None)
    finished = []
    asked = [run("catboost"), run("forest"), run("catboost", 1), run("logistic")]
    with pytest.raises(LibraryMissingError, match=r"pip install 'tombola-server\[catboost\]'"):
        EstimatorEngine(provide, 1).train(asked, finished.append, lambda _: False)
    assert [item.run for item in finished] == [asked[1], asked[3]]


def test_what_a_library_refuses_is_told_with_the_model_and_stops_no_other():
    asked = [run("forest", max_features="half"), run("logistic")]
    finished = []
    with pytest.raises(FitFailedError, match=r"forest with .*'half'.* on 90 rows: InvalidParameterError: "):
        EstimatorEngine(provide, 2).train(asked, finished.append, lambda _: False)
    assert [item.run for item in finished] == [asked[1]]


@pytest.mark.parametrize("kind", ["boosting", "lightgbm", "xgboost", "catboost", "tabm"])
def test_a_stop_in_the_middle_of_a_fit_is_no_failure(kind):
    if kind not in HERE:
        pytest.skip(f"{kind}, an extra of 97 MB, is not installed")
    long = {
        "boosting": {"learning_rate": 1e-4},
        "lightgbm": {"learning_rate": 1e-4},
        "xgboost": {"learning_rate": 1e-4},
        "catboost": {"learning_rate": 1e-4},
        "tabm": {"learning_rate": 1e-6, "max_steps": 100_000},
    }[kind]
    rounds = {"boosting": "max_iter", "catboost": "iterations"}.get(kind, "n_estimators")
    settings = long if kind == "tabm" else long | {rounds: 1_000_000}
    began_at = time.monotonic()
    finished = []
    assert not EstimatorEngine(provide, 1).train(
        [run(kind, **settings)], finished.append, lambda _: time.monotonic() - began_at > 1
    )
    assert not finished


def test_networks_are_not_for_this_engine():
    asked = run("forest")
    network = MlpModel(width=3, depth=2, sparsity=None, optimizer="sgd", learning_rate=0.1, weight_decay=0.0)
    other = dataclasses.replace(
        asked, configuration=asked.configuration.model_copy(update={"model": network})
    )
    with pytest.raises(TypeError, match="models of libraries, not mlp"):
        trained([other])


@pytest.mark.parametrize("kind", KINDS)
def test_more_trials_begin_with_the_fewer_and_none_is_tried_twice(kind):
    few, many = (candidates(EstimatorModels(kind=kind, trials=trials)) for trials in (5, 1000))
    assert many[:5] == few
    assert many[700] == candidate(kind, 700)
    assert len({item.model_dump_json() for item in many}) == 1000


def test_chosen_numbers_are_those_of_all_trials():
    every, some = (
        candidates(EstimatorModels(kind="forest", trials=40, candidates=numbers))
        for numbers in (None, [26, 2])
    )
    assert some == [every[26], every[2]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_eight_draws_have_one_in_each_eighth_of_every_hyperparameter(kind):
    for name in search._SPACES[kind]:
        places = [search._place(kind, name, number) for number in range(24)]
        for first in (0, 8, 16):
            assert sorted(int(8 * place) for place in places[first : first + 8]) == list(range(8))


def test_hyperparameters_are_drawn_apart_from_each_other():
    names = list(search._SPACES["xgboost"])
    places = np.array([[search._place("xgboost", name, number) for name in names] for number in range(800)])
    apart = np.abs(np.corrcoef(places.T) - np.eye(len(names)))
    assert apart.max() < 0.15


def test_candidates_are_these_for_ever():
    """They are part of what identifies a run."""
    assert candidate("forest", 0).hyperparameters == {"n_estimators": 250, "min_samples_leaf": 2}
    assert candidate("forest", 1).hyperparameters == {"n_estimators": 250}
    assert candidate("forest", 7).hyperparameters == {
        "n_estimators": 250,
        "criterion": "gini",
        "max_features": 0.6,
        "max_depth": None,
        "min_samples_split": 2,
        "min_samples_leaf": 3,
        "bootstrap": True,
        "min_impurity_decrease": 0.0,
    }
    assert candidate("boosting", 2).hyperparameters == {
        "max_iter": 1000,
        "learning_rate": 0.3706,
        "max_leaf_nodes": 35,
        "max_depth": 4,
        "min_samples_leaf": 19,
    }
    assert candidate("xgboost", 1).hyperparameters == {
        "n_estimators": 1000,
        "max_depth": 4,
        "learning_rate": 0.1398,
        "gamma": 0.3532,
        "min_child_weight": 47,
        "subsample": 0.8567,
        "colsample_bytree": 0.8395,
        "colsample_bylevel": 0.7021,
        "reg_alpha": 0.0001017,
        "reg_lambda": 1.241,
    }
