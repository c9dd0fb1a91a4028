"""The life of an experiment on tables: by the machinery of all experiments, on both databases."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import func, select

from service.lab import answers, shards
from service.lab.datasets import storing
from service.lab.errors import DatasetInUse, IdempotencyConflict, IllegalTransition, WrongKind
from service.store.models import Cell, Run, Score, Shard
from tombola.spec import TabularSpec

SCORE = {
    "validation_accuracy": 0.9,
    "validation_auc": None,
    "validation_loss": 0.3,
    "validation_rows": 9,
    "test_accuracy": 0.8,
    "test_auc": 0.85,
    "test_loss": 0.4,
    "test_rows": 21,
    "importance": [{"column": "a", "permutation": 0.1, "deviation": 0.0}],
}


@pytest.fixture
def tabular_lab(lab, database):
    """Return `act(verb, id)`: a step of an experiment's life in a transaction of its own."""

    def act(verb, experiment_id):
        with database.write() as session:
            return getattr(lab, verb)(session, experiment_id)

    return act


@pytest.fixture
def read(database):
    def read(experiment_id):
        with database.read() as session:
            return answers.experiment(session, answers.known(session, experiment_id))

    return read


@pytest.fixture
def forget(database):
    def forget(dataset):
        with database.write() as session:
            storing.delete(session, dataset)

    return forget


def kinds(database):
    with database.read() as session:
        return Counter(session.scalars(select(Shard.kind).where(Shard.state == "queued")))


def test_shards_hold_one_kind_each_and_all_runs_together(database, submit, tabular_spec, hands):
    submit(tabular_spec)
    assert set(kinds(database)) == {"networks", "estimators"}
    trained = []
    for shard_id in hands.queued():
        claim = hands.claim(shard_id)
        with database.read() as session:
            kind = session.get(Shard, shard_id).kind
        models = {claim.configurations[key].model.kind for key, _ in claim.runs}
        assert (models == {"mlp"}) == (kind == "networks")
        trained += claim.runs
    assert len(set(trained)) == len(trained) == tabular_spec.run_count


def test_small_training_sets_are_trained_first_so_that_an_early_end_has_answers(submit, tabular_spec, hands):
    submit(tabular_spec)
    claims = [hands.claim(shard) for shard in hands.queued()]
    sizes = [{claim.configurations[key].samples for key, _ in claim.runs} for claim in claims]
    count = len(sizes) // 2
    assert sizes == [{35}] * count + [{70}] * count, "networks and the others of a size, then of the next"


def test_an_experiment_ends_with_every_run_and_says_how_far_it_is(
    database, submit, tabular_spec, hands, read
):
    experiment_id = submit(tabular_spec)
    first = read(experiment_id)
    assert (first.status, first.progress.fraction, first.spec) == ("queued", 0.0, tabular_spec)
    hands.train(hands.queued()[0])
    middle = read(experiment_id)
    assert middle.status == "running"
    assert 0 < middle.progress.fraction < 1
    hands.train_all()
    last = read(experiment_id)
    assert (last.status, last.progress.fraction) == ("succeeded", 1.0)
    assert last.progress.runs_done == last.progress.runs_total == tabular_spec.run_count
    with database.read() as session:
        widths = Counter(session.scalars(select(Cell.width)))
    assert widths == {8: 8, 0: 12}


def test_scores_are_stored_with_their_runs_and_once(database, submit, tabular_spec, hands, make_record):
    submit(tabular_spec)
    claim = hands.claim(hands.queued()[0])
    records = [make_record(key, seed, score=SCORE) for key, seed in claim.runs]
    for _ in range(2):
        with database.write() as session:
            shards.record(session, claim, records, hands.by, complete=False)
    with database.read() as session:
        rows = session.scalars(select(Score)).all()
        assert session.scalar(select(func.count()).select_from(Run)) == len(rows) == len(records)
        assert {name: getattr(rows[0], name) for name in SCORE} == SCORE
        assert rows[0].core_seconds == records[0].wall_seconds * hands.by.lanes


def test_trees_are_no_steps_in_the_account_of_an_experiment(
    database, submit, tabular_spec, hands, make_record, read
):
    experiment_id = submit(tabular_spec)
    claim = hands.claim(hands.queued()[0])
    records = [
        make_record(key, seed, steps=250, flops=1e6 * (number == 0))
        for number, (key, seed) in enumerate(claim.runs)
    ]
    assert len(records) > 1
    with database.write() as session:
        shards.record(session, claim, records, hands.by, complete=True)
    assert read(experiment_id).actual.run_steps == 250


