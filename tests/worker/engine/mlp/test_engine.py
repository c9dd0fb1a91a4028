from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score

from tombola.results import Outcome
from tombola.spec import EstimatorModel
from worker.engine import draws
from worker.engine._group import FIXED_BYTES
from worker.engine.draws import Stream
from worker.engine.mlp import MlpEngine
from worker.engine.mlp._initial import initial_layers
from worker.engine.tables import task_key

from .conftest import provide, run


def initial(task, seed, shapes, sparsity, device="cpu"):
    """Return the initial weights and biases of each layer of one run."""
    key_0, key_1, seeds = torch.tensor((*task_key(task), seed), device=device)[:, None]
    return [
        (weights[0], bias[0]) for weights, bias in initial_layers((key_0, key_1), seeds, shapes, sparsity)
    ]


def plainly(asked):
    """Train as anybody would with torch: modules, autograd, torch.optim; return accuracies and logits."""
    model, task = asked.configuration.model, asked.configuration.target
    split = provide(task, asked.configuration.samples, True)
    outputs = task.classes if task.classes > 2 else 1
    sizes = [task.features, *[model.width] * (model.depth - 1), outputs]
    shapes = list(itertools.pairwise(sizes))
    linear = [torch.nn.Linear(*shape) for shape in shapes]
    drawn = initial(task, asked.seed, shapes, model.sparsity)
    with torch.no_grad():
        for layer, (weights, bias) in zip(linear, drawn, strict=True):
            layer.weight.copy_(weights.T)
            layer.bias.copy_(bias[0])
    layers = [part for layer in linear for part in (layer, torch.nn.ReLU())][:-1]
    network = torch.nn.Sequential(*layers)
    kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[model.optimizer]
    optimizer = kind(network.parameters(), lr=model.learning_rate, weight_decay=model.weight_decay)
    features, classes = torch.from_numpy(split.train.features), torch.from_numpy(split.train.classes)
    best = (-1.0, 0.0)
    for step in range(model.max_steps):
        words = draws.words(
            task_key(task), torch.tensor(asked.seed), Stream.MINIBATCH, torch.tensor(step), model.batch_size
        )
        places = draws.integers(words, len(classes))
        answers = network(features[places])
        loss = (
            torch.nn.functional.binary_cross_entropy_with_logits(answers[:, 0], classes[places].float())
            if outputs == 1
            else torch.nn.functional.cross_entropy(answers, classes[places])
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % model.eval_every == 0 or step + 1 == model.max_steps:
            validation, test = (shares(network, rows) for rows in (split.validation, split.test))
            right = float((validation.argmax(1) == split.validation.classes).mean())
            fit = right, -log_loss(split.validation.classes, validation, labels=range(task.classes))
            if fit > best:
                best, kept = fit, test
    return best, kept, split.test.classes


def shares(network, rows):
    with torch.no_grad():
        logits = network(torch.from_numpy(rows.features)).double()
    if logits.shape[1] == 1:
        logits = torch.cat((torch.zeros_like(logits), logits), dim=1)
    return logits.softmax(dim=1).numpy()


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize(
    ("optimizer", "rate", "decay"), [("sgd", 0.1, 0.01), ("sgd", 0.2, 0.0), ("adamw", 0.01, 0.1)]
)
@pytest.mark.parametrize("sparsity", [2, None])
def test_networks_learn_as_a_plain_loop_of_torch_does(
    trained, classes, depth, optimizer, rate, decay, sparsity
):
    asked = run(
        3,
        classes=classes,
        depth=depth,
        optimizer=optimizer,
        learning_rate=rate,
        weight_decay=decay,
        sparsity=sparsity,
    )
    found = trained([asked])[asked]
    best, test, truth = plainly(asked)
    assert found.outcome is Outcome.SUCCESS
    assert found.steps == 60
    assert found.score.validation.accuracy == pytest.approx(best[0])
    assert found.score.validation.loss == pytest.approx(-best[1], rel=1e-4)
    assert found.score.test.loss == pytest.approx(log_loss(truth, test, labels=range(classes)), rel=1e-4)
    assert found.score.test.accuracy == pytest.approx(np.mean(test.argmax(1) == truth))
    area = (
        roc_auc_score(truth, test[:, 1])
        if classes == 2
        else roc_auc_score(truth, test, multi_class="ovr", average="macro")
    )
    assert found.score.test.auc == pytest.approx(area, abs=1e-4)
    assert found.test_error == pytest.approx(1 - found.score.test.accuracy)
    assert (found.score.validation_rows, found.score.test_rows) == (40, 257)


def several():
    """Return runs of many kinds, some of which may share a batch and end at different evaluations."""
    return [
        *(
            run(seed, sparsity=sparsity, learning_rate=rate, patience=patience, max_steps=200)
            for seed in range(3)
            for sparsity in (1, 2, None)
            for rate, patience in ((0.1, None), (0.5, 2))
        ),
        *(run(seed, optimizer="adamw", learning_rate=0.01, classes=3, depth=3, width=9) for seed in range(4)),
        run(1, width=33, weight_decay=0.0),
        run(1, split=1),
        run(1, samples=50),
        run(1, width=1, sparsity=None),
    ]


def essence(finished):
    return {item.run: dataclasses.replace(item, wall_seconds=0.0) for item in finished}


def test_a_run_ends_alike_to_the_last_bit_whatever_trains_beside_it(trained):
    together = several()
    reference = essence(trained(together).values())
    assert len(reference) == len(together)
    alone = [item for asked in together[::4] for item in trained([asked]).values()]
    together.reverse()
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        in_one_lane = trained(together[:15], memory_limit=FIXED_BYTES + 2**22)
    finally:
        torch.set_num_threads(threads)
    for item in essence([*alone, *in_one_lane.values()]).values():
        assert item == reference[item.run]


def test_patience_ends_a_run_and_its_best_evaluation_counts(trained):
    patient, impatient = (
        run(2, learning_rate=1.0, patience=patience, max_steps=2000) for patience in (None, 3)
    )
    found = trained([patient, impatient])
    assert found[patient].steps == 2000
    assert found[impatient].steps < 2000
    assert found[impatient].steps % 20 == 0
    assert found[impatient].score.validation.accuracy <= found[patient].score.validation.accuracy


def test_a_network_whose_outputs_are_not_finite_has_diverged_and_has_no_score(trained):
    wild = run(0, learning_rate=1e6, optimizer="sgd", classes=3, max_steps=500, sparsity=None)
    found = trained([wild, run(0, classes=3)])
    assert found[wild].outcome is Outcome.DIVERGED
    assert found[wild].steps < 500
    assert found[wild].test_error is None
    assert found[wild].score.test.accuracy is None
    assert found[run(0, classes=3)].outcome is Outcome.SUCCESS


def test_a_stop_ends_the_training_and_what_has_ended_is_handed_over_once(trained):
    engine = MlpEngine(provide, "cpu")
    short, endless = run(0), run(1, width=500, max_steps=1_000_000)
    finished = []
    assert not engine.train([short, endless], finished.append, lambda _: bool(finished))
    assert [item.run for item in finished] == [short]


def test_the_fraction_done_grows_to_one():
    fractions = []
    engine = MlpEngine(provide, "cpu")
    assert engine.train(several(), lambda _: None, lambda fraction: bool(fractions.append(fraction)))
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)


