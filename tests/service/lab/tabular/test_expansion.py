"""What a spec on tables expands to, and what of it does not fit its data sets."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lab.datasets import storing
from service.lab.datasets.storing import About
from service.lab.datasets.table import Asked, assemble
from service.lab.errors import BadSpec
from service.lab.tabular import sizes
from service.lab.tabular.expansion import expand
from tombola.results import ClassCount
from tombola.spec import Protocol, TabularGrid, TabularSpec


@pytest.fixture
def database_url(migrated_sqlite_url):
    return migrated_sqlite_url


@pytest.fixture
def refused(database, tabular_spec):
    """Return `refused(**fields)`: what is wrong with the spec with these fields instead, by pointer."""

    def refused(**fields):
        asked = TabularSpec.model_validate(tabular_spec.model_dump() | fields)
        with database.read() as session, pytest.raises(BadSpec) as caught:
            expand(session, asked)
        return {part.pointer: part.detail for part in caught.value.parts}

    return refused


def test_cells_are_in_the_order_of_data_set_split_size_model_candidate(database, dataset, tabular_spec):
    with database.read() as session:
        found = expand(session, tabular_spec)
    assert len(found) == tabular_spec.cell_count == 2 * 2 * 5
    assert {item.target.dataset for item in found} == {dataset.id}
    assert [(item.target.split, item.samples) for item in found[::5]] == [(0, 35), (0, 70), (1, 35), (1, 70)]
    kinds = ["mlp", "mlp", "forest", "forest", "logistic"]
    assert [item.model.kind for item in found] == kinds * 4
    assert len({item.hash() for item in found}) == len(found)


@pytest.mark.parametrize(("encoding", "features"), [("one-hot", 2 + 3), ("ordinal", 3)])
def test_features_are_counted_as_the_protocol_encodes_them(database, tabular_spec, encoding, features):
    target = {"datasets": ["colours"], "protocol": {"encoding": encoding}}
    with database.read() as session:
        found = expand(session, TabularSpec.model_validate(tabular_spec.model_dump() | {"target": target}))
    assert {(item.target.rows, item.target.features, item.target.classes) for item in found} == {
        (100, features, 2)
    }


def test_a_data_set_has_the_same_cells_by_name_and_by_id(database, dataset, tabular_spec):
    by_id = TabularSpec.model_validate(tabular_spec.model_dump() | {"target": {"datasets": [dataset.id]}})
    with database.read() as session:
        assert expand(session, by_id) == expand(session, tabular_spec)


def test_unknown_data_sets_and_one_named_twice_are_pointed_to(refused, dataset):
    wrong = refused(target={"datasets": ["colours", "none", dataset.id]})
    assert wrong["/target/datasets/1"] == (
        "there is no data set 'none'; GET /v1/datasets lists those there are"
    )
    assert wrong["/target/datasets/2"].endswith("is the same data set as 'colours': name it once")


def test_sizes_that_are_too_large_or_the_same_are_pointed_to(refused):
    assert "has 70 rows; this one would have 71" in refused(grid={"samples": [70, 71]})["/grid/samples/1"]
    wrong = refused(grid={"fractions": [0.5, 0.501]})
    assert wrong == {
        "/grid/fractions/1": "0.501 is 35 rows of data set colours, as 0.5 is: leave one of them out"
    }


def test_a_size_that_leaves_a_class_out_names_it_and_the_data_set(database, refused):
    table = pa.table({"a": range(100), "y": ["rare"] * 2 + ["common"] * 98})
    with database.write() as session:
        storing.store(session, storing.prepare(assemble(table, Asked("y")), About("lopsided")))
    wrong = refused(target={"datasets": ["lopsided"]}, grid={"samples": [5, 70]}, models=[{"kind": "forest"}])
    assert set(wrong) == {"/grid/samples/0"}
    assert "rare" in wrong["/grid/samples/0"]
    assert "lopsided" in wrong["/grid/samples/0"]


def test_a_sparsity_above_the_features_is_pointed_to(refused):
    models = [{"kind": "forest"}, {"kind": "mlp", "width": [4], "sparsity": [2, 6, None]}]
    wrong = refused(models=models)
    assert set(wrong) == {"/models/1/sparsity/1"}
    assert "data set colours has 5 (one-hot)" in wrong["/models/1/sparsity/1"]


def test_a_column_of_names_is_not_encoded_one_hot(database, refused, tabular_spec):
    rows = range(10_000)
    table = pa.table({"who": [f"name {row}" for row in rows], "y": [str(row % 2) for row in rows]})
    with database.write() as session:
        storing.store(session, storing.prepare(assemble(table, Asked("y")), About("people")))
    target = {"datasets": ["people"], "protocol": {"encoding": "one-hot"}}
    wrong = refused(target=target, grid={"fractions": [1.0]})
    assert wrong["/target/protocol/encoding"] == (
        "one-hot encoding makes 10000 features of data set people, 10000 of them of column 'who': a split "
        "would take 1.1 GiB, and at most 1 GiB are given; take the ordinal encoding, or leave that column out"
    )
    target["protocol"]["encoding"] = "ordinal"
    spec = TabularSpec.model_validate(
        tabular_spec.model_dump()
        | {"target": target, "grid": {"fractions": [1.0]}, "models": [{"kind": "forest"}]}
    )
    with database.read() as session:
        assert {item.target.features for item in expand(session, spec)} == {1}


@given(st.lists(st.integers(1, 400), min_size=2, max_size=5))
def test_the_fraction_that_is_suggested_holds_every_class(rows):
    classes = [ClassCount(label=str(number), rows=count, share=0.5) for number, count in enumerate(rows)]
    protocol = Protocol()
    largest = protocol.sizes(sum(rows))[0]
    detail = sizes.check("t", classes, sum(rows), 1, protocol)
    if detail is not None and "a fraction of" in detail:
        fraction = float(detail.rsplit(" ", 1)[1])
        (samples,) = TabularGrid(fractions=[min(1.0, fraction)]).sizes(largest)
        assert sizes.check("t", classes, sum(rows), samples, protocol) is None


def test_a_table_too_small_for_the_protocol_is_pointed_to(refused):
    wrong = refused(target={"datasets": ["colours"], "protocol": {"train_share": 0.999}})
    assert "leaves 99 of them for training, 0 for validation" in wrong["/target/datasets/0"]
