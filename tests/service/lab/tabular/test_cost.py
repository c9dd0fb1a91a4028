"""What runs on tables cost: laws that the figures keep, whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab import learning, work
from service.lab.cost import SPEEDS
from tombola.spec import EstimatorModel, MlpModel, Protocol, TabularConfiguration, TabularTask

SPEED = SPEEDS["mlp", "cpu"]
KINDS = ["forest", "boosting", "logistic", "lightgbm", "xgboost", "catboost", "tabm"]
TASK = TabularTask(
    dataset="0" * 64, rows=20_000, features=20, classes=2, split=0, protocol=Protocol(max_test_rows=1_000)
)


def network(**fields):
    model = {
        "width": 100,
        "depth": 2,
        "sparsity": 2,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "weight_decay": 0.0,
        **fields,
    }
    return TabularConfiguration(target=TASK, samples=1_000, model=MlpModel(**model), importance=False)


def estimator(kind, samples=1_000, *, task=TASK, importance=False, **hyperparameters):
    model = EstimatorModel(kind=kind, hyperparameters=hyperparameters)
    return TabularConfiguration(target=task, samples=samples, model=model, importance=importance)


def seconds(configuration):
    return work.run_seconds(configuration, work.most_steps(configuration), SPEED)


def test_operations_of_a_step_are_those_of_its_matrix_products():
    item = network(batch_size=1, eval_every=100, max_steps=1_000)
    step = (work.run_flops(item, 99) - work.run_flops(item, 0)) / 99
    first, second = 21 * 100, 101 * 2
    products = 2 * (first + second) + 2 * (first + second) + 2 * second  # forward, weights, hidden gradient
    assert step == pytest.approx(products + 4 * (first + second))


@given(st.sampled_from(["width", "batch_size", "max_steps"]), st.integers(1, 1_000), st.sampled_from([2, 3]))
def test_a_larger_network_takes_more_of_everything(axis, size, depth):
    small, large = (network(**{axis: size * factor, "depth": depth}) for factor in (1, 2))
    assert seconds(small) < seconds(large)
    assert work.run_bytes(small) <= work.run_bytes(large)
    assert work.run_flops(small, work.most_steps(small)) < work.run_flops(large, work.most_steps(large))


def test_depth_adamw_and_importances_cost_more():
    usual = network()
    for other in (network(depth=3), network(optimizer="adamw")):
        assert seconds(other) > seconds(usual)
        assert work.run_bytes(other) > work.run_bytes(usual)
    assert seconds(usual.model_copy(update={"importance": True})) > seconds(usual)


def test_importances_are_taken_from_2000_test_rows_at_most():
    tested = [TASK.model_copy(update={"protocol": Protocol(max_test_rows=rows)}) for rows in (2_000, 5_000)]
    few, many = (
        seconds(estimator("forest", task=task, importance=True)) - seconds(estimator("forest", task=task))
        for task in tested
    )
    assert few == pytest.approx(many)


def test_a_forest_with_larger_leaves_or_shallow_trees_takes_less_memory():
    largest = work.run_bytes(estimator("forest", 10_000, min_samples_leaf=1))
    assert largest > 250 * 10_000 * 64
    for smaller in ({"min_samples_leaf": 5}, {"max_depth": 3}):
        assert work.run_bytes(estimator("forest", 10_000, **smaller)) < largest / 4


@pytest.mark.parametrize("kind", KINDS)
def test_more_rows_and_features_take_an_estimator_longer(kind):
    wide = TASK.model_copy(update={"features": 80})
    assert 0 < seconds(estimator(kind)) < seconds(estimator(kind, 8_000))
    assert seconds(estimator(kind)) < seconds(estimator(kind, task=wide))
    assert seconds(estimator(kind)) < seconds(estimator(kind, importance=True))
    assert work.run_flops(estimator(kind), 0) == work.most_steps(estimator(kind)) == 0
    assert work.run_bytes(estimator(kind)) > 0


def test_more_trees_and_more_features_at_a_split_take_a_forest_longer():
    usual = seconds(estimator("forest", n_estimators=100))
    assert seconds(estimator("forest", n_estimators=200)) == pytest.approx(2 * usual)
    assert seconds(estimator("forest", n_estimators=100, max_features=None)) > 2 * usual
    assert seconds(estimator("forest", n_estimators=100, max_features="sqrt")) == usual
    assert seconds(estimator("forest", n_estimators=100, max_features=1)) < usual


def test_early_stopping_ends_a_run_after_its_patience_at_the_soonest():
    assert work.fewest_steps(network(patience=3, eval_every=50, max_steps=1_000)) == 200
    assert work.fewest_steps(network(patience=30, eval_every=50, max_steps=1_000)) == 1_000
    assert work.fewest_steps(network(patience=None, max_steps=1_000)) == 1_000


def test_kinds_of_estimators_learn_their_speeds_apart():
    classes = [work.speed_class(estimator(kind)) for kind in KINDS]
    assert len(set(classes)) == len(KINDS)
    known = {classes[0]: learning.Correction(2.0, 0.01, 600.0)}
    assert learning.at_class(known, classes[0]).log_factor > 1.9
    for other in (*classes[1:], work.speed_class(network(width=100_000))):
        assert learning.at_class(known, other).log_factor == pytest.approx(0.0)


def test_networks_that_train_together_stand_beside_each_other():
    assert work.batch_of(network(learning_rate=0.1)) == work.batch_of(network(learning_rate=0.01))
    assert work.batch_of(network()) != work.batch_of(network(width=200))
    assert work.kind_of(network()) == "networks"
    assert {work.kind_of(estimator(kind)) for kind in KINDS} == {"estimators"}
