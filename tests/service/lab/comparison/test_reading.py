"""What comes after a comparison: the experiment that shows what its winners read."""

from __future__ import annotations

import pytest

from service.lab import asked
from service.lab.comparison.compose import comparison
from service.lab.comparison.reading import reading
from service.lab.errors import NoRunsYet, UnknownDataset
from service.store import datasets
from tests import scored
from tombola.spec import EstimatorModels, MlpModels


def favouring(configuration, seed):
    """Return scores by which the second forest, and wide slow sparse networks, are the best."""
    model = configuration.model
    if model.kind == "mlp":
        merit = (
            0.7 + 0.1 * (model.width == 100) + 0.1 * bool(model.sparsity) + (model.learning_rate == 0.01) / 50
        )
    else:
        merit = 0.8 + 0.05 * (model.hyperparameters == {"max_depth": 1})
    return scored.columns(merit, merit)


def test_the_winners_at_the_largest_size_are_trained_again_on_the_same_splits(database, made):
    key, _ = made(favouring)
    with database.read() as session:
        spec = reading(session, key)
    networks, forest = spec.models
    assert isinstance(networks, MlpModels)
    assert list(networks.candidates()) == [
        next(iter(MlpModels(width=[100], sparsity=[2], learning_rate=[0.01], max_steps=500).candidates()))
    ]
    assert forest == EstimatorModels(kind="forest", trials=3, candidates=[1])
    assert spec.importance
    assert (spec.grid.fractions, spec.grid.splits, spec.grid.first_split) == ([1.0], 3, 5)
    assert spec.seeds == scored.spec_of().seeds
    # By id: another table may have a name by then.
    expected = scored.spec_of().target
    ids = [scored.dataset_id(name) for name in expected.datasets]
    assert spec.target == expected.model_copy(update={"datasets": ids})


def test_they_are_those_that_the_comparison_names(database, made):
    key, _ = made()
    with database.read() as session:
        spec, found = reading(session, key), comparison(session, key)
    last = [row for row in found.datasets if row.fraction == 1.0]
    chosen = [model.chosen for row in last for model in row.models if model.model == "mlp-sparse"]
    again = [
        model.model_dump(include=set(chosen[0]))
        for models in spec.models
        if isinstance(models, MlpModels)
        for model in models.candidates()
    ]
    assert len(again) == len({str(model) for model in again})
    assert {str(model) for model in again} == {str(model) for model in chosen}


def test_a_data_set_that_is_gone_is_named(database, made):
    key, _ = made()
    with database.write() as session:
        datasets.remove(session, scored.dataset_id("hard"))
    with database.read() as session, pytest.raises(UnknownDataset, match=scored.dataset_id("hard")):
        reading(session, key)


def test_a_model_that_was_cut_down_before_is_cut_down_by_the_numbers_of_its_trials(database, made):
    forest = {"kind": "forest", "trials": 9, "candidates": [4, 7]}
    spec = scored.spec_of(models=[scored.SPEC["models"][0], forest])
    key, _ = made(lambda configuration, _: scored.columns(*[_only_seven(configuration.model)] * 2), spec)
    with database.read() as session:
        assert reading(session, key).models[-1].candidates == [7]


def _only_seven(model):
    return 0.9 if model.kind != "mlp" and model.hyperparameters == {"max_depth": 7} else 0.5


def test_without_a_complete_size_there_is_nothing_to_read(database, made):
    key, _ = made(lambda *_: False)
    with database.read() as session, pytest.raises(NoRunsYet, match="all runs of a size"):
        reading(session, key)


def test_a_numbered_candidate_is_the_same_alone_as_among_all_trials(database, dataset):
    def forests(**fields):
        models = [{"kind": "forest", "trials": 6} | fields]
        target = {"kind": "tabular", "datasets": [dataset.name]}
        spec = scored.spec_of(target=target, models=models, grid={"fractions": [1.0], "splits": 1})
        with database.read() as session:
            return list(asked.by_hash(session, spec))

    every = forests()
    assert len(every) == 6
    assert forests(candidates=[5, 2]) == [every[5], every[2]]