def test_only_networks_are_trained():
    asked = run()
    forest = EstimatorModel(kind="forest", hyperparameters={})
    other = dataclasses.replace(asked, configuration=asked.configuration.model_copy(update={"model": forest}))
    with pytest.raises(TypeError, match="trains networks, not forest"):
        MlpEngine(provide, "cpu").train([other], lambda _: None, lambda _: False)


def test_draws_are_these_for_ever():
    """The numbers are part of every stored result."""
    (first, bias), (last, offset) = initial(run().configuration.target, 5, [(7, 4), (4, 3)], 2)
    assert first.nonzero().tolist() == [[1, 2], [3, 1], [5, 0], [5, 3], [6, 0], [6, 1], [6, 2], [6, 3]]
    assert bias[0].tolist() == pytest.approx([-0.3193207, 0.1381513, 0.2053234, -0.2781835], abs=1e-6)
    assert last[:, 2].tolist() == pytest.approx([0.2694693, 0.1473154, -0.3835054, -0.3203056], abs=1e-6)
    assert offset[0].tolist() == pytest.approx([-0.0270772, -0.4472596, -0.4688292], abs=1e-6)


def test_a_narrow_network_is_the_first_part_of_a_wide_one():
    task = run().configuration.target
    narrow = initial(task, 5, [(7, 4), (4, 4), (4, 3)], None)
    wide = initial(task, 5, [(7, 16), (16, 16), (16, 3)], None)
    assert torch.equal(wide[0][0][:, :4], narrow[0][0])
    assert torch.allclose(wide[1][0][:4, :4] * 2, narrow[1][0])
    assert torch.allclose(wide[2][0][:4] * 2, narrow[2][0])


def test_importance_names_the_columns_that_decide_and_what_neurons_read(trained):
    asked = run(0, importance=True, width=200, max_steps=1500, samples=600, weight_decay=0.001)
    read = {item.column: item for item in trained([asked])[asked].score.importance}
    assert list(read) == [f"column {number}" for number in range(7)]
    ordered = sorted(read, key=lambda name: -read[name].permutation)
    assert ordered[0] in {"column 0", "column 1"}
    assert set(ordered[:2]) == {"column 0", "column 1"}
    assert abs(read["column 5"].permutation) < 0.03
    for when in ("support", "initial_support"):
        assert sum(getattr(item, when) for item in read.values()) == pytest.approx(1)
    assert read["column 0"].support > read["column 5"].support