def test_runs_are_shared_between_experiments(submit, tabular_spec, hands, read):
    submit(tabular_spec)
    hands.train_all()
    wider = tabular_spec.model_dump() | {"grid": {"fractions": [0.5, 1.0], "splits": 3}}
    second = read(submit(TabularSpec.model_validate(wider)))
    assert second.progress.runs_reused == tabular_spec.run_count
    assert second.quote.runs_existing == tabular_spec.run_count
    assert second.progress.runs_total == 30


def test_a_second_experiment_takes_over_what_the_first_no_longer_wants(
    submit, tabular_spec, hands, read, tabular_lab
):
    first, second = submit(tabular_spec), submit(tabular_spec.model_copy(update={"name": "again"}))
    assert read(second).quote.runs_pending == tabular_spec.run_count
    held = hands.claim(hands.queued()[0])
    tabular_lab("cancel", first)
    hands.record(held, list(held.runs), complete=True)
    hands.train_all()
    assert read(first).status == "cancelled"
    assert read(second).status == "succeeded"


def test_an_experiment_is_paused_resumed_cancelled_retried_and_deleted(
    submit, tabular_spec, hands, read, tabular_lab
):
    experiment_id = submit(tabular_spec)
    hands.train(hands.queued()[0])
    tabular_lab("pause", experiment_id)
    assert hands.queued() == []
    tabular_lab("resume", experiment_id)
    done = read(experiment_id).progress.runs_done
    assert 0 < done < tabular_spec.run_count
    tabular_lab("cancel", experiment_id)
    tabular_lab("retry", experiment_id)
    hands.train_all()
    assert read(experiment_id).status == "succeeded"
    tabular_lab("delete", experiment_id)


def test_a_key_gives_the_same_experiment_and_refuses_another_spec(submit, tabular_spec):
    first = submit(tabular_spec, idempotency_key="k")
    assert submit(tabular_spec, idempotency_key="k") == first
    with pytest.raises(IdempotencyConflict):
        submit(tabular_spec.model_copy(update={"importance": True}), idempotency_key="k")


def test_a_data_set_stays_while_an_experiment_needs_it_and_its_runs_stay_after_it(
    submit, tabular_spec, hands, read, forget, dataset
):
    experiment_id = submit(tabular_spec)
    with pytest.raises(DatasetInUse, match=experiment_id):
        forget("colours")
    hands.train_all()
    forget(dataset.id)
    assert read(experiment_id).progress.runs_done == tabular_spec.run_count


def test_an_experiment_without_its_data_set_cannot_be_retried(
    submit, tabular_spec, tabular_lab, forget, dataset
):
    experiment_id = submit(tabular_spec)
    tabular_lab("cancel", experiment_id)
    forget(dataset.id)
    with pytest.raises(IllegalTransition, match=dataset.id):
        tabular_lab("retry", experiment_id)


def test_answers_about_parities_say_where_those_on_tables_are(database, submit, tabular_spec):
    experiment_id = submit(tabular_spec)
    with database.read() as session, pytest.raises(WrongKind, match="/comparison") as caught:
        answers.success_table(session, experiment_id)
    assert "/scores" in str(caught.value)


def test_estimators_are_planned_for_those_who_consume_their_queue(
    database, submit, tabular_spec, hire, lab, hands
):
    hire(queues="main", device="cuda:0", device_name="a GPU", lanes=1)
    for _ in range(3):
        hire(queues="cpu", engine="estimators", processor="a processor", threads=4)
    with database.read() as session:
        quote = lab.quote(session, tabular_spec)
    assert quote.workers == 4
    assert [(item.engine, item.workers, item.lanes) for item in quote.machines] == [
        ("mlp", 1, 1),
        ("estimators", 3, 4),
    ]
    assert quote.core_seconds.expected > 0
    assert quote.gpu_seconds.expected > 0
    assert quote.wall_seconds.expected < (quote.core_seconds.expected + quote.gpu_seconds.expected)
    assert quote.run_steps == 8 * 300
    assert quote.memory_bytes > 0
