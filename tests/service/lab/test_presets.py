"""The paper's figures: their grids, what they share, and what they cost by the cost model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.lab import presets
from service.lab.errors import NoScales, UnknownPreset
from service.lab.experiments import Lab
from service.lab.presets import paper
from tombola.results import Preset, Scale
from tombola.spec import MAX_CELLS, MAX_RUNS, ExperimentSpec, ParityTarget

ROOT = Path(__file__).parents[3]
FIGURES = ["paper/figure-1", "paper/figure-2", "paper/figure-4"]
EVERY = [*presets.every(), *(presets.find(name, scale) for name in FIGURES for scale in Scale)]


def runs_of(preset):
    """Return every run: the hash of its configuration, and its seed."""
    return {
        (key, seed)
        for spec in preset.specs
        for key in [configuration.hash() for configuration in spec.configurations()]
        for seed in range(spec.seeds.start, spec.seeds.start + spec.seeds.count)
    }


@pytest.mark.parametrize("preset", EVERY, ids=lambda preset: f"{preset.name}-{preset.scale}")
def test_a_preset_is_valid_and_below_the_limits(preset):
    assert Preset.model_validate_json(preset.model_dump_json()) == preset
    for spec in preset.specs:
        assert ExperimentSpec.model_validate_json(spec.model_dump_json()) == spec
        assert spec.cell_count <= MAX_CELLS
        assert spec.run_count <= MAX_RUNS
        assert spec.name.startswith(preset.name)
    assert preset.spec == preset.specs[0]
    assert len({spec.name for spec in preset.specs}) == len(preset.specs)
    assert len(runs_of(preset)) == preset.run_count, "no run stands in two of its experiments"


def test_figure_1_in_full_is_the_papers_grid():
    (spec,) = presets.find("paper/figure-1", Scale.FULL).specs
    assert spec.target == ParityTarget(n=50, k=3)
    decades = [100, 1000, 10_000, 100_000]
    assert spec.grid.width == [10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000]
    assert spec.grid.samples == [step * decade for decade in decades for step in (1, 2, 3, 6)] + [1_000_000]
    assert spec.grid.sparsity == [2, None]
    assert (spec.seeds.count, spec.training.max_steps) == (50, 100_000)
    assert (spec.training.learning_rate, spec.training.weight_decay, spec.training.batch_size) == (
        0.1,
        0.01,
        32,
    )
    assert spec.run_count == 9 * 17 * 2 * 50


def test_figure_1_on_a_laptop_is_the_one_that_was_measured():
    measured = json.loads((ROOT / "bench/results/figure1.json").read_text())["spec"]
    (spec,) = presets.find("paper/figure-1", Scale.LAPTOP).specs
    assert spec.model_dump(mode="json") == measured | {"name": spec.name}


def test_figure_4_in_full_is_the_whole_sweep():
    preset = presets.find("paper/figure-4", Scale.FULL)
    targets = {(spec.target.n, spec.target.k) for spec in preset.specs}
    assert max(n for n, _ in targets) == 300
    assert {k for _, k in targets} == {3, 4}
    assert len(targets) == len(preset.specs), "an experiment for each target"
    assert preset.run_count == pytest.approx(2e5, rel=0.1)
    assert f"{preset.run_count:_}".replace("_", " ") in preset.description


@pytest.mark.parametrize("scale", Scale)
def test_the_runs_of_figure_2_are_runs_of_figure_1(scale):
    assert runs_of(presets.find("paper/figure-2", scale)) < runs_of(presets.find("paper/figure-1", scale))


def test_in_full_figure_1_is_a_part_of_figure_4():
    assert runs_of(presets.find("paper/figure-1", Scale.FULL)) < runs_of(
        presets.find("paper/figure-4", Scale.FULL)
    )


@pytest.mark.parametrize("name", FIGURES)
def test_what_a_gpu_trains_in_an_hour_is_a_part_of_all(name):
    assert runs_of(presets.find(name, Scale.GPU_HOUR)) < runs_of(presets.find(name, Scale.FULL))


@pytest.mark.parametrize("scale", Scale)
def test_the_descriptions_say_what_was_cut_and_what_is_assumed(scale):
    for figure in paper.FIGURES:
        text = figure(scale).description
        assert ("Nothing is cut" if scale is Scale.FULL else "Cut to ") in text
        assert ("was not measured" in text) == (scale is Scale.GPU_HOUR)
        assert "not restated here" in text


def test_unknown_presets_and_scales_are_told_apart():
    with pytest.raises(UnknownPreset, match="there is no preset 'paper/figure-3'; there are quickstart, "):
        presets.find("paper/figure-3", Scale.FULL)
    with pytest.raises(NoScales, match="'quickstart' has no scales"):
        presets.find("quickstart", Scale.LAPTOP)


def test_a_scale_costs_at_most_what_its_description_says(database, hire):
    def wall(scale):
        for name in FIGURES:
            with database.read() as session:
                yield Lab().quote_preset(session, presets.find(name, scale)).total.wall_seconds.expected

    # Where nobody trains yet: two cores, native, at the speed that is assumed.
    assert all(60 < seconds < 1800 for seconds in wall(Scale.LAPTOP))
    hire(engine="torch", device="cuda:0", device_name="a GPU", lanes=1)
    assert all(600 < seconds < 1800 for seconds in wall(Scale.GPU_HOUR))
    assert all(seconds > 5 * 3600 for seconds in wall(Scale.FULL))


def test_after_figure_1_there_is_nothing_to_train_for_figure_2(database, hands):
    lab = Lab(shard_seconds=600)

    def total(name):
        with database.read() as session:
            return lab.quote_preset(session, presets.find(name, Scale.LAPTOP)).total

    with database.write() as session:
        lab.submit(session, presets.find("paper/figure-1", Scale.LAPTOP).spec)
    pending = total("paper/figure-2")
    assert (pending.runs, pending.runs_pending, pending.run_steps) == (1728, 1728, 0)
    # The experiment n = 50, k = 3 has four sample sizes and three widths in common with it.
    assert total("paper/figure-4").runs_pending == 4 * 3 * 2 * 32
    hands.train_all()
    there = total("paper/figure-2")
    assert (there.runs, there.runs_existing, there.run_steps) == (1728, 1728, 0)
