"""Experiments on tables whose scores are made up: written into the store, as if they had been trained."""

from __future__ import annotations

import hashlib
import math
from itertools import product

import numpy as np
from ulid import ULID

from service.store.database import now
from service.store.models import Cell, Configuration, Dataset, Experiment, Run, Score
from service.store.runs import ensure_environment
from tombola.results import ClassCount, DatasetColumn, DatasetProfile, Quote
from tombola.spec import EstimatorModel, MlpModels, TabularConfiguration, TabularSpec, TabularTask

#: Two kinds of networks, a tuned forest and a model without choice, on two tables at two sizes.
SPEC = {
    "name": "made up",
    "target": {"kind": "tabular", "datasets": ["plain", "hard"]},
    "grid": {"fractions": [1.0, 0.1], "splits": 3, "first_split": 5},
    "models": [
        {
            "kind": "mlp",
            "width": [100, 10],
            "sparsity": [None, 2],
            "learning_rate": [0.1, 0.01],
            "max_steps": 500,
        },
        {"kind": "forest", "trials": 3},
        {"kind": "logistic", "trials": 1},
    ],
    "seeds": {"count": 2, "start": 7},
}
ROWS = {"plain": 1000, "hard": 300}
QUOTE = Quote(
    cells=1, runs=1, runs_existing=0, runs_pending=0, run_steps=1, flops=1.0, seconds=1.0, workers=1
)


def spec_of(**fields):
    return TabularSpec.model_validate(SPEC | fields)


def dataset_id(name):
    return hashlib.sha256(name.encode()).hexdigest()


def models_of(spec):
    for models in spec.models:
        if isinstance(models, MlpModels):
            yield from models.candidates()
        else:
            for trial in models.numbers:
                setting = {"max_depth": trial} if trial else {}
                yield EstimatorModel(kind=models.kind, hyperparameters=setting)


def add_dataset(session, name, rows, *, share=0.6):
    """Store what is known of a table, of which the larger class has a share."""
    larger = round(share * rows)
    profile = DatasetProfile(
        classes=[
            ClassCount(label="a", rows=larger, share=larger / rows),
            ClassCount(label="b", rows=rows - larger, share=1 - larger / rows),
        ],
        balance=1.0,
        columns=[
            DatasetColumn(name=column, kind="number", missing=0, distinct=rows)
            for column in ("noise", "signal")
        ],
        missing_values=0,
        duplicate_rows=0,
        constant_columns=[],
        duplicate_columns=[],
        identifier_columns=[],
        leaking_columns=[],
        warnings=[],
    )
    known = {"target": "y", "task": "binary", "columns": 2, "numbers": 2, "categoricals": 0, "classes": 2}
    session.add(
        Dataset(
            id=dataset_id(name),
            name=name,
            rows=rows,
            size=0,
            checksum="",
            created_at=now(),
            profile=profile.model_dump(mode="json"),
            **known,
        )
    )


