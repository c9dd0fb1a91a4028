from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
import typer

from tombola import ExperimentSpec, InvalidSpec
from tombola.cli._specs import check_source, read_spec

YAML = """
# how wide must it be?
name: 2024-01-02
target: {n: 10, k: 2}
grid:
  width: [8, 16]
  samples: [100, null]
  sparsity: [2, ~]
training:
  learning_rate: 1e-1
  weight_decay: 1E-2
  batch_size: 16
seeds: {count: 3}
"""


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def test_a_spec_may_be_json(write, spec):
    assert read_spec(write("spec.json", json.dumps(spec)), None) == ExperimentSpec(**spec)


def test_a_spec_may_be_yaml(write):
    made = read_spec(write("spec.yaml", YAML), None)
    assert made.name == "2024-01-02"
    assert made.grid.samples == [100, None]
    assert made.grid.sparsity == [2, None]
    assert made.training.learning_rate == 0.1
    assert made.training.weight_decay == 0.01


def test_json_needs_no_suffix_and_may_begin_with_a_byte_order_mark(write, spec):
    content = "\ufeff" + json.dumps(spec, indent="\t")
    assert read_spec(write("spec", content), None).name == "tiny"


@pytest.mark.parametrize(
    "text", [YAML, '{"name": "x", "target": {"n": 10, "k": 2}, "grid": {"width": [8], "samples": [1]}}']
)
def test_a_spec_may_come_from_standard_input(monkeypatch, text):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    assert read_spec("-", None).target.n == 10


def test_a_name_replaces_the_specs(write, spec):
    assert read_spec(write("spec.json", json.dumps(spec)), "mine").name == "mine"
    del spec["name"]
    assert read_spec(write("spec.json", json.dumps(spec)), "mine").name == "mine"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("spec.json", "{'name': 1}", r"spec.json is not JSON: Expecting property name.* line 1 column 2"),
        ("spec.yaml", "name: [", r"spec.yaml is not YAML"),
        (
            "spec.yaml",
            "!!python/object:os.system {}",
            r"spec.yaml is not YAML: could not determine a constructor",
        ),
        ("spec.json", b"\xff\xfe", r"spec.json is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_bad_input(write, name, content, message):
    with pytest.raises(typer.BadParameter, match=message):
        read_spec(write(name, content), None)


def test_a_missing_file_is_bad_input(tmp_path):
    with pytest.raises(typer.BadParameter, match=r"cannot read .*none.json: No such file or directory"):
        read_spec(str(tmp_path / "none.json"), None)


@pytest.mark.parametrize(("source", "preset"), [(None, None), ("spec.json", "quickstart")])
def test_a_spec_comes_from_exactly_one_place(source, preset):
    with pytest.raises(typer.BadParameter, match=r"give either a spec .* or --preset NAME"):
        check_source(source, preset, None)


def test_a_file_has_no_scales():
    check_source(None, "paper/figure-1", "full")
    with pytest.raises(typer.BadParameter, match="--scale goes with --preset"):
        check_source("spec.json", None, "full")


@pytest.mark.parametrize("content", ["", "just text", "- 1"])
def test_what_is_no_object_is_no_spec(write, content):
    with pytest.raises(InvalidSpec, match="must be a JSON object, not "):
        read_spec(write("spec.yaml", content), "name")