def add(session, score, spec=None, rows=ROWS):
    """Store an experiment with runs, and return its id.

    Args:
        session: An open write transaction.
        score: Called with configuration and seed; returns columns of `Score` besides the numbers of rows, and
            perhaps `seconds`, None of a run that diverged, or False where there is no run.
        spec: The experiment's.
        rows: Of its data sets, by their names.
    """
    spec = spec or spec_of()
    at = now()
    experiment = Experiment(
        id=str(ULID()),
        name=spec.name,
        status="succeeded",
        spec=spec.model_dump(mode="json"),
        quote=QUOTE.model_dump(mode="json"),
        idempotency_scope="",
        runs_total=spec.run_count,
        runs_done=spec.run_count,
        cost_total=1.0,
        created_at=at,
    )
    session.add(experiment)
    environment = ensure_environment(session, engine="made-up", device="cpu", versions={})
    models = list(models_of(spec))
    protocol = spec.target.protocol
    configurations = [
        TabularConfiguration(
            target=TabularTask(
                dataset=dataset_id(name),
                rows=rows[name],
                features=2,
                classes=2,
                split=split,
                protocol=protocol,
            ),
            samples=samples,
            model=model,
            importance=spec.importance,
        )
        for name, split in product(spec.target.datasets, spec.grid.split_numbers())
        for samples in spec.grid.sizes(protocol.sizes(rows[name])[0])
        for model in models
    ]
    stored = [
        Configuration(hash=item.hash(), document=item.model_dump(mode="json")) for item in configurations
    ]
    session.add_all(stored)
    session.flush()
    runs, scores = [], []
    for position, (item, row) in enumerate(zip(configurations, stored, strict=True)):
        session.add(
            Cell(
                experiment_id=experiment.id,
                position=position,
                configuration_id=row.id,
                width=item.width or 0,
                samples=item.samples,
                sparsity=item.sparsity,
                seed_start=spec.seeds.start,
                seed_count=spec.seeds.count,
                run_cost=1.0,
            )
        )
        for seed in range(spec.seeds.start, spec.seeds.start + spec.seeds.count):
            made = score(item, seed)
            if made is False:
                continue
            runs.append(
                Run(
                    configuration_id=row.id,
                    seed=seed,
                    outcome="diverged" if made is None else "success",
                    steps=10,
                    train_error=None,
                    test_error=None if made is None else 1 - made["test_accuracy"],
                    wall_seconds=1.0 if made is None else made.get("seconds", 1.0),
                    flops=1.0,
                    environment_id=environment,
                    finished_at=at,
                )
            )
            scores.append((item.target.rows, item.samples, made))
    session.add_all(runs)
    session.flush()
    session.add_all(_score(protocol, run.id, *known) for run, known in zip(runs, scores, strict=True))
    return experiment.id


def _score(protocol, run_id, rows, samples, made):
    columns = {name: value for name, value in (made or {}).items() if name != "seconds"}
    return Score(
        run_id=run_id,
        validation_rows=protocol.validation_rows(rows, samples),
        test_rows=protocol.sizes(rows)[2],
        **columns,
    )


def spoken_for(rows):
    """Return the run that its validation rows speak for, None where all diverged: by loops.

    Args:
        rows: Of runs, each with the columns of `Score`.
    """
    known = [row for row in rows if not math.isnan(row["validation_accuracy"])]
    if not known:
        return None
    best = max(row["validation_accuracy"] for row in known)
    error = math.sqrt(best * (1 - best) / known[0]["validation_rows"])
    near = [row for row in known if row["validation_accuracy"] >= best - error]
    return min(near, key=lambda row: (-row["validation_auc"], row["validation_loss"]))


def luck_of(configuration, seed):
    """Return a generator whose numbers are those of a run, whatever others there are."""
    digest = hashlib.sha256(f"{configuration.hash()} {seed}".encode()).digest()
    return np.random.default_rng(list(digest[:16]))


def columns(validation, test, **others):
    """Return the scores of a run with these accuracies."""
    return {
        "validation_accuracy": validation,
        "validation_auc": validation,
        "validation_loss": 0.5,
        "test_accuracy": test,
        "test_auc": test + 0.05,
        "test_loss": 0.5,
        "core_seconds": 1.0,
    } | others


def usual(configuration, seed):
    """Return scores with ties and a few runs that diverged; networks like much data, forests do not care."""
    luck = luck_of(configuration, seed)
    if luck.random() < 0.1:
        return None
    model = configuration.model
    merit = {"mlp": 0.7, "forest": 0.8, "logistic": 0.65}.get(model.kind, 0.75)
    if model.kind == "mlp":
        merit += 0.2 * (configuration.samples > 100) + 0.05 * (model.width > 50) + 0.02 * bool(model.sparsity)
    merit += 0.03 * (configuration.target.dataset == dataset_id("plain"))
    validation, test = np.round(np.clip(merit + 0.04 * luck.normal(size=2), 0, 1), 2)
    found = columns(
        float(validation),
        float(test),
        validation_auc=float(np.round(luck.random(), 1)),
        validation_loss=float(np.round(luck.random(), 1)),
        core_seconds=float(np.round(0.5 + luck.random(), 2)),
    )
    if configuration.importance:
        found["importance"] = importance_of(configuration, luck)
    return found


def importance_of(configuration, luck):
    network = configuration.model.kind == "mlp"
    return [
        {
            "column": name,
            "permutation": float(strength + 0.01 * luck.normal()),
            "deviation": 0.01,
            "support": 0.5 if network else None,
            "initial_support": 0.4 if network else None,
        }
        for name, strength in (("noise", 0.0), ("signal", 0.3))
    ]
